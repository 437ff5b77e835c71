"""`lateen logs`."""

from __future__ import annotations

from typing import Annotated

import typer

from lateen.cli import options, running


def register(app: typer.Typer) -> None:
    app.command("logs")(logs)


def logs(
    name: options.Name,
    namespace: options.Namespace = "default",
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what is written from now on.")
    ] = False,
    component: Annotated[str, typer.Option("--component", "-c", help="Only this component.")] = "",
    container: Annotated[str, typer.Option("--container", help="Only this container.")] = "",
    cluster: options.Cluster = "",
    tail: Annotated[
        int, typer.Option("--tail", help="Only so many lines of each container; -1 for all.")
    ] = -1,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Show what an application's containers write, all pods together, and Terraform for it."""
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import tailing

    order = tailing.Order(name, namespace, follow, component, container, tail, cluster)
    running.run(lambda: tailing.logs(order, kubeconfig))
