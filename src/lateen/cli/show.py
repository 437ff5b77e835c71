"""`lateen show`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lateen.cli import forms, options, running


def register(app: typer.Typer) -> None:
    app.command("show")(show)


def show(
    type_name: Annotated[
        str,
        typer.Argument(metavar="TYPE", help="A component, trait, policy or step type."),
    ],
    definitions: Annotated[
        list[Path] | None,
        typer.Option(
            "--definitions",
            "-d",
            metavar="FILE|DIR",
            help="Definitions to look at before those installed; several times.",
        ),
    ] = None,
    namespace: options.Namespace = "default",
    output: options.Format = forms.Output.TABLE,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Show the parameters of a type. Without a control plane, of the built-in types."""
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import explaining

    order = explaining.Order(type_name, definitions or [], namespace)
    running.run(lambda: explaining.show(order, output, kubeconfig))
