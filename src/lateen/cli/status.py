"""`lateen status`."""

from __future__ import annotations

from typing import Annotated

import typer

from lateen.cli import forms, options, running


def register(app: typer.Typer) -> None:
    app.command("status")(status)


def status(
    name: options.Name,
    namespace: options.Namespace = "default",
    tree: Annotated[
        bool, typer.Option("--tree", "-t", help="Every object, and what it made in turn.")
    ] = False,
    endpoint: Annotated[
        bool, typer.Option("--endpoint", "-p", help="The addresses that answer now.")
    ] = False,
    detail: Annotated[
        bool,
        typer.Option(
            "--detail", help="Also conditions, ages, what is ready, and details of types."
        ),
    ] = False,
    output: options.Format = forms.Output.TABLE,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Show how an application is: its components, its workflow, and what is wrong."""
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import describing

    if tree and endpoint:
        raise typer.BadParameter("give one of the two", param_hint="--tree, --endpoint")
    order = describing.Order(name, namespace, output, detail)
    show = describing.tree if tree else describing.addresses if endpoint else describing.status
    running.run(lambda: show(order, kubeconfig))
