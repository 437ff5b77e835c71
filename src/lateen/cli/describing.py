"""`status`: one application as people want to see it."""

from __future__ import annotations

from datetime import datetime

from rich.text import Text
from rich.tree import Tree

from lateen import hub
from lateen.api.application import Application
from lateen.base import clock, durations
from lateen.cli import connecting, gathering, printing, progress, trees
from lateen.cli.options import Output
from lateen.hub import informer


async def status(name: str, namespace: str, output: Output, kubeconfig: str | None) -> None:
    """Components, workflow steps and what is wrong; JSON and YAML give the Application itself."""
    async with connecting.plane(kubeconfig) as client:
        app = await connecting.application(client, namespace, name)
        view = progress.view(app)
        causes: list[str] = []
        if output is Output.TABLE and any(c.state == "unhealthy" for c in view.components):
            gathered = await gathering.application(client, app)
            causes = trees.causes(gathered.nodes)
    if output is not Output.TABLE:
        printing.structured(informer.trim(app.raw), output)
        return
    console = printing.stdout()
    for label, value in _facts(app, view, clock.SystemClock().now()):
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
    for reason in view.reasons:
        printing.stderr().print(Text(f"✗ {reason}", "red"))
    for cause in causes:
        printing.stderr().print(Text(f"  {cause}", "yellow"))
    if view.suspended:
        hint = f"It waits for `lateen workflow resume {name} -n {namespace}`."
        printing.stderr().print(Text(hint, "yellow"))


def _facts(app: Application, view: progress.View, now: datetime) -> list[tuple[str, str | Text]]:
    created = app.metadata.get("creationTimestamp")
    age = durations.short((now - clock.parse(created)).total_seconds()) if created else ""
    revision = (app.status.get("latestRevision") or {}).get("name")
    facts: list[tuple[str, str | Text]] = [
        ("Name", app.name),
        ("Namespace", app.namespace),
        ("Phase", printing.state(view.phase)),
        ("Revision", str(revision or "")),
        ("Age", age),
    ]
    return [(label, value) for label, value in facts if value]


async def tree(name: str, namespace: str, output: Output, kubeconfig: str | None) -> None:
    """Every applied object with those it made, by cluster."""
    async with connecting.plane(kubeconfig) as client:
        gathered = await _gather(client, namespace, name)
    if output is not Output.TABLE:
        printing.structured([node.to_map() for node in gathered.nodes], output)
        return
    clusters = dict.fromkeys(node.cluster or "local" for node in gathered.nodes)
    console = printing.stdout()
    for cluster in clusters:
        root = Tree(Text(f"cluster {cluster}", "bold"), guide_style="dim")
        for node in gathered.nodes:
            if (node.cluster or "local") == cluster:
                _branch(root, node, namespace)
        console.print(root, soft_wrap=False)  # a long message stays inside its branch
    if not clusters:
        printing.stderr().print(f"{name} has no objects yet.")


def _branch(parent: Tree, node: trees.Node, namespace: str) -> None:
    place = f" -n {node.key.namespace}" if node.key.namespace not in ("", namespace) else ""
    label = Text.assemble(
        ("✓ ", "green") if node.healthy else ("✗ ", "red"),
        (node.key.kind, "cyan"),
        f" {node.key.name}{place}",
    )
    if node.message:
        label.append(f"  {node.message}", "dim" if node.healthy else "red")
    branch = parent.add(label)
    for child in node.children:
        _branch(branch, child, namespace)


async def endpoints(name: str, namespace: str, output: Output, kubeconfig: str | None) -> None:
    """The addresses that accept connections now."""
    async with connecting.plane(kubeconfig) as client:
        gathered = await _gather(client, namespace, name)
    found = await gathering.answering(gathered.endpoints)
    if output is not Output.TABLE:
        rows = [
            {"component": e.component, "service": e.service, "address": e.address, "url": url}
            for e, url in found
        ]
        printing.structured(rows, output)
        return
    if not found:
        silent = ", ".join(endpoint.address for endpoint in gathered.endpoints)
        said = f"nobody answers at {silent}" if silent else "no pod with a port is ready"
        printing.stderr().print(f"{name} has no address that answers now: {said}.")
        return
    printing.table(
        ("COMPONENT", "SERVICE", "ENDPOINT"),
        [(e.component, e.service, Text(url, "cyan")) for e, url in found],
    )


async def _gather(client: hub.Client, namespace: str, name: str) -> gathering.Gathered:
    app = await connecting.application(client, namespace, name)
    return await gathering.application(client, app)
