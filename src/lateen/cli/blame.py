"""`lateen blame`."""

from __future__ import annotations

from typing import Annotated

import typer

from lateen.cli import forms, options, running


def register(app: typer.Typer) -> None:
    app.command("blame")(blame)


def blame(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[APP] [KIND/NAME] [FIELD]",
            help="What to explain: a field such as spec.replicas, or the whole object. An "
            "application is named unless a file is given with -f.",
            show_default=False,
        ),
    ] = None,
    files: Annotated[
        list[str] | None,
        typer.Option(
            "--file",
            "-f",
            metavar="FILE|DIR|URL|-",
            help="Explain what these applications would create, instead of what one has created.",
        ),
    ] = None,
    definitions: options.Definitions = None,
    offline: options.Offline = False,
    namespace: options.Namespace = "default",
    output: options.Format = forms.Output.TABLE,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Show who set a field: parameter, default, override policy, template, trait or another writer.

    The last writer comes last. The values of Secrets are hidden.
    """
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import accounting, rehearsing

    given = list(words or ())
    if not files and not given:
        raise typer.BadParameter("name an application, or give a file with -f")
    if not files and (offline or definitions):
        raise typer.BadParameter("--offline and --definitions are for files: give one with -f")
    name = "" if files else given.pop(0)
    wanted = accounting.wanted(given)
    order = rehearsing.Order(files or [], definitions or [], offline, namespace)
    if files:
        running.run(lambda: rehearsing.blame(order, wanted, output, kubeconfig))
    else:
        running.run(lambda: rehearsing.blame_live(name, namespace, wanted, output, kubeconfig))
