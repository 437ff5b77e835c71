"""`def apply` and `def del`: definitions written to a control plane, or taken from it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import typer
from rich.text import Text

from lateen import hub
from lateen.api import names
from lateen.api.application import Application
from lateen.api.definition import Definition, DefinitionKind
from lateen.api.manifest import Manifest
from lateen.base.problem import Position, Problem, Problems, every
from lateen.cli import connecting, printing, problems, vetting
from lateen.cli.defs import finding, impacts, taking
from lateen.cli.defs.finding import Wanted
from lateen.cli.defs.impacts import Gate
from lateen.cli.defs.taking import Taken
from lateen.cli.exits import Exit
from lateen.cli.forms import Output
from lateen.controllers.application import impacting
from lateen.controllers.definitions import numbering, registering
from lateen.cue.engine import Engine
from lateen.definitions import headers

_ATTEMPTS = 5  # a controller writes the status meanwhile


@dataclass(frozen=True)
class Order:
    """What the user asked for. `impact`: show it first; `gate`: what it must not do."""

    targets: Sequence[str]
    namespace: str | None
    dry_run: bool
    impact: bool
    gate: Gate


async def apply(order: Order, output: Output, kubeconfig: str | None) -> Exit:
    """Publish definitions. Nothing is written before all of them are right, and may be.

    Raises:
        Blamed: what is wrong in the files, `definition.immutable` among it.
        Problem: `input.*`, no control plane.
    """
    async with Engine() as engine, connecting.plane(kubeconfig) as client:
        given = [
            (taking.placed(definition, order.namespace), taken)
            for definition, taken in await taking.definitions(
                order.targets, engine, await taking.brought(client)
            )
        ]
        return await publish(given, order, client, engine, output)


async def publish(
    given: Sequence[tuple[Definition, Taken]],
    order: Order,
    client: hub.Client,
    engine: Engine,
    output: Output,
) -> Exit:
    """Publish definitions that were read and vetted.

    Raises:
        Blamed: a version that exists with another spec, or what the server refuses.
    """
    await _refuse(given, client)
    if order.impact or order.gate is not Gate.NONE:
        found = await impacts.of([d for d, _ in given], client, engine)
        impacts.show(found, Output.TABLE, stderr=True)
        if order.gate.shut(found):
            printing.stderr().print(Text("Nothing was published.", "bold red"))
            return Exit.FAILED
    results = []
    for definition, taken in given:
        word = await _write(client, definition, taken, dry_run=order.dry_run)
        results.append({**_named(definition), "result": word})
        if output is Output.TABLE:
            would = " (dry run)" if order.dry_run else ""
            place = f"in namespace {definition.namespace}"
            printing.line_out(f"{definition.kind} {definition.name} {word} {place}{would}")
    if output is not Output.TABLE:
        printing.structured(results, output)
    return Exit.OK


def _named(definition: Definition) -> dict[str, Any]:
    return {
        "kind": definition.kind.value,
        "namespace": definition.namespace,
        "name": definition.name,
    }


async def _refuse(given: Sequence[tuple[Definition, Taken]], client: hub.Client) -> None:
    """Find everything that must not be published, before anything is."""
    wrong: list[Problem] = []
    for namespace in dict.fromkeys(definition.namespace for definition, _ in given):
        kept = await finding.revisions(client, namespace)
        for definition, taken in given:
            if definition.namespace != namespace:
                continue
            wanted = merged(await _live(client, definition), definition)
            faults = registering.faults(definition)
            wrong += [replace(problem, positions=_start(taken)) for problem in faults]
            try:
                numbering.refuse(replace(definition, raw=wanted), kept)
            except (Problem, Problems) as error:
                wrong += [_place(problem, taken, definition) for problem in every(error)]
    if wrong:
        raise problems.Blamed(wrong, {taken.source: taken.text for _, taken in given})


def _place(problem: Problem, taken: Taken, definition: Definition) -> Problem:
    """The line that gives the version, for it is what the problem is about."""
    annotated = definition.annotations.get(names.DEFINITION_REVISION, "")
    version = str(definition.spec.get("version") or annotated)
    lines = taken.text.splitlines()
    at = next((n for n, line in enumerate(lines, 1) if version and version in line), 1)
    column = lines[at - 1].find(version) + 1 if lines and version else 1
    return replace(problem, positions=(Position(taken.source, at, max(1, column)),))


def merged(live: Manifest | None, definition: Definition) -> Manifest:
    """A definition over what is there: annotations and labels of others stay, what the file could
    say and does not is gone (semantics A5).
    """
    wanted = {key: value for key, value in definition.raw.items() if key != "status"}
    spec = definition.spec
    if definition.kind is DefinitionKind.COMPONENT and not spec.get("workload"):
        spec = {**spec, "workload": {"type": names.AUTODETECTS}}
    meta = definition.raw["metadata"]
    before = (live or {}).get("metadata") or {}
    said = (names.DESCRIPTION, names.ALIAS)
    for field in ("annotations", "labels"):
        kept = {
            key: value
            for key, value in (before.get(field) or {}).items()
            if not key.startswith(headers.PREFIX) and key not in said
        }
        if combined := {**kept, **(meta.get(field) or {})}:
            meta = {**meta, field: combined}
    return {**wanted, "metadata": {**before, **meta}, "spec": spec}


async def _live(client: hub.Client, definition: Definition) -> Manifest | None:
    try:
        with connecting.installed():
            return await client.get(definition.key)
    except hub.ApiError as error:
        if error.not_found:
            return None
        raise


async def _write(client: hub.Client, definition: Definition, taken: Taken, *, dry_run: bool) -> str:
    """Create or update a definition; what came of it: created, updated or unchanged."""
    for attempt in range(1, _ATTEMPTS + 1):
        live = await _live(client, definition)
        wanted = merged(live, definition)
        try:
            if live is None:
                await client.create(wanted, dry_run=dry_run)
                return "created"
            if all(live.get(key) == wanted.get(key) for key in ("metadata", "spec")):
                return "unchanged"
            # replaced, not patched: what was read is what is changed, or it is a conflict
            await client.replace({**live, **wanted}, dry_run=dry_run)
            return "updated"
        except hub.ApiError as error:
            if error.conflict and attempt < _ATTEMPTS:
                continue
            if error.not_found and live is None:
                raise vetting.no_namespace(definition.namespace, "metadata.namespace") from error
            found = [replace(p, positions=_start(taken)) for p in error.problems()]
            raise problems.Blamed(found, {taken.source: taken.text}) from error
    raise AssertionError("the last attempt returns or raises")


def _start(taken: Taken) -> tuple[Position, ...]:
    return (Position(taken.source, 1, 1),)


@dataclass(frozen=True)
class Removal:
    """What the user asked for."""

    wanted: Sequence[Wanted]
    yes: bool
    force: bool


async def remove(order: Removal, kubeconfig: str | None) -> Exit:
    """Delete definitions, unless applications use them.

    Raises:
        Problem: `hub.not-found`; `definition.used` when applications use one and it is not forced.
    """
    async with connecting.plane(kubeconfig) as client:
        found = [await finding.one(client, wanted) for wanted in order.wanted]
        used = await _users(client, found)
        if used and not order.force:
            raise Problems(_in_use(definition, apps) for definition, apps in used)
        problems.warn(_in_use(definition, apps) for definition, apps in used)
        if not (order.yes or _agreed(found)):
            printing.stderr().print("Nothing was deleted.")
            return Exit.OK
        for definition in found:
            uid = str(definition.raw["metadata"].get("uid") or "")
            await client.delete(definition.key, uid=uid)
            printing.line_out(f"{definition.kind} {definition.name} deleted")
    return Exit.OK


async def _users(
    client: hub.Client, found: Iterable[Definition]
) -> list[tuple[Definition, list[Application]]]:
    apps = await connecting.applications(client)
    catalogue, scene = await impacts.scene(client, apps)
    pairs = [(each, impacting.users(apps, each, catalogue, scene)) for each in found]
    return [(definition, users) for definition, users in pairs if users]


def _in_use(definition: Definition, apps: Sequence[Application]) -> Problem:
    listed = ", ".join(f"{app.namespace}/{app.name}" for app in apps)
    return Problem(
        "definition.used",
        f"{definition.kind.word} {definition.name} is used by {listed}",
        hint="these could not be delivered again; --force deletes it all the same",
    )


def _agreed(found: Sequence[Definition]) -> bool:
    if not sys.stdin.isatty():  # nobody there to ask
        return True
    what = found[0].name if len(found) == 1 else f"{len(found)} definitions"
    return typer.confirm(f"Delete {what}?", err=True)
