"""The header of a definition file: the field that names the definition and says what it is
(semantics A5). It is checked against the schema of the kind, with the place of each field.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lateen.api import checking, names
from lateen.api.definition import DefinitionKind
from lateen.base import paths, suggest
from lateen.base.problem import Position, Problem, raise_any
from lateen.cue.engine import Engine
from lateen.cue.reports import OutlineField, Span
from lateen.definitions import statuses, texts
from lateen.definitions.texts import File

PREFIX = "custom.definition.oam.dev/"
FIELDS = ("type", "alias", "description", "annotations", "labels", "attributes")
KINDS = {kind.word: kind for kind in DefinitionKind}
_SHAPE = "a definition file is one field with type and description, and a template"
# `path` of a problem -> where it is said in a file
_PLACES = {
    ("spec",): ("attributes",),
    ("metadata", "annotations", names.DESCRIPTION): ("description",),
    ("metadata", "annotations", names.ALIAS): ("alias",),
    ("metadata",): (),
}


@dataclass
class Header:
    """A header that was read. `raw` is the object it describes, its template not yet in it;
    `given` are the status expressions by name, with their place; `unknown` the fields that are
    none of a header's, which mean nothing.
    """

    file: File
    field: OutlineField
    engine: Engine
    given: dict[str, OutlineField]
    raw: dict[str, Any] = dataclasses.field(default_factory=dict)
    unknown: tuple[str, ...] = ()

    async def place(self, path: Sequence[str | int]) -> tuple[paths.Path, Position]:
        """Where the field at a path below the header stands, or the nearest one above it."""
        at, span, reached = self.field.label.start, self.field.value, 0
        for part in path:
            if not texts.is_struct(self.file.cut(span)):
                break
            inner = await texts.fields(self.file, span, self.engine)
            if part not in inner:
                break
            at, span, reached = inner[str(part)].label.start, inner[str(part)].value, reached + 1
        return tuple(path), self.file.position(at)

    async def problem(self, code: str, message: str, *path: str, hint: str = "") -> Problem:
        said, position = await self.place(path)
        return Problem(code, message, paths.render(said), (position,), hint)


def parts(file: File, fields: Sequence[OutlineField]) -> tuple[OutlineField, OutlineField]:
    """The metadata field and the template of a file that has exactly one of each.

    Raises:
        Problem: `definition.header`, `definition.template`.
    """
    templates = [f for f in fields if file.cut(f.label) == "template"]
    headers = [f for f in fields if f not in templates]
    if not headers:
        raise file.problem(
            "definition.header", "the field that names the definition is missing", 0, _SHAPE
        )
    if len(headers) > 1:
        listed = " and ".join(f'"{f.name}"' for f in headers)
        raise file.problem(
            "definition.header",
            f"one field names the definition, found {listed}",
            headers[1].label.start,
            _SHAPE,
        )
    if len(templates) != 1:
        raise file.problem(
            "definition.template",
            "template: {...} is given twice" if templates else "template: {...} is missing",
            templates[1].label.start if templates else len(file.bytes),
            _SHAPE,
        )
    return headers[0], templates[0]


async def read(file: File, field: OutlineField, engine: Engine) -> Header:
    """The header that stands in a field of a file.

    Raises:
        Problem, Problems: `cue.*`; `definition.header`.
    Source: semantics A5.
    """
    header = Header(file, field, engine, await _statuses(file, field, engine))
    meta = await _evaluated(header)
    kind = await _kind(header, meta)
    header.raw = _object(field.name, kind, meta)
    header.unknown = tuple(name for name in meta if name not in FIELDS)
    if header.given:
        header.raw["spec"]["status"] = await _texts(header, header.raw["spec"]["status"])
    return header


async def check(header: Header) -> list[Problem]:
    """What is wrong with a header, each with its place in the file.

    `definition.field` for what the kind does not have, `field.*` for what has another form,
    `definition.status` and `cue.*` for a status expression.
    """
    return [*await _flaws(header), *await _misfits(header)]


async def doubts(header: Header) -> list[Problem]:
    """Fields that KubeVela passes over, and Lateen too: hardly what their author wants."""
    return [
        await header.problem(
            "definition.header",
            f'a definition has no field "{name}": it is passed over',
            name,
            hint=suggest.nearest(name, FIELDS) or f"there are: {', '.join(FIELDS)}",
        )
        for name in header.unknown
    ]


async def _statuses(file: File, field: OutlineField, engine: Engine) -> dict[str, OutlineField]:
    """The status expressions that are given, by name, with their place in the file."""
    span = field.value
    for step in ("attributes", "status"):
        inner = await texts.fields(file, span, engine)
        if step not in inner or not texts.is_struct(file.cut(inner[step].value)):
            return {}
        span = inner[step].value
    inner = await texts.fields(file, span, engine)
    return {name: inner[name] for name in statuses.NAMES if name in inner}


async def _evaluated(header: Header) -> dict[str, Any]:
    """The header as data. A status expression that is a struct speaks of a context that is not
    there yet: it is left out.
    """
    file, field = header.file, header.field
    structs = [f.value for f in header.given.values() if texts.is_struct(file.cut(f.value))]
    kept = [(0, field.label.start), (field.value.end, len(file.bytes))]
    text = file.blank(*kept, *((span.start, span.end) for span in structs))
    for span in structs:
        text = _overwrite(text, span, "{}")
    name = texts.label(field.name)
    result = await header.engine.evaluate(text, [], [name], source=file.source)
    raise_any(result.problems)
    meta = result.values[name]
    if not isinstance(meta, dict):
        raise await header.problem("definition.header", f"{field.name} must be a struct")
    return meta


def _overwrite(text: str, span: Span, new: str) -> str:
    """Put `new` where a span was blanked, over as many bytes."""
    raw = text.encode()
    return (raw[: span.start] + new.encode() + raw[span.start + len(new) :]).decode()


async def _kind(header: Header, meta: Mapping[str, Any]) -> DefinitionKind:
    found = []
    given = meta.get("type")
    if given not in KINDS:
        said = f'"{given}" is not a kind of definition' if given else "the type is missing"
        hint = suggest.nearest(str(given), KINDS) or f"one of {', '.join(KINDS)}"
        found.append(await header.problem("definition.header", said, "type", hint=hint))
    for name, form in (("annotations", dict), ("labels", dict), ("attributes", dict)):
        if not isinstance(meta.get(name) or {}, form):
            said = f"{name} must be a struct, found {checking.describe(meta[name])}"
            found.append(await header.problem("definition.header", said, name))
    raise_any(found)
    return KINDS[str(given)]


def _object(name: str, kind: DefinitionKind, meta: Mapping[str, Any]) -> dict[str, Any]:
    annotations = {}
    if "alias" in meta:
        annotations[names.ALIAS] = meta["alias"]
    if "description" in meta:
        annotations[names.DESCRIPTION] = meta["description"]
    annotations |= _prefixed(meta.get("annotations"))
    labels = _prefixed(meta.get("labels"))
    metadata: dict[str, Any] = {"name": name, "annotations": annotations}
    if labels:
        metadata["labels"] = labels
    spec = dict(meta.get("attributes") or {})
    return {"apiVersion": names.V1BETA1, "kind": kind.value, "metadata": metadata, "spec": spec}


def _prefixed(given: Mapping[str, Any] | None) -> dict[str, Any]:
    return {key if "oam.dev" in key else PREFIX + key: v for key, v in (given or {}).items()}


async def _texts(header: Header, given: Mapping[str, Any]) -> dict[str, Any]:
    """The status as objects hold it: every expression a text."""
    found = dict(given)
    for name, field in header.given.items():
        attributes = header.file.attributes(field.value)
        written = header.file.cut(field.value)
        if texts.is_struct(written):
            found[name] = await statuses.text_of(
                written, attributes, header.engine, header.file.source
            )
        elif isinstance(found.get(name), str):
            found[name] = statuses.annotated(found[name], attributes)
    return found


async def _flaws(header: Header) -> list[Problem]:
    """What is wrong with the status expressions, each at its place in the file."""
    found: list[Problem] = []
    for name, field in header.given.items():
        value = field.value
        written = header.file.cut(value)
        struct = texts.is_struct(written)
        text = texts.inside(written) if struct else header.raw["spec"]["status"].get(name)
        # the schema speaks of what is neither
        if isinstance(text, str) and statuses.UNCHECKED not in header.file.attributes(value):
            for problem in await statuses.check(name, text, header.engine):
                places = tuple(
                    _in_struct(header.file, value, place)
                    if struct
                    else header.file.inner(value, place)
                    for place in problem.positions
                )
                path = f"attributes.status.{name}"
                found.append(replace(problem, path=path, positions=places))
    return found


def _in_struct(file: File, value: Span, place: Position) -> Position:
    """A place in the text between the braces of a struct, in the file."""
    start = file.position(value.start + file.cut(value).startswith("{"))
    column = place.column + (start.column - 1 if place.line == 1 else 0)
    return Position(file.source, start.line + place.line - 1, column)


async def _misfits(header: Header) -> list[Problem]:
    """What the schema of the kind does not have, or has in another form."""
    found = []
    for problem in checking.check(header.raw):
        path = paths.parse(problem.path)
        if problem.code == "field.missing" and path in _FILLED:
            continue
        before = next((each for each in _PLACES if path[: len(each)] == each), ())
        inside = (*_PLACES.get(before, ()), *path[len(before) :])
        said = tuple(
            part.removeprefix(PREFIX) if isinstance(part, str) else part for part in inside
        )
        _, position = await header.place(said)
        code, message = problem.code, problem.message
        if code == "field.unknown" and len(inside) == 2:
            code = "definition.field"
            word = DefinitionKind(header.raw["kind"]).word
            message = f'a {word} definition has no attribute "{inside[1]}"'
        found.append(
            replace(
                problem,
                code=code,
                message=message,
                path=paths.render(said) or "metadata.name",
                positions=(position,),
            )
        )
    return found


# what the control plane fills in: a component without a workload is of whatever kind it renders
_FILLED = {("spec", "workload"), ("spec",)}
