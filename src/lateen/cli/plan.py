"""`lateen plan`."""

from __future__ import annotations

from typing import Annotated

import typer

from lateen.cli import forms, options, running


def register(app: typer.Typer) -> None:
    app.command("plan")(plan)


def plan(
    files: options.Files,
    out: Annotated[
        str,
        typer.Option("--out", metavar="FILE", help="Write the plan here, for `lateen up --plan`."),
    ] = "",
    namespace: options.Namespace = "default",
    output: options.Format = forms.Output.TABLE,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Show everything `up` would do, and seal it: `up --plan` does exactly that, or refuses.

    What is created, changed as the API server would have it, deleted, and what stays, by cluster
    and namespace; which of it restarts pods; the definitions used. The values of Secrets are
    hidden. Nothing is changed.
    """
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import sealing

    order = sealing.Order(files, namespace, out)
    running.run(lambda: sealing.plan(order, output, kubeconfig))
