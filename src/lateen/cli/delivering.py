"""Follows a delivery: live on a terminal, line by line in a pipe, and says how it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager

import anyio
from rich.live import Live
from rich.table import Table
from rich.text import Text

from lateen import hub
from lateen.api import names
from lateen.api.application import Application
from lateen.base import durations
from lateen.base.problem import Problem
from lateen.cli import connecting, following, gathering, printing, problems, progress, trees
from lateen.cli.exits import Exit
from lateen.cli.progress import Line, View

_GRACE = 10.0  # seconds an error may stand before it is the end: the controller tries again
_SIGNS = {
    "succeeded": ("✓", "green"),
    "healthy": ("✓", "green"),
    "failed": ("✗", "red"),
    "skipped": ("-", "dim"),
    "suspending": ("⏸", "yellow"),
    "unhealthy": ("…", "yellow"),
}

Show = Callable[[View], None]


async def follow(client: hub.Client, app: Application, timeout: float) -> Exit:
    """Show how a delivery goes on until it is healthy, has failed, or the time is up (seconds)."""
    with _shown(app.name) as show:
        view = await _watch(client, app, timeout, show)
    if view.healthy:
        await _summary(client, app)
        if view.held:
            printing.stderr().print(Text(f"! {view.held}", "yellow"))
        return Exit.OK
    over = not (view.failed or view.errors)
    problems.show([_regret(app, view, timeout if over else 0.0)])
    if view.phase != "deleted":
        await _causes(client, app)
    return Exit.TIMEOUT if over else Exit.UNHEALTHY


async def _watch(client: hub.Client, app: Application, timeout: float, show: Show) -> View:
    """Show every change until the end; returns the last look. There is one, however little time
    there is: else who waits for a second would be told nothing where the answer takes longer.
    """
    last = anyio.current_time() + timeout
    view = View("starting")
    key = connecting.key(app.namespace, app.name)
    with anyio.CancelScope() as scope:
        async with aclosing(following.application(client, key)) as states:
            async for state in states:
                if state is None:
                    return View("deleted", errors=("it was deleted",))
                view = progress.view(state, app.generation)
                show(view)
                if view.healthy or view.failed:
                    return view
                if not view.errors:
                    scope.deadline = last
                elif scope.deadline >= last:
                    scope.deadline = min(last, anyio.current_time() + _GRACE)
    return view


@contextmanager
def _shown(name: str) -> Iterator[Show]:
    console = printing.stdout()
    before = View("")
    if console.is_terminal:
        with Live(console=console, auto_refresh=False, transient=True) as live:
            yield lambda view: live.update(picture(name, view), refresh=True)
        return

    def say(view: View) -> None:
        nonlocal before
        for event in progress.events(before, view):
            printing.line_out(f"{name}: {event}")
        before = view

    yield say


def picture(name: str, view: View) -> Table:
    """One look at a delivery, for a terminal."""
    table = Table.grid(padding=(0, 2))
    table.add_row("", Text(name, "bold"), printing.state(view.phase), "")
    for line in view.steps:
        table.add_row(*_row("step", line))
    for line in view.components:
        table.add_row(*_row("component", line))
    for error in view.errors:
        table.add_row(Text("✗", "red"), "", "", Text(error, "red"))
    if view.suspended:
        hint = f"it waits for `lateen workflow resume {name}`"
        table.add_row(Text("⏸", "yellow"), "", "", Text(hint, "yellow"))
    return table


def _row(word: str, line: Line) -> tuple[Text, Text, Text, Text]:
    sign, colour = _SIGNS.get(line.state, ("•", "cyan"))
    label = f"{'  ' * line.depth}{word} {line.name}"
    return Text(sign, colour), Text(label), Text(line.state, colour), Text(line.message, "dim")


async def _summary(client: hub.Client, app: Application) -> None:
    """What was delivered and where it answers."""
    current = await connecting.application(client, app.namespace, app.name)
    gathered = await gathering.application(client, current)
    count = len(progress.view(current).components)
    noun = "component" if count == 1 else "components"
    printing.stdout().print(
        Text.assemble(("✓ ", "green"), (app.name, "bold"), f" is healthy ({count} {noun})")
    )
    for endpoint, url in await gathering.answering(gathered.endpoints):
        place = "" if endpoint.cluster == names.LOCAL else f" on {endpoint.cluster}"
        printing.stdout().print(Text.assemble(f"  {endpoint.component}{place}  ", (url, "cyan")))


def _regret(app: Application, view: View, waited: float) -> Problem:
    """The end that was not hoped for; `waited` is in seconds, 0 when time was not the reason."""
    again = f"`lateen status {app.name} -n {app.namespace}` shows it"
    reasons = "\n".join(view.reasons)
    if waited:
        if view.suspended:
            again = f"it waits for `lateen workflow resume {app.name} -n {app.namespace}`"
        said = f"{app.name} is not healthy after {durations.short(waited)} ({view.phase})"
        return Problem("delivery.timeout", said, hint=f"{reasons}\n{again}".strip())
    return Problem(
        "delivery.failed", f"{app.name} failed ({view.phase})", hint=f"{reasons}\n{again}".strip()
    )


async def _causes(client: hub.Client, app: Application) -> None:
    """Say why the pods that are not well are not."""
    current = await connecting.application(client, app.namespace, app.name)
    gathered = await gathering.application(client, current)
    for cause in trees.causes(gathered.nodes):
        printing.stderr().print(Text(f"  {cause}", "yellow"))
