"""`lateen delete`."""

from __future__ import annotations

from typing import Annotated

import typer

from lateen.cli import options, running


def register(app: typer.Typer) -> None:
    app.command("delete")(delete)


def delete(
    apps: options.Names,
    namespace: options.Namespace = "default",
    wait: options.Wait = True,
    timeout: options.Timeout = "5m",
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask, also on a terminal.")
    ] = False,
    with_data: Annotated[
        bool,
        typer.Option(
            "--with-data",
            help="Also what holds data: PersistentVolumeClaims, PersistentVolumes, Namespaces, "
            "CustomResourceDefinitions. Without it they stay.",
        ),
    ] = False,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Delete applications with everything they brought, and wait until it is gone.

    `lateen undelete` brings them back for some days.
    """
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import deleting

    order = deleting.Order(apps, namespace, wait, options.seconds(timeout), yes, with_data)
    raise typer.Exit(running.run(lambda: deleting.delete(order, kubeconfig)))
