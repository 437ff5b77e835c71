"""`lateen delete`."""

from __future__ import annotations

from typing import Annotated

import typer

from lateen.cli import options, running


def register(app: typer.Typer) -> None:
    app.command("delete")(delete)


def delete(
    apps: options.NamesOrNone = None,
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
    orphan: Annotated[
        bool,
        typer.Option(
            "--orphan",
            "-o",
            help="Only the application goes: what it brought stays, and is nobody's.",
        ),
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="Every application of the namespace.")
    ] = False,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Delete applications with everything they brought, and wait until it is gone.

    `lateen undelete` brings them back for some days.
    """
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import deleting

    if bool(apps) == every:
        raise typer.BadParameter("name applications, or give --all for those of the namespace")
    if orphan and with_data:
        raise typer.BadParameter("--orphan deletes nothing, --with-data more: give one of the two")
    seconds = options.seconds(timeout)
    order = deleting.Order(apps or None, namespace, wait, seconds, yes, with_data, orphan)
    raise typer.Exit(running.run(lambda: deleting.delete(order, kubeconfig)))
