"""`lateen ls`."""

from __future__ import annotations

import typer

from lateen.cli import forms, options, running


def register(app: typer.Typer) -> None:
    app.command("ls")(ls)


def ls(
    namespace: options.Namespace = "default",
    everywhere: options.Everywhere = False,
    output: options.Format = forms.Output.TABLE,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """List applications with their components."""
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import listing

    where = "" if everywhere else namespace
    running.run(lambda: listing.applications(where, output, kubeconfig))
