"""`def impact`: which manifests of live applications would change, and which restart pods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from rich.console import Console
from rich.text import Text

from lateen import hub
from lateen.api import names
from lateen.api.application import Application
from lateen.api.definition import Definition
from lateen.base import paths
from lateen.cli import (
    connecting,
    offline,
    printing,
    problems,
    reaching,
    showing,
    surroundings,
)
from lateen.cli.defs import taking
from lateen.cli.exits import Exit
from lateen.cli.forms import Output
from lateen.controllers.application import impacting
from lateen.controllers.application.impacting import Impact, Scene
from lateen.cue.engine import Engine
from lateen.definitions import files, loading
from lateen.definitions.comparing import Change, Effect, Field


class Gate(StrEnum):
    """What must not happen: `--fail-on`."""

    NONE = ""
    RESTART = "restart"
    CHANGE = "change"

    def shut(self, found: Sequence[Impact]) -> bool:
        """Whether it happens. An application that could not be delivered any more is worse."""
        if self is Gate.NONE:
            return False
        if any(impact.broken for impact in found):
            return True
        if self is Gate.RESTART:
            return any(impact.restarts for impact in found)
        return any(impact.changes for impact in found)


@dataclass(frozen=True)
class Order:
    """What the user asked for."""

    targets: Sequence[str]
    namespace: str | None
    gate: Gate


async def impact(order: Order, output: Output, kubeconfig: str | None) -> Exit:
    """Print what publishing these definitions would do.

    Raises:
        Blamed: what is wrong in the files.
        Problem: `input.*`, no control plane.
    """
    async with Engine() as engine, connecting.plane(kubeconfig) as client:
        given = [
            taking.placed(definition, order.namespace)
            for definition, _ in await taking.definitions(
                order.targets, engine, await taking.brought(client)
            )
        ]
        found = await of(given, client, engine)
    show(found, output)
    return Exit.FAILED if order.gate.shut(found) else Exit.OK


async def of(given: Sequence[Definition], client: hub.Client, engine: Engine) -> list[Impact]:
    """The impact on every live application that uses one of the definitions."""
    apps = await connecting.applications(client)
    before, around = await scene(client, apps)
    builtin = loading.Static(await files.builtins(engine))
    after = loading.Layered(loading.Static(given), before)
    async with surroundings.sources() as fetching, reaching.every(client) as reach:
        around = replace(
            around,
            clusters=reach.roster,
            surroundings=lambda namespace: surroundings.of(reach, namespace, fetching),
        )
        return await impacting.assess(
            apps,
            loading.Layered(before, builtin),
            loading.Layered(after, builtin),
            engine,
            around,
        )


async def scene(client: hub.Client, apps: Sequence[Application]) -> tuple[loading.Catalogue, Scene]:
    """What applications are rendered with: the installed definitions, and what they refer to."""
    spaces = sorted({app.namespace for app in apps} | {names.SYSTEM_NAMESPACE})
    catalogue = await offline.installed(client, spaces)
    externals = await offline.shared([], client, spaces)
    return catalogue, Scene(externals, own=await taking.brought(client))


def show(found: Sequence[Impact], output: Output, *, stderr: bool = False) -> None:
    """Print impacts as people read them, or as data."""
    if output is not Output.TABLE:
        printing.structured([_to_map(impact) for impact in found], output)
        return
    console = printing.stderr() if stderr else printing.stdout()
    if not found:
        console.print("No application uses it.")
        return
    for impact in found:
        _show(impact, console)
    console.print()
    console.print(Text(_sum(found), "bold"))


def _show(impact: Impact, console: Console) -> None:
    head = Text.assemble((f"{impact.app.namespace}/{impact.app.name}", "bold"))
    if impact.held:
        head.append(f"  from its next {names.PUBLISH_VERSION} on", "dim")
    console.print(head)
    for said, its, style in (
        ("could not be delivered any more", impact.broken, "red"),
        ("cannot be rendered as it is today", impact.unknown, "yellow"),
    ):
        if its:
            console.print(Text(f"  {said}:", style))
            for problem in its:
                console.print(problems.render(problem, {}, Text("  ✗ ", style)))
    if not (impact.changes or impact.broken or impact.unknown):
        console.print(Text("  nothing changes", "dim"))
    for change in impact.changes:
        for line in _lines(change):
            console.print(line)


def _lines(change: Change) -> Iterator[Text]:
    mark, style = {"added": ("+", "green"), "removed": ("-", "red")}.get(change.word, ("~", "cyan"))
    cluster = f"  on cluster {change.cluster}" if change.cluster else ""
    line = Text.assemble(f"  {mark} ", (str(change.key), style), cluster)
    if change.effect is not Effect.NONE:
        line.append(f"  {change.effect.value}", "bold yellow")
    yield line
    for field in change.fields:
        yield Text.assemble("      ", (paths.render(field.path), ""), f": {_told(field)}")


def _told(field: Field) -> str:
    if field.before is paths.MISSING:
        return f"{showing.literal(field.after)} (new)"
    if field.after is paths.MISSING:
        return f"{showing.literal(field.before)} (gone)"
    return f"{showing.literal(field.before)} -> {showing.literal(field.after)}"


def _sum(found: Sequence[Impact]) -> str:
    changed = sum(bool(impact.changes) for impact in found)
    objects = sum(len(impact.changes) for impact in found)
    restarts = sum(len(impact.restarts) for impact in found)
    broken = sum(bool(impact.broken) for impact in found)
    said = f"{len(found)} {_many('application', len(found))} concerned: {changed} would change, in "
    said += f"{objects} {_many('object', objects)}, of which {restarts} restart or end pods"
    return f"{said}; {broken} could not be delivered any more" if broken else said


def _many(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"


def _to_map(impact: Impact) -> dict[str, Any]:
    return {
        "namespace": impact.app.namespace,
        "name": impact.app.name,
        "held": impact.held,
        "changes": [change.to_map() for change in impact.changes],
        "broken": [problems.to_map(problem) for problem in impact.broken],
        "unknown": [problems.to_map(problem) for problem in impact.unknown],
    }
