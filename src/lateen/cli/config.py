"""`lateen config ...` and `lateen config-template ...`."""

from __future__ import annotations

from typing import Annotated

import typer

from lateen.cli import forms, options, running

Namespace = Annotated[
    str, typer.Option("--namespace", "-n", metavar="NAMESPACE", help="Where the config is.")
]
Of = Annotated[
    str, typer.Option("--namespace", "-n", metavar="NAMESPACE", help="Where the template is.")
]
Config = Annotated[str, typer.Argument(metavar="NAME", help="The config.")]
Template = Annotated[str, typer.Argument(metavar="NAME", help="The config template.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, also on a terminal.")]
_SYSTEM = "vela-system"


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        help="Configs: registries, repositories, clouds and the like, kept in Secrets.",
        no_args_is_help=True,
    )
    group.command("create")(create)
    group.command("list")(list_)
    group.command("distribute")(distribute)
    group.command("delete")(delete)
    app.add_typer(group, name="config")
    templates = typer.Typer(help="What configs are made by, and checked.", no_args_is_help=True)
    templates.command("apply")(apply)
    templates.command("list")(list_templates)
    templates.command("show")(show)
    templates.command("delete")(delete_template)
    app.add_typer(templates, name="config-template")


def create(
    name: Config,
    properties: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY=VALUE...",
            help="Its properties, as in auth.username=ann; what the template has as a string stays "
            "one.",
            show_default=False,
        ),
    ] = None,
    template: Annotated[
        str,
        typer.Option(
            "--template",
            "-t",
            metavar="[NAMESPACE/]TEMPLATE",
            help="What it is made by; without one any properties go.",
            show_default=False,
        ),
    ] = "",
    file: Annotated[
        str,
        typer.Option(
            "--file",
            "-f",
            metavar="FILE|URL|-",
            help="Its properties, as YAML.",
            show_default=False,
        ),
    ] = "",
    alias: Annotated[
        str, typer.Option("--alias", metavar="TEXT", help="What people call it.")
    ] = "",
    description: Annotated[
        str, typer.Option("--description", metavar="TEXT", help="What it is for.")
    ] = "",
    targets: Annotated[
        list[str] | None,
        typer.Option(
            "--target",
            metavar="[CLUSTER/]NAMESPACE",
            help="Bring it there as well; several times.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be written, without Secrets' texts.")
    ] = False,
    namespace: Namespace = _SYSTEM,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Write a config, or write it anew.

    Example: `lateen config create hub -t image-registry registry=registry.example.com
    auth.username=ann auth.password=secret`.
    """
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import configuring

    if properties and file:
        raise typer.BadParameter("give properties as KEY=VALUE, or --file, not both")
    if targets and dry_run:
        raise typer.BadParameter("--dry-run brings nothing anywhere: leave out --target")
    order = configuring.Order(
        name,
        namespace,
        template,
        tuple(properties or ()),
        file,
        alias,
        description,
        tuple(targets or ()),
        dry_run,
    )
    raise typer.Exit(running.run(lambda: configuring.create(order, kubeconfig)))


def list_(
    namespace: Namespace = _SYSTEM,
    everywhere: options.Everywhere = False,
    template: Annotated[
        str,
        typer.Option(
            "--template",
            "-t",
            metavar="TEMPLATE",
            help="Only those of this template.",
            show_default=False,
        ),
    ] = "",
    output: options.Format = forms.Output.TABLE,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """List configs, and where they are distributed to."""
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import configuring

    where = "" if everywhere else namespace
    running.run(lambda: configuring.list_(where, template, output, kubeconfig))


def distribute(
    name: Config,
    targets: Annotated[
        list[str] | None,
        typer.Option(
            "--target",
            "-t",
            metavar="[CLUSTER/]NAMESPACE",
            help="Where to; several times. Those of before that are left out lose it.",
        ),
    ] = None,
    recall: Annotated[
        bool, typer.Option("--recall", "-r", help="Take it back from everywhere.")
    ] = False,
    namespace: Namespace = _SYSTEM,
    yes: Yes = False,
    timeout: options.Timeout = "5m",
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Bring a config to other namespaces and clusters: an application does, and keeps it there."""
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import distributing

    if bool(targets) == recall:
        raise typer.BadParameter("say where to with --target, or take it back with --recall")
    order = distributing.Order(name, namespace, tuple(targets or ()), options.seconds(timeout), yes)
    work = distributing.recall if recall else distributing.distribute
    raise typer.Exit(running.run(lambda: work(order, kubeconfig)))


def delete(
    name: Config,
    not_recall: Annotated[
        bool, typer.Option("--not-recall", help="Leave it where it was distributed to.")
    ] = False,
    namespace: Namespace = _SYSTEM,
    yes: Yes = False,
    timeout: options.Timeout = "5m",
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Delete a config with all that its template brought, also where it was distributed to."""
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import configuring, distributing

    order = distributing.Order(name, namespace, (), options.seconds(timeout), yes)
    raise typer.Exit(
        running.run(lambda: configuring.delete(order, kubeconfig, recall=not not_recall))
    )


def apply(
    file: Annotated[
        str, typer.Option("--file", "-f", metavar="FILE|URL|-", help="The template, as CUE.")
    ],
    name: Annotated[
        str,
        typer.Option(
            "--name",
            metavar="NAME",
            help="Its name, if not that of `metadata`.",
            show_default=False,
        ),
    ] = "",
    namespace: Of = _SYSTEM,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Check a config template, and write it or write it anew."""
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import moulding

    running.run(lambda: moulding.apply(file, name, namespace, kubeconfig))


def list_templates(
    namespace: Of = _SYSTEM,
    everywhere: options.Everywhere = False,
    output: options.Format = forms.Output.TABLE,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """List config templates."""
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import moulding

    where = "" if everywhere else namespace
    running.run(lambda: moulding.list_(where, output, kubeconfig))


def show(
    name: Template,
    namespace: Of = _SYSTEM,
    output: options.Format = forms.Output.TABLE,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Show the properties that configs of a template have."""
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import moulding

    running.run(lambda: moulding.show(name, namespace, output, kubeconfig))


def delete_template(
    name: Template,
    namespace: Of = _SYSTEM,
    yes: Yes = False,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Delete a config template; configs that were made by it stay."""
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import moulding

    running.run(lambda: moulding.delete(name, namespace, kubeconfig, yes=yes))
