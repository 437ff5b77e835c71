"""`lateen history` and `lateen revision ...`."""

from __future__ import annotations

from typing import Annotated

import typer

from lateen.cli import forms, options, running


def register(app: typer.Typer) -> None:
    app.command("history")(history)
    group = typer.Typer(help="The stored revisions of applications.", no_args_is_help=True)
    group.command("list")(listed)
    group.command("ls", hidden=True)(listed)
    group.command("get")(get)
    app.add_typer(group, name="revision")


def history(
    name: options.Name,
    namespace: options.Namespace = "default",
    output: options.Format = forms.Output.TABLE,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Show every revision of an application: when, by whom, what changed, how it ended.

    The latest comes first; `*` marks the one that is delivered now. `lateen diff NAME --revision`
    shows a change in full.
    """
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import histories

    running.run(lambda: histories.history(name, namespace, output, kubeconfig))


def listed(
    name: Annotated[
        str,
        typer.Argument(
            metavar="[APP]",
            help="Only those of this application.",
            autocompletion=options.application_names,
        ),
    ] = "",
    namespace: options.Namespace = "default",
    output: options.Format = forms.Output.TABLE,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """List the revisions of an application, or of all in the namespace, oldest first."""
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import histories

    running.run(lambda: histories.listing(name, namespace, output, kubeconfig))


def get(
    name: Annotated[str, typer.Argument(metavar="REVISION", help="The revision, as `shop-v3`.")],
    definition: Annotated[
        str,
        typer.Option(
            "--definition",
            "-d",
            metavar="TYPE",
            help="Print this definition as it was then: of a component, trait, policy or step.",
        ),
    ] = "",
    namespace: options.Namespace = "default",
    output: options.Format = forms.Output.TABLE,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Show one revision; with `-o yaml` the application of then and all it was rendered with."""
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import histories

    running.run(lambda: histories.get(name, namespace, definition, output, kubeconfig))
