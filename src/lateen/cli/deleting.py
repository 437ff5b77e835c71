"""`delete`: says what goes, asks where somebody can answer, waits until it is gone."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import anyio
import typer
from rich.text import Text

from lateen import hub
from lateen.api import names
from lateen.api.application import Application
from lateen.base import durations
from lateen.base.problem import Problem
from lateen.cli import connecting, following, printing, problems, progress, trees
from lateen.cli.exits import Exit
from lateen.gc import sweeping


@dataclass(frozen=True)
class Order:
    """What the user asked for. `timeout` is in seconds; `apps` is None for all of the namespace."""

    apps: Sequence[str] | None
    namespace: str
    wait: bool
    timeout: float
    yes: bool
    with_data: bool = False
    orphan: bool = False


async def delete(order: Order, kubeconfig: str | None) -> Exit:
    """Delete the applications; none is when one of them is not there.

    Raises:
        Problem: `hub.not-found` for an application that does not exist.
    """
    async with connecting.plane(kubeconfig) as client:
        return await remove(client, order)


async def remove(client: hub.Client, order: Order) -> Exit:
    """The same over a connection that is there."""
    apps = await _meant(client, order)
    if not apps:
        printing.stderr().print(f"There is no application in namespace {order.namespace}.")
        return Exit.OK
    _announce(apps, order)
    if not (order.yes or _agreed(apps)):
        printing.stderr().print("Nothing was deleted.")
        return Exit.OK
    for app in apps:
        if order.with_data:
            consent = {"metadata": {"annotations": {names.DELETE_DATA: "true"}}}
            await client.patch(connecting.key(app.namespace, app.name), consent)
        if order.orphan:
            await client.patch(connecting.key(app.namespace, app.name), _letting_go(app))
        # by uid: what was shown is what goes, not a namesake created since
        await client.delete(connecting.key(app.namespace, app.name), uid=app.uid)
    if not order.wait:
        for app in apps:
            printing.line_out(f"application {app.name} is being deleted")
        return Exit.OK
    with anyio.move_on_after(order.timeout):
        for app in apps:
            await _gone(client, app)
            printing.line_out(f"application {app.name} deleted")
        return Exit.OK
    problems.show([await _stuck(client, apps, order.timeout)])
    return Exit.TIMEOUT


async def _meant(client: hub.Client, order: Order) -> list[Application]:
    if order.apps is None:
        return await connecting.applications(client, order.namespace)
    return [await connecting.application(client, order.namespace, name) for name in order.apps]


def _letting_go(app: Application) -> dict[str, Any]:
    """A patch that has the controller leave what the application brought; refused by the server
    where the application was changed meanwhile.
    """
    finalizers = list(dict.fromkeys([*app.finalizers, names.APP_ORPHAN]))
    return {
        "metadata": {
            "finalizers": finalizers,
            "resourceVersion": app.metadata["resourceVersion"],
        }
    }


def _announce(apps: Sequence[Application], order: Order) -> None:
    console = printing.stderr()
    for app in apps:
        if order.orphan:
            count = len(app.status.get("appliedResources") or ())
            stay = "1 object stays" if count == 1 else f"{count} objects stay"
            console.print(Text.assemble("application ", (app.name, "bold"), f" goes, {stay}"))
            continue
        applied = app.status.get("appliedResources") or ()
        console.print(Text.assemble(("application ", ""), (app.name, "bold"), " goes, with"))
        for entry in applied:
            cluster = f"  on cluster {entry['cluster']}" if entry.get("cluster") else ""
            key = trees.key_of(entry)
            held = (key.group, key.kind) in sweeping.HOLDS_DATA
            spared = held and not (order.with_data or app.may_delete_data)
            stays = "  stays, for it holds data (--with-data deletes it)" if spared else ""
            console.print(f"  {key}{cluster}{stays}")
        if not applied:
            console.print("  no objects")


def _agreed(apps: Sequence[Application]) -> bool:
    if not sys.stdin.isatty():  # nobody there to ask
        return True
    what = apps[0].name if len(apps) == 1 else f"{len(apps)} applications"
    return typer.confirm(f"Delete {what}?", err=True)


async def _gone(client: hub.Client, app: Application) -> None:
    """Wait until the application is gone, saying what it waits for."""
    said = ""
    async with aclosing(
        following.application(client, connecting.key(app.namespace, app.name))
    ) as states:
        async for state in states:
            if state is None or state.uid != app.uid:
                return
            for reason in progress.view(state).reasons:
                if reason != said:
                    said = reason
                    printing.stderr().print(Text(reason, "dim"))


async def _stuck(client: hub.Client, apps: Sequence[Application], waited: float) -> Problem:
    reasons: list[str] = []
    for app in apps:
        try:
            current = await connecting.application(client, app.namespace, app.name)
        except Problem:
            continue  # this one is gone
        reasons += [f"{app.name}: {reason}" for reason in progress.view(current).reasons]
    return Problem(
        "delivery.timeout",
        f"not everything is gone after {durations.short(waited)}",
        hint="\n".join(reasons) or "the deletion goes on; `lateen ls` shows it",
    )
