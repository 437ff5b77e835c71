"""`lateen ls`."""

from __future__ import annotations

from typing import Annotated

import typer

from lateen.cli import forms, options, running


def register(app: typer.Typer) -> None:
    app.command("ls")(ls)


def ls(
    namespace: options.Namespace = "default",
    everywhere: options.Everywhere = False,
    labels: Annotated[
        str,
        typer.Option(
            "--selector",
            "-l",
            metavar="SELECTOR",
            help="Only those with these labels, as in team=shop,tier!=test.",
            show_default=False,
        ),
    ] = "",
    fields: Annotated[
        str,
        typer.Option(
            "--field-selector",
            metavar="SELECTOR",
            help="Only those with these fields: metadata.name, metadata.namespace.",
            show_default=False,
        ),
    ] = "",
    output: options.Format = forms.Output.TABLE,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """List applications with their components."""
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import listing

    where = "" if everywhere else namespace
    order = listing.Order(where, labels, fields, output)
    running.run(lambda: listing.applications(order, kubeconfig))
