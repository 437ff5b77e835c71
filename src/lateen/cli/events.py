"""`lateen events`."""

from __future__ import annotations

from typing import Annotated

import typer

from lateen.cli import forms, options, running


def register(app: typer.Typer) -> None:
    app.command("events")(events)


def events(
    name: options.Name,
    namespace: options.Namespace = "default",
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Go on with what happens from now on.")
    ] = False,
    output: options.Format = forms.Output.TABLE,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Show what happened to an application, its objects and their pods, newest last.

    These are Kubernetes' events, which it keeps for an hour. With --watch, JSON is one event on a
    line.
    """
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import recounting

    order = recounting.Order(name, namespace, watch, output)
    running.run(lambda: recounting.events(order, kubeconfig))
