"""`lateen up`."""

from __future__ import annotations

from typing import Annotated

import typer

from lateen.cli import options, running


def register(app: typer.Typer) -> None:
    app.command("up")(up)


def up(
    name: Annotated[
        str,
        typer.Argument(
            metavar="[NAME]",
            help="An application to deliver again, with --revision or --publish-version.",
            autocompletion=options.application_names,
        ),
    ] = "",
    files: options.FilesOrNone = None,
    revision: Annotated[
        str,
        typer.Option(
            "--revision",
            "-r",
            metavar="REVISION",
            help="Deliver NAME as this revision has it, with the definitions of then: `shop-v3`, "
            "`v3` or `3`.",
        ),
    ] = "",
    version: Annotated[
        str,
        typer.Option(
            "--publish-version",
            "-v",
            metavar="VERSION",
            help="Publish under this version: `app.oam.dev/publishVersion`.",
        ),
    ] = "",
    plan: Annotated[
        str,
        typer.Option(
            "--plan",
            metavar="FILE",
            help="Do what this plan says, as `lateen plan` wrote it, or refuse if anything moved.",
        ),
    ] = "",
    allow: Annotated[
        int,
        typer.Option(
            "--allow-delete",
            metavar="N",
            min=0,
            help="Up to N objects that are no longer declared may be deleted, also beyond the "
            "limit.",
        ),
    ] = 0,
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

    _refuse_senseless(name, files, revision, version, plan)
    order = applying.Order(
        files or (),
        namespace,
        wait,
        options.seconds(timeout),
        strict,
        name,
        revision,
        version,
        plan,
        allow,
    )
    raise typer.Exit(running.run(lambda: applying.up(order, kubeconfig)))


def _refuse_senseless(
    name: str, files: list[str] | None, revision: str, version: str, plan: str
) -> None:
    if plan:
        if name or files or revision or version:
            raise typer.BadParameter("a plan says all of it: give nothing beside it")
        return
    if name and files:
        raise typer.BadParameter("name an application, or give files with -f, not both")
    if not name and not files:
        raise typer.BadParameter("give a --file (-f), or name an application")
    if revision and files:
        raise typer.BadParameter("a revision is of an application: name it instead of files")
    if name and not (revision or version):
        raise typer.BadParameter(
            f"say how {name} is to be delivered again: --revision or --publish-version"
        )
