"""Fields of objects with everything that had a say in them, as `blame` shows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import typer
from rich.text import Text

from lateen.api import fieldsets, names
from lateen.api import manifest as manifests
from lateen.api.manifest import Manifest
from lateen.base import documents, paths, suggest
from lateen.base.documents import Document
from lateen.base.problem import Position, Problem
from lateen.cli import printing
from lateen.cli.forms import Output
from lateen.definitions import parameters, tracing
from lateen.definitions.tracing import Cause

HIDDEN = "(hidden)"
_LONGEST = 60  # characters of a value
# written by the API server alone, of no use to anybody who asks why
_NOISE = ("managedFields", "uid", "resourceVersion", "generation", "creationTimestamp")


@dataclass(frozen=True)
class Wanted:
    """What to explain: `Deployment/web` and a field of it; everything where these are empty."""

    kind: str = ""
    name: str = ""
    field: paths.Path = ()


@dataclass(frozen=True)
class Object:
    """One object with how it came to be. `live` is what the cluster has, if that was asked."""

    manifest: Manifest
    document: Document  # the application
    story: tracing.Story | None
    live: Manifest | None = None

    @property
    def shown(self) -> Manifest:
        return self.live or self.manifest

    @property
    def title(self) -> str:
        key = manifests.key(self.shown)
        cluster = manifests.labels(self.manifest).get(names.APP_CLUSTER, "")
        return f"{key.kind}/{key.name}" + (f" on cluster {cluster}" if cluster else "")


@dataclass(frozen=True)
class Account:
    """One field of an object, its value, and who had a say in it, the last writer last."""

    path: paths.Path
    value: Any
    causes: tuple[Cause, ...]


def wanted(words: Sequence[str]) -> Wanted:
    """What the arguments of the command ask for.

    Raises:
        typer.BadParameter: they cannot be read.
    """
    if not words:
        return Wanted()
    kind, slash, name = words[0].partition("/")
    if not slash or not kind or not name or len(words) > 2:
        raise typer.BadParameter(
            f'"{" ".join(words)}" is not KIND/NAME and a field, as in Deployment/web spec.replicas'
        )
    try:
        field = paths.parse(words[1].removeprefix(".")) if words[1:] else ()
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    return Wanted(kind, name, field)


def select(objects: Sequence[Object], asked: Wanted) -> list[Object]:
    """The objects that are meant.

    Raises:
        Problem: `input.object` when there is none of that kind and name.
    """
    if not asked.kind:
        return list(objects)
    found = [each for each in objects if _is(each.shown, asked)]
    if found:
        return found
    titles = {"/".join(_names(each.shown)) for each in objects}
    near = suggest.nearest(f"{asked.kind}/{asked.name}", titles)
    raise Problem(
        "input.object",
        f"there is no {asked.kind}/{asked.name} among what is rendered",
        hint=near or f"there are: {', '.join(sorted(titles)) or 'no objects at all'}",
    )


def _is(manifest: Manifest, asked: Wanted) -> bool:
    kind, name = _names(manifest)
    return (kind.lower(), name) == (asked.kind.lower(), asked.name)


def _names(manifest: Manifest) -> tuple[str, str]:
    key = manifests.key(manifest)
    return key.kind, key.name


def accounts(each: Object, field: paths.Path = ()) -> list[Account]:
    """The fields of an object at or below `field`, without what only the API server writes.

    Raises:
        Problem: `input.field` when the object has no such field.
    """
    value = paths.lookup(each.shown, field)
    if value is paths.MISSING:
        raise _no_field(each, field)
    found = []
    for path, leaf in tracing.leaves(value, field):
        if field or not _noise(path):
            found.append(_account(each, path, leaf))
    return found


def _noise(path: paths.Path) -> bool:
    return path[:1] == ("status",) or (path[0] == "metadata" and path[1] in _NOISE)


def _no_field(each: Object, field: paths.Path) -> Problem:
    depth = next(
        size
        for size in range(len(field) - 1, -1, -1)
        if paths.lookup(each.shown, field[:size]) is not paths.MISSING
    )
    there = paths.lookup(each.shown, field[:depth])
    known = list(map(str, there)) if isinstance(there, dict) else []
    if isinstance(there, list):
        known = [f"[{index}]" for index in range(len(there))]
    where = paths.render(field[:depth]) or each.title
    hint = suggest.nearest(str(field[depth]), known)
    return Problem(
        "input.field",
        f"{each.title} has no field {paths.render(field)}",
        hint=hint or (f"{where} has: {', '.join(known)}" if known else f"{where} has no fields"),
    )


def _account(each: Object, path: paths.Path, value: Any) -> Account:
    causes: list[Cause] = []
    rendered = paths.lookup(each.manifest, path)
    if each.story is not None and rendered is not paths.MISSING:
        causes = tracing.causes(each.story, path, each.document.data)
    if not causes and rendered is not paths.MISSING:
        causes = [tracing.stamped(path, rendered)]
    if each.live is not None:
        causes += _managers(each.live, path, value, rendered)
    if _is_hidden(each, path, causes):
        value = HIDDEN
        causes = [
            replace(cause, value=paths.MISSING if cause.value is paths.MISSING else HIDDEN)
            for cause in causes
        ]
    return Account(path, value, tuple(causes))


def _managers(live: Manifest, path: paths.Path, value: Any, rendered: Any) -> Iterator[Cause]:
    """Who wrote the field in the cluster, where that was not Lateen alone."""
    owners = fieldsets.owners(live, path)
    for owner in owners:
        if owner.manager == names.FIELD_MANAGER:
            continue
        how = f"{owner.operation.lower()} of {owner.subresource}".removesuffix(" of ")
        who = owner.manager or "an unnamed manager"
        yield Cause(tracing.MANAGER, who, value=value, note=" ".join((how, owner.time)).strip())
    if rendered == value:
        return
    if not owners:
        yield Cause(tracing.MANAGER, "Kubernetes", value=value, note="default of the API server")
    elif all(owner.manager == names.FIELD_MANAGER for owner in owners):
        note = "as it was delivered: by the patch of a workflow step, or from an earlier text"
        yield Cause(tracing.MANAGER, names.FIELD_MANAGER, value=value, note=note)


def _is_hidden(each: Object, path: paths.Path, causes: Sequence[Cause]) -> bool:
    """Whether a value is, or may have come from, that of a Secret."""
    if manifests.key(each.shown).kind == "Secret" and path[0] in ("data", "stringData"):
        return True
    if any(cause.kind == tracing.ANSWER for cause in causes):
        return True
    if each.story is None:
        return False
    filled = [*map(paths.parse, parameters.input_targets(each.story.scene.component))]
    given = [paths.parse(cause.path) for cause in causes if cause.kind == tracing.PARAMETER]
    return any(paths.related(one, other) for one in given for other in filled)


def show(objects: Sequence[Object], asked: Wanted, output: Output) -> None:
    """Print the accounts: of one field in full, of whole objects as annotated manifests."""
    if output is not Output.TABLE:
        told = [
            _plain(each, account) for each in objects for account in accounts(each, asked.field)
        ]
        printing.structured(told, output)
        return
    console = printing.stdout()
    for index, each in enumerate(objects):
        if not asked.field:
            printing.line_out(f"---\n# {each.title}\n{annotated(each)}".rstrip("\n"))
            continue
        for number, account in enumerate(accounts(each, asked.field)):
            if index or number:
                console.print()
            console.print(_table(each, account))


def annotated(each: Object) -> str:
    """A manifest as YAML, each field with the places it comes from."""
    found = {account.path: account for account in accounts(each)}
    kept: Any = {}
    for path, account in found.items():
        kept = _put(kept, path, account.value)
    text = documents.dump(kept)
    comments: dict[int, str] = {}
    [read] = documents.load(text, "")
    for path, account in found.items():
        place = read.position(path)
        if place is not None:
            comments[place.line] = _comment(each, account)
    lines = text.splitlines()
    widths = [len(line) for line in lines if len(line) <= _LONGEST]
    margin = max(widths, default=0)
    return "\n".join(
        f"{line:<{margin}}  # {comments[number]}" if comments.get(number) else line
        for number, line in enumerate(lines, 1)
    )


def _put(value: Any, path: paths.Path, new: Any) -> Any:
    """As `paths.assign`, but in place: leaves come in order, so a list only grows at its end."""
    if not path:
        return new
    head, rest = path[0], path[1:]
    empty: Any = [] if rest and isinstance(rest[0], int) else {}
    if isinstance(head, int):
        if head == len(value):
            value.append(empty)
    else:
        value.setdefault(head, empty)
    value[head] = _put(value[head], rest, new)
    return value


def _comment(each: Object, account: Account) -> str:
    """The chain on one line: parameter app.yaml:9 > template webservice.cue:79."""
    said = []
    for cause in account.causes:
        if cause.note == tracing.PASSED:
            continue
        places = [f"{p.source}:{p.line}" for p in _places(each, cause)]
        who = cause.who if cause.kind in (tracing.STAMP, tracing.MANAGER) else cause.kind
        if cause.kind == tracing.STAMP and cause.note and places:
            who = cause.note
        said.append(" ".join((who, *places[:1])))
    return " > ".join(dict.fromkeys(said))


def _places(each: Object, cause: Cause) -> list[Position]:
    """Where a cause stands: in its definition, then in the application."""
    written = each.document.position(cause.path) if cause.path else None
    return [place for place in (cause.position, written) if place]


def _table(each: Object, account: Account) -> Text:
    """One field and its causes, one numbered line for each, the last writer last."""
    text = Text(f"{each.title}  ", "bold")
    text.append(paths.render(account.path), "bold")
    text.append(f" = {_said(account.value)}\n")
    rows = [(_title(cause), _where(each, cause), _rest(cause)) for cause in account.causes]
    first = max((len(row[0]) for row in rows), default=0)
    second = max((len(row[1]) for row in rows), default=0)
    for number, (title, where, rest) in enumerate(rows, 1):
        line = f"{number:>3}  {title:<{first}}  {where:<{second}}  {rest}"
        text.append(f"{line.rstrip()}\n", "green" if number == len(rows) else "")
    text.rstrip()
    return text


def _title(cause: Cause) -> str:
    if cause.kind in (tracing.STAMP, tracing.CONTEXT, tracing.ANSWER):
        return cause.who
    if cause.kind == tracing.PARAMETER:
        return cause.kind
    word = {tracing.MANAGER: "written by", tracing.TRAIT: "patch of"}.get(cause.kind, cause.kind)
    return f"{word} {cause.who}" if cause.kind != tracing.DEFAULT else f"default of {cause.who}"


def _where(each: Object, cause: Cause) -> str:
    places = [str(place) for place in _places(each, cause)]
    if not places and cause.path:
        return cause.path
    return ", ".join(places)


def _rest(cause: Cause) -> str:
    value = "" if cause.value is paths.MISSING else f"= {_said(cause.value)}"
    path = cause.path if cause.kind in (tracing.PARAMETER, tracing.OVERRIDE) else ""
    note = f"({cause.note})" if cause.note else ""
    return " ".join(filter(None, (path, value, note)))


def _said(value: Any) -> str:
    text = printing.compact(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _plain(each: Object, account: Account) -> dict[str, Any]:
    key = manifests.key(each.shown)
    return {
        "object": {
            "apiVersion": key.api_version,
            "kind": key.kind,
            "namespace": key.namespace,
            "name": key.name,
            "cluster": manifests.labels(each.manifest).get(names.APP_CLUSTER, ""),
        },
        "field": paths.render(account.path),
        "value": account.value,
        "causes": [_plain_cause(each, cause) for cause in account.causes],
    }


def _plain_cause(each: Object, cause: Cause) -> dict[str, Any]:
    places = [
        {"file": place.source, "line": place.line, "column": place.column}
        for place in _places(each, cause)
    ]
    told = {"kind": cause.kind, "who": cause.who, "places": places}
    if cause.path:
        told["path"] = cause.path
    if cause.value is not paths.MISSING:
        told["value"] = cause.value
    if cause.note:
        told["note"] = cause.note
    return told
