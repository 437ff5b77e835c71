"""`lateen policy ...`: what policies with the scope `Application` make of an application."""

from __future__ import annotations

from typing import Annotated

import typer

from lateen.cli import forms, options, running

Chosen = Annotated[
    list[str] | None,
    typer.Option("--policy", "-p", metavar="NAME", help="Only this policy; several times."),
]
Outcome = Annotated[
    bool, typer.Option("--outcome", help="Only the application as they leave it, as YAML.")
]


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        help="Policies that change applications before they are understood.", no_args_is_help=True
    )
    group.command("view")(view)
    group.command("dry-run")(dry_run)
    app.add_typer(group, name="policy")


def view(
    name: options.Name,
    namespace: options.Namespace = "default",
    policies: Chosen = None,
    outcome: Outcome = False,
    output: options.Format = forms.Output.TABLE,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Show what policies, global ones too, have made of an application that is delivered.

    JSON and YAML hold what each of them put out.
    """
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import governors

    order = governors.Order(tuple(policies or ()), outcome)
    running.run(lambda: governors.view(name, namespace, order, output, kubeconfig))


def dry_run(
    files: options.Files,
    definitions: options.Definitions = None,
    offline: options.Offline = False,
    namespace: options.Namespace = "default",
    policies: Chosen = None,
    outcome: Outcome = False,
    output: options.Format = forms.Output.TABLE,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Show what policies, global ones too, would make of applications in files."""
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import governors, rehearsing

    order = governors.Order(tuple(policies or ()), outcome)
    wanted = rehearsing.Order(files, definitions or [], offline, namespace)
    running.run(lambda: governors.dry_run(wanted, order, output, kubeconfig))
