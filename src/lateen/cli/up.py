"""`lateen up`."""

from __future__ import annotations

from typing import Annotated

import typer

from lateen.cli import options, running


def register(app: typer.Typer) -> None:
    app.command("up")(up)


def up(
    files: options.Files,
    namespace: Annotated[
        str | None,
        typer.Option(
            "--namespace",
            "-n",
            metavar="NAMESPACE",
            help="Where what names no namespace goes, instead of the namespace default.",
            show_default=False,
        ),
    ] = None,
    wait: options.Wait = True,
    timeout: options.Timeout = "5m",
    strict: options.Strict = False,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Deliver applications, and show how it goes until they are healthy.

    Other objects in the files, such as definitions, are applied first.
    Nothing is changed before everything has been checked.
    """
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import applying

    order = applying.Order(files, namespace, wait, options.seconds(timeout), strict)
    raise typer.Exit(running.run(lambda: applying.up(order, kubeconfig)))
