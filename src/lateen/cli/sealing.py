"""`plan`: what `up` would do, written down and sealed; `up --plan` does exactly that, or refuses.

The parts are those of `diff` and `up`. A plan holds the documents it was made of, what would become
of every object, and hashes of all that this depends on: the definitions, the live objects, the
applications. To deliver it, it is made once more; where anything moved, so has a hash.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from rich.text import Text

from lateen import hub
from lateen.api import checking, names
from lateen.api import manifest as manifests
from lateen.api.application import Application
from lateen.api.manifest import Key, Manifest
from lateen.base import hashing
from lateen.base.documents import Document
from lateen.base.problem import Problem, raise_any
from lateen.cli import (
    connecting,
    departing,
    differing,
    forecasting,
    limits,
    offline,
    printing,
    reaching,
    showing,
    sources,
)
from lateen.cli.forms import Output
from lateen.cli.showing import Pair
from lateen.controllers.application import parsing
from lateen.cue.engine import Engine
from lateen.dispatch import writing
from lateen.gc.sweeping import Fate

_FORM: Final = "lateen.dev/plan/v1"
_SEAL: Final = "seal"
_WORDS = {"added": "create", "changed": "change", "removed": "delete"}
_CLOUDY = {"create": "create", "update": "change", "replace": "delete", "delete": "delete"}
_FATES = {Fate.SPARED: "spare", Fate.FREED: "let go", Fate.HANDED_ON: "hand on"}
_WHY = {"spare": "stays, for it holds data", "let go": "stays, and belongs to nobody then"}
_SIGNS = {"create": ("+", "green"), "change": ("~", "yellow"), "delete": ("-", "red")}


@dataclass(frozen=True)
class Order:
    """What the user asked for."""

    files: Sequence[str]
    namespace: str
    out: str = ""


async def plan(order: Order, output: Output, kubeconfig: str | None) -> None:
    """Print a plan, and write it to a file where one was named.

    Raises:
        Blamed: what is wrong in the files, with its place.
        Problem: no control plane; `plan.foreign`; `input.output`.
    """
    documents = [offline.placed(d, order.namespace) for d in sources.checked(order.files)]
    async with connecting.plane(kubeconfig) as client:
        made = await draw(client, documents, order.namespace)
    if order.out:
        _write(made, order.out)
    if output is not Output.TABLE:
        printing.structured(made, output)
        return
    _show(made)
    if order.out:
        printing.stderr().print(f"`lateen up --plan {order.out}` does this, or refuses.")


async def draw(client: hub.Client, documents: Sequence[Document], namespace: str) -> dict[str, Any]:
    """The sealed plan of some documents."""
    pairs = await differing.ahead(client, documents, namespace)
    raise_any(_foreign(documents, pairs))
    hidden = await differing.hidden(client, [each for pair in pairs for each in pair.versions])
    staying = await _staying(client, documents)
    changes = [
        {"action": _WORDS[change.word], **change.to_map()}
        for change, _ in showing.changes(pairs, hidden)
    ]
    for each in changes:
        del each["change"]
    made = {
        "plan": _FORM,
        "namespace": namespace,
        "documents": [_wanted(document) for document in documents],
        "changes": [*changes, *(_entry(each) for each in staying)],
        "clouds": [each.to_map() for each in await forecasting.forecast(client, pairs)],
        **await _inputs(client, documents),
        "live": _digests([*pairs, *(Pair(each.live, each.live) for each in staying)]),
    }
    made = orjson.loads(orjson.dumps(made))  # as it is read from a file
    return {**made, _SEAL: _digest(made)}


def _foreign(documents: Sequence[Document], pairs: Sequence[Pair]) -> Iterator[Problem]:
    """Applications whose text would not become what the file says: others own fields of it."""
    coming = {manifests.key(each.after): each.after for each in pairs if each.after}
    for document in documents:
        if sources.is_application(document.data):
            app = Application(document.data)
            after = Application(coming.get(app.key) or document.data)
            stand = sorted(after.spec.keys() - app.spec.keys())
            if stand:
                yield Problem(
                    "plan.foreign",
                    f"application {app.name} has {', '.join(stand)}, which the file has not, and "
                    "which would stand: another manager owns it",
                    "spec",
                    hint="put it into the file, or remove it from the application",
                )


def _wanted(document: Document) -> Manifest:
    return {k: v for k, v in checking.pruned(document.data).items() if k != "status"}


async def _staying(client: hub.Client, documents: Sequence[Document]) -> list[departing.Departure]:
    """Objects that are no longer declared, and are not deleted."""
    rules = await limits.rules(client)
    found = []
    rendered = await offline.check(documents, client)
    async with reaching.every(client) as reach:
        for each in rendered:
            live = await writing.fetch(client, each.app.key)
            if live is not None:
                found += await departing.leaving(
                    reach, each, Application(live), spare_data=rules.spare_data
                )
    return [each for each in found if each.fate is not Fate.DELETED]


def _entry(departure: departing.Departure) -> dict[str, Any]:
    return {
        "action": _FATES[departure.fate],
        "apiVersion": departure.key.api_version,
        **_named(departure.key, departure.cluster),
        "effect": "",
        "fields": [],
    }


def _named(key: Key, cluster: str) -> dict[str, str]:
    place = "" if cluster == names.LOCAL else cluster
    return {"kind": key.kind, "namespace": key.namespace, "name": key.name, "cluster": place}


async def _inputs(client: hub.Client, documents: Sequence[Document]) -> dict[str, Any]:
    """What the rendering depends on beside the documents."""
    applications: list[dict[str, Any]] = []
    definitions: dict[tuple[str, str], str] = {}
    apps = [Application(d.data) for d in documents if sources.is_application(d.data)]
    spaces = sorted({app.namespace for app in apps})
    async with Engine() as engine:
        known = await offline.catalogue(documents, client, [], engine, spaces)
        around = await offline.shared(documents, client, spaces)
    for app in apps:
        snapshot = parsing.snapshot(app, known, around)
        live = await writing.fetch(client, app.key)
        generation = Application(live).generation if live else 0
        named = {"namespace": app.namespace, "name": app.name, "generation": generation}
        applications.append({**named, "hash": snapshot.hash()})
        definitions |= {
            (each.kind.value, each.asked or each.name): each.hash for each in snapshot.definitions
        }
    return {
        "applications": applications,
        "definitions": [
            {"kind": kind, "type": name, "hash": digest}
            for (kind, name), digest in sorted(definitions.items())
        ],
    }


def _digests(pairs: Iterable[Pair]) -> list[dict[str, Any]]:
    """Every object concerned, with a hash of what it says now; None where it is not there."""
    found: dict[tuple[str, Key], dict[str, Any]] = {}
    for pair in pairs:
        shown = pair.before or pair.after
        if shown is None or not manifests.key(shown).name:
            continue
        key, cluster = manifests.key(shown), manifests.cluster(shown)
        digest = _digest(showing.clean(pair.before)) if pair.before else None
        found[cluster, key] = {**_named(key, cluster), "hash": digest}
    return [found[place] for place in sorted(found, key=str)]


def _digest(value: Any) -> str:
    return f"sha256:{hashing.digest(value, 64)}"


def _write(made: Mapping[str, Any], out: str) -> None:
    try:
        # it holds the documents, which may hold what is not for everybody
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(orjson.dumps(made, option=orjson.OPT_INDENT_2) + b"\n")
    except OSError as error:
        raise Problem("input.output", f"{out} cannot be written: {error.strerror}") from error


def read(file: str) -> dict[str, Any]:
    """A plan as it was written.

    Raises:
        Problem: `plan.unreadable`, `plan.tampered`.
    """
    try:
        found = orjson.loads(Path(file).read_bytes())
    except OSError as error:
        said = f"{file} cannot be read: {error.strerror}"
        raise Problem("plan.unreadable", said) from error
    except ValueError as error:
        raise Problem("plan.unreadable", f"{file} is no plan: it is no JSON") from error
    if not isinstance(found, dict) or found.get("plan") != _FORM:
        raise Problem(
            "plan.unreadable",
            f"{file} is no plan",
            hint="`lateen plan -f FILE --out PLAN` writes one",
        )
    if found.get(_SEAL) != _digest({k: v for k, v in found.items() if k != _SEAL}):
        raise Problem(
            "plan.tampered",
            f"{file} is not as it was written: its content does not match its seal",
            hint="make the plan again",
        )
    return found


async def confirm(client: hub.Client, kept: Mapping[str, Any], file: str) -> list[Document]:
    """The documents of a plan, once it has been made again and came out the same.

    Raises:
        Problem: `plan.moved`, with what did.
    """
    documents = [Document(f"plan {file}", data, {}) for data in kept["documents"]]
    made = await draw(client, documents, str(kept["namespace"]))
    if made == kept:
        return documents
    raise Problem(
        "plan.moved",
        f"{file} does not hold any more: since it was made, things have moved",
        hint="\n".join([*_moved(kept, made), "make the plan again, and look at it again"]),
    )


def _moved(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What is otherwise than when the plan was made, in a line each."""
    said = []
    for section, noun in (("applications", "application"), ("definitions", "definition")):
        old, new = (_by_name(side[section]) for side in (before, after))
        changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
        said += [f"{noun} {name} changed" for name in changed]
    old, new = (_by_name(side["live"]) for side in (before, after))
    for name in {**old, **new}:
        was, is_ = (side.get(name, {}).get("hash") for side in (old, new))
        if was != is_:
            word = "appeared" if was is None else "is gone" if is_ is None else "changed"
            said.append(f"{name} {word}")
    old, new = (_by_name(side.get("clouds", ())) for side in (before, after))
    said += [
        f"what Terraform would do for {name} is otherwise"
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    ]
    return said or ["what would be done is not the same: the API server, or Lateen, is another"]


def _by_name(entries: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {_title(each): each for each in entries}


def _title(entry: Mapping[str, Any]) -> str:
    if "type" in entry:
        return str(entry["type"])
    if "kind" not in entry:
        return f"{entry['namespace']}/{entry['name']}"
    place = f" on cluster {entry['cluster']}" if entry["cluster"] else ""
    space = f"{entry['namespace']}/" if entry["namespace"] else ""
    return f"{entry['kind']} {space}{entry['name']}{place}"


def deletions(kept: Mapping[str, Any]) -> int:
    """How many objects a plan deletes."""
    return sum(each["action"] == "delete" for each in kept["changes"])


def _show(made: Mapping[str, Any]) -> None:
    console = printing.stdout()
    for place, entries in _by_place(made["changes"]).items():
        console.print(Text(place, "bold"))
        for each in entries:
            sign, style = _SIGNS.get(each["action"], ("=", "cyan"))
            line = Text.assemble(f"  {sign} ", (f"{each['kind']} {each['name']}", style))
            if why := each["effect"] or _WHY.get(each["action"], ""):
                line.append(f"  {why}", "bold yellow")
            console.print(line)
            for field in each["fields"]:
                console.print(f"      {field['path']}: {_value(field)}")
    _show_clouds(made["clouds"])
    used = ", ".join(f"{each['type']} ({each['hash']})" for each in made["definitions"])
    console.print(f"Definitions: {used}" if used else "No definitions are used.")
    console.print(Text(_sum(made["changes"]), "bold"))


def _show_clouds(found: Iterable[Mapping[str, Any]]) -> None:
    console = printing.stdout()
    for each in found:
        console.print(Text(f"by Terraform, for {each['namespace']}/{each['name']}", "bold"))
        for change in each["changes"]:
            sign, style = _SIGNS.get(_CLOUDY.get(change["action"], ""), ("=", "cyan"))
            told = (change["address"], style)
            console.print(Text.assemble(f"  {sign} ", told, f"  {change['action']}"))
        if why := each.get("unknown"):
            console.print(Text(f"  ? it cannot be said: {why}", "bold yellow"))
        elif not each["changes"]:
            console.print("  nothing changes in the cloud")


def _by_place(entries: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for each in entries:
        place = f"cluster {each['cluster'] or names.LOCAL}"
        space = f", namespace {each['namespace']}" if each["namespace"] else ""
        found.setdefault(place + space, []).append(each)
    return found


def _value(field: Mapping[str, Any]) -> str:
    before, after = (showing.literal(field.get(side)) for side in ("before", "after"))
    if "before" not in field:
        return f"{after} (new)"
    return f"{before} (gone)" if "after" not in field else f"{before} -> {after}"


def _sum(entries: Sequence[Mapping[str, Any]]) -> str:
    counts = {word: sum(e["action"] == word for e in entries) for word in _SIGNS}
    pods = sum(bool(each["effect"]) for each in entries)
    said = ", ".join(f"{count} to {word}" for word, count in counts.items())
    stay = len(entries) - sum(counts.values())
    return f"{said}; {pods} restart or end pods; {stay} no longer declared stay"
