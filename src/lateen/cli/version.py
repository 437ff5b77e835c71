"""`lateen version`."""

from __future__ import annotations

from typing import Annotated

import typer

import lateen
from lateen.cli import forms, options, printing, running


def register(app: typer.Typer) -> None:
    app.command("version")(version)


def version(
    client: Annotated[
        bool, typer.Option("--client", help="Only of this program; ask no control plane.")
    ] = False,
    output: options.Format = forms.Output.TABLE,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Show the version of Lateen, and of the control plane if there is one."""
    found: dict[str, str | None] = {"client": lateen.__version__}
    if not client:
        # imported here: `lateen version --client` must not wait for it
        from lateen.cli import greeting

        found |= running.run(lambda: greeting.server(kubeconfig))
    if output is not forms.Output.TABLE:
        printing.structured(found, output)
        return
    for what, said in found.items():
        printing.line_out(f"{what}: {said or 'none'}")
