"""`delete`: says what goes, asks where somebody can answer, waits until it is gone."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

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
    """What the user asked for. `timeout` is in seconds."""

    apps: Sequence[str]
    namespace: str
    wait: bool
    timeout: float
    yes: bool
    with_data: bool = False


async def delete(order: Order, kubeconfig: str | None) -> Exit:
    """Delete the applications; none is when one of them is not there.

    Raises:
        Problem: `hub.not-found` for an application that does not exist.
    """
    async with connecting.plane(kubeconfig) as client:
        apps = [await connecting.application(client, order.namespace, name) for name in order.apps]
        _announce(apps, with_data=order.with_data)
        if not (order.yes or _agreed(apps)):
            printing.stderr().print("Nothing was deleted.")
            return Exit.OK
        for app in apps:
            if order.with_data:
                consent = {"metadata": {"annotations": {names.DELETE_DATA: "true"}}}
                await client.patch(connecting.key(app.namespace, app.name), consent)
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


def _announce(apps: Sequence[Application], *, with_data: bool) -> None:
    console = printing.stderr()
    for app in apps:
        applied = app.status.get("appliedResources") or ()
        console.print(Text.assemble(("application ", ""), (app.name, "bold"), " goes, with"))
        for entry in applied:
            cluster = f"  on cluster {entry['cluster']}" if entry.get("cluster") else ""
            key = trees.key_of(entry)
            held = (key.group, key.kind) in sweeping.HOLDS_DATA
            spared = held and not (with_data or app.may_delete_data)
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
