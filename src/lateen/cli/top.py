"""`lateen top`."""

from __future__ import annotations

from typing import Annotated

import typer

from lateen.cli import options, running


def register(app: typer.Typer) -> None:
    app.command("top")(top)


def top(
    namespace: Annotated[
        str,
        typer.Option(
            "--namespace",
            "-n",
            metavar="NAMESPACE",
            show_default=False,
            help="Only applications of this namespace; else all.",
        ),
    ] = "",
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Watch applications live: their resources, pods, logs, and why they wait.

    Arrow keys and Enter go into what is chosen, Escape goes back; the keys of each view are in its
    last line.
    """
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import beholding

    running.run(lambda: beholding.watch(namespace, kubeconfig))
