"""`status`: one application as people want to see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rich.text import Text
from rich.tree import Tree

from lateen import hub
from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.application import Application
from lateen.api.manifest import Manifest
from lateen.base import clock, durations
from lateen.cli import connecting, endpoints, gathering, passages, printing, progress, trees
from lateen.cli.endpoints import Endpoint
from lateen.cli.forms import Output
from lateen.hub import informer


@dataclass(frozen=True)
class Order:
    """What the user asked for."""

    name: str
    namespace: str
    output: Output = Output.TABLE
    detail: bool = False


async def status(order: Order, kubeconfig: str | None) -> None:
    """Components, workflow steps and what is wrong; JSON and YAML give the Application itself."""
    async with connecting.plane(kubeconfig) as client:
        app = await connecting.application(client, order.namespace, order.name)
        view = progress.view(app)
        causes: list[str] = []
        if order.output is Output.TABLE and any(c.state == "unhealthy" for c in view.components):
            gathered = await gathering.application(client, app)
            causes = trees.causes(gathered.nodes)
    if order.output is not Output.TABLE:
        printing.structured(informer.trim(app.raw), order.output)
        return
    now = clock.SystemClock().now()
    console = printing.stdout()
    for label, value in _facts(app, view, now):
        console.print(Text.assemble((f"{label + ':':<12}", "bold"), value))
    if view.components:
        console.print()
        printing.table(
            ("COMPONENT", "KIND", "HEALTHY", "MESSAGE"),
            [
                (c.name, c.type, printing.state(str(c.state == "healthy").lower()), c.message)
                for c in view.components
            ],
        )
    if view.steps:
        console.print()
        printing.table(
            ("STEP", "TYPE", "PHASE", "MESSAGE"),
            [
                (
                    f"{'  ' * step.depth}{step.name}",
                    step.type,
                    printing.state(step.state),
                    step.message,
                )
                for step in view.steps
            ],
        )
    if order.detail:
        _details(app, now)
    for reason in view.reasons:
        printing.stderr().print(Text(f"✗ {reason}", "red"))
    for cause in causes:
        printing.stderr().print(Text(f"  {cause}", "yellow"))
    if view.held:
        printing.stderr().print(Text(f"! {view.held}", "yellow"))
    if view.suspended:
        hint = f"It waits for `lateen workflow resume {order.name} -n {order.namespace}`."
        printing.stderr().print(Text(hint, "yellow"))


def _facts(app: Application, view: progress.View, now: datetime) -> list[tuple[str, str | Text]]:
    revision = (app.status.get("latestRevision") or {}).get("name")
    facts: list[tuple[str, str | Text]] = [
        ("Name", app.name),
        ("Namespace", app.namespace),
        ("Phase", printing.state(view.phase)),
        ("Revision", str(revision or "")),
        ("Age", age(app.metadata.get("creationTimestamp"), now)),
    ]
    return [(label, value) for label, value in facts if value]


def _details(app: Application, now: datetime) -> None:
    """What its types tell of components and traits, and its conditions."""
    rows = [
        (str(part.get("name") or f"  {part.get('type')}"), label, Text(str(value)))
        for service in app.status.get("services") or ()
        for part in (service, *(service.get("traits") or ()))
        for label, value in (part.get("details") or {}).items()
    ]
    console = printing.stdout()
    if rows:
        console.print()
        printing.table(("COMPONENT", "DETAIL", "VALUE"), rows)
    found = app.status.get("conditions") or ()
    if found:
        console.print()
        printing.table(
            ("CONDITION", "STATUS", "REASON", "SINCE", "MESSAGE"),
            [
                (
                    str(each.get("type")),
                    printing.state(str(each.get("status"))),
                    str(each.get("reason") or ""),
                    age(each.get("lastTransitionTime"), now),
                    str(each.get("message") or ""),
                )
                for each in found
            ],
        )


def age(stamp: str | None, now: datetime) -> str:
    """How long ago a time of Kubernetes was; nothing where there is none."""
    return durations.short((now - clock.parse(stamp)).total_seconds()) if stamp else ""


async def tree(order: Order, kubeconfig: str | None) -> None:
    """Every applied object with those it made, by cluster."""
    async with connecting.plane(kubeconfig) as client:
        gathered = await _gather(client, order)
    if order.output is not Output.TABLE:
        plain = [node.to_map(detail=order.detail) for node in gathered.nodes]
        printing.structured(plain, order.output)
        return
    now = clock.SystemClock().now() if order.detail else None
    console = printing.stdout()
    for cluster in gathered.clusters:
        root = Tree(Text(f"cluster {cluster}", "bold"), guide_style="dim")
        for node in gathered.in_cluster(cluster):
            _branch(root, node, order.namespace, now)
        console.print(root, soft_wrap=False)  # a long message stays inside its branch
    if not gathered.clusters:
        printing.stderr().print(f"{order.name} has no objects yet.")


def _branch(parent: Tree, node: trees.Node, namespace: str, now: datetime | None) -> None:
    """One object with those it made; with a time, also what it tells of itself."""
    text = label(node, namespace)
    if now is not None and node.live is not None:
        text.append_text(brief(node.live, now)).append_text(_conditions(node.live))
    branch = parent.add(text)
    for child in node.children:
        _branch(branch, child, namespace, now)


def label(node: trees.Node, namespace: str) -> Text:
    """An object on one line: its health, its name, what is wrong with it."""
    place = f" -n {node.key.namespace}" if node.key.namespace not in ("", namespace) else ""
    text = Text.assemble(
        ("✓ ", "green") if node.healthy else ("✗ ", "red"),
        (node.key.kind, "cyan"),
        f" {node.key.name}{place}",
    )
    if node.message:
        text.append(f"  {node.message}", "dim" if node.healthy else "red")
    return text


def brief(live: Manifest, now: datetime) -> Text:
    """How much of an object is ready, and its age."""
    created = age(manifests.metadata(live).get("creationTimestamp"), now)
    counted = trees.ready(live)
    said = Text(f"  {counted} ready" if counted else "", "dim")
    return said.append(f"  {created} old" if created else "", "dim")


def _conditions(live: Manifest) -> Text:
    """Those that are met on one line, each other one on its own."""
    found = trees.conditions(live)
    fine = ", ".join(each.type for each in found if each.fine)
    said = Text(f"\n  {fine}" if fine else "", "dim green")
    for each in found:
        if not each.fine:
            reason = ": ".join(part for part in (each.reason, each.message) if part)
            said.append(f"\n  {each.type} {each.status}", "not dim yellow")
            said.append(f"  {reason}" if reason else "", "dim")
    return said


async def addresses(order: Order, kubeconfig: str | None) -> None:
    """The addresses that accept connections now."""
    async with connecting.plane(kubeconfig) as client:
        gathered = await _gather(client, order)
    found = await gathering.answering(gathered.endpoints)
    if order.output is not Output.TABLE:
        rows = [
            {
                "cluster": e.cluster,
                "component": e.component,
                "service": e.service,
                "address": e.address,
                "url": url,
            }
            for e, url in found
        ]
        printing.structured(rows, order.output)
        return
    for why in gathered.away.values():
        printing.stderr().print(Text(why, "yellow"))
    for node in gathered.nodes:
        if node.live and node.key.kind == "Ingress" and not endpoints.served(node.live):
            said = f"{node.key} is not served: no ingress controller has given it an address."
            printing.stderr().print(Text(said, "yellow"))
        if node.live and passages.is_route(node.key):
            known = gathered.gateways.get(node.place, {})
            if why := passages.unserved(node.live, known):
                printing.stderr().print(Text(f"{node.key} is not served: {why}.", "yellow"))
    if not found:
        silent = ", ".join(endpoint.address for endpoint in gathered.endpoints)
        said = f"nobody answers at {silent}" if silent else "no pod with a port is ready"
        printing.stderr().print(f"{order.name} has no address that answers now: {said}.")
        return
    alone = all(e.cluster == names.LOCAL for e, _ in found)
    headers = ("CLUSTER", "COMPONENT", "SERVICE", "ENDPOINT")
    rows_ = [(e.cluster, e.component, e.service, _way(e, url)) for e, url in found]
    printing.table(headers[alone:], [row[alone:] for row in rows_])


def _way(endpoint: Endpoint, url: str) -> Text:
    """A URL, and where its host is: names of Ingresses need not be known here."""
    text = Text(url, "cyan")
    return text.append(f" (at {endpoint.address})", "dim") if endpoint.name else text


async def _gather(client: hub.Client, order: Order) -> gathering.Gathered:
    app = await connecting.application(client, order.namespace, order.name)
    return await gathering.application(client, app)
