"""`ls`: one row for each component of each application."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from rich.text import Text

from lateen.api.application import Application
from lateen.base import clock, durations
from lateen.cli import connecting, printing, progress
from lateen.cli.forms import Output
from lateen.hub import informer

HEADERS = (
    "NAME",
    "NAMESPACE",
    "COMPONENT",
    "TYPE",
    "TRAITS",
    "PHASE",
    "HEALTHY",
    "STATUS",
    "AGE",
)
_ROOMY = 100  # columns


@dataclass(frozen=True)
class Order:
    """What the user asked for: a namespace, all where it is empty, and selectors."""

    namespace: str
    labels: str = ""
    fields: str = ""
    output: Output = Output.TABLE


async def applications(order: Order, kubeconfig: str | None) -> None:
    """Print the applications of a namespace, or of all of them."""
    async with connecting.plane(kubeconfig) as client:
        found = await connecting.applications(client, order.namespace, order.labels, order.fields)
    if order.output is not Output.TABLE:
        printing.structured([informer.trim(app.raw) for app in found], order.output)
        return
    if not found:
        where = printing.place(order.namespace)
        such = " that is selected" if order.labels or order.fields else ""
        printing.stderr().print(f"There is no application {where}{such}.")
        return
    now = clock.SystemClock().now()
    columns = [HEADERS.index(header) for header in shown(order.namespace)]
    printing.table(
        [HEADERS[at] for at in columns],
        [[row[at] for at in columns] for app in found for row in rows(app, now)],
    )


def shown(namespace: str) -> list[str]:
    """The columns: all of them in a pipe, on a terminal those that are needed and fit."""
    console = printing.stdout()
    spare = set()
    if console.is_terminal and namespace:
        spare.add("NAMESPACE")
    if console.is_terminal and console.width < _ROOMY:
        spare.update(("TRAITS",) if namespace else ("TRAITS", "TYPE"))
    return [header for header in HEADERS if header not in spare]


def rows(app: Application, now: datetime) -> Iterator[list[str | Text]]:
    """The rows of one application, each complete, so that lines can be filtered in a pipe."""
    phase = "deleting" if app.deleting else str(app.status.get("status") or "starting")
    if progress.rolled_back(app):
        phase += " (rolled back)"
    created = app.metadata.get("creationTimestamp")
    age = durations.short((now - clock.parse(created)).total_seconds()) if created else ""
    services = app.status.get("services") or []
    for component in app.components:
        its = [service for service in services if service.get("name") == component.name]
        healthy = str(all(s.get("healthy") for s in its)).lower() if its else ""
        message = "; ".join(dict.fromkeys(str(s["message"]) for s in its if s.get("message")))
        yield [
            app.name,
            app.namespace,
            component.name,
            component.type,
            ",".join(trait.type for trait in component.traits),
            printing.state(phase),
            printing.state(healthy),
            message,
            age,
        ]
    if not app.components:
        yield [app.name, app.namespace, "", "", "", printing.state(phase), "", "", age]
