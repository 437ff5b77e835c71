"""`lateen cluster ...`."""

from __future__ import annotations

from typing import Annotated

import typer

from lateen.cli import forms, options, running


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        help="Join clusters, and look after those that are joined.", no_args_is_help=True
    )
    group.command("join")(join)
    group.command("list")(list_)
    group.command("detach")(detach)
    group.command("rename")(rename)
    group.command("alias")(alias)
    labels = typer.Typer(help="What topology policies select clusters by.", no_args_is_help=True)
    labels.command("add")(label)
    labels.command("del")(unlabel)
    group.add_typer(labels, name="labels")
    group.command("probe")(probe)
    group.command("export-config")(export_config)
    app.add_typer(group, name="cluster")


Name = Annotated[
    str,
    typer.Argument(metavar="NAME", help="The cluster.", autocompletion=options.cluster_names),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def join(
    file: Annotated[str, typer.Argument(metavar="KUBECONFIG", help="How to reach the cluster.")],
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="What it is called here.")
    ] = "",
    labels: Annotated[
        list[str] | None,
        typer.Option("--labels", metavar="KEY=VALUE,...", help="What policies select it by."),
    ] = None,
    context: Annotated[
        str | None,
        typer.Option("--context", metavar="CONTEXT", help="Not the kubeconfig's current one."),
    ] = None,
    create_namespace: Annotated[
        str,
        typer.Option("--create-namespace", metavar="NAMESPACE", help="Make this namespace there."),
    ] = "",
    renew: Annotated[
        bool, typer.Option("--renew", help="Give a joined cluster new credentials.")
    ] = False,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Join a cluster, so that applications can be delivered to it.

    What the kubeconfig holds to reach it with is kept in a Secret in `vela-system`: a client
    certificate, a token, or a plugin that the controllers then run. Without --name it is called as
    its entry in the kubeconfig.
    """
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import joining

    order = joining.Order(file, context, name, labels or (), create_namespace, renew)
    running.run(lambda: joining.join(order, kubeconfig))


def list_(
    output: options.Format = forms.Output.TABLE, kubeconfig: options.Kubeconfig = None
) -> None:
    """List the clusters that can be delivered to, and how they are."""
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import mustering

    running.run(lambda: mustering.show(output, kubeconfig))


def detach(name: Name, yes: Yes = False, kubeconfig: options.Kubeconfig = None) -> None:
    """Let a cluster go. What was delivered to it stays there, and nobody looks after it any more.

    Says first what that is.
    """
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import parting

    raise typer.Exit(running.run(lambda: parting.detach(name, kubeconfig, yes=yes)))


def rename(
    name: Name,
    new: Annotated[str, typer.Argument(metavar="NEW", help="What it is to be called.")],
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Call a cluster something else. What was delivered to it stays, and stays looked after.

    Applications that name it in a policy are told about: they have to be changed.
    """
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import parting

    running.run(lambda: parting.rename(name, new, kubeconfig))


def alias(
    name: Name,
    called: Annotated[str, typer.Argument(metavar="ALIAS", help="A name for people.")],
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Give a cluster a name for people, beside the one that policies use."""
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import joining

    running.run(lambda: joining.alias(name, called, kubeconfig))


def label(
    name: Name,
    labels: Annotated[list[str], typer.Argument(metavar="KEY=VALUE...", help="The labels.")],
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Add labels to a cluster, or change them.

    Applications whose policies select it by them are delivered to it, or no longer, at once.
    """
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import joining

    running.run(lambda: joining.label(name, joining.parsed(labels), kubeconfig))


def unlabel(
    name: Name,
    keys: Annotated[list[str], typer.Argument(metavar="KEY...", help="Which labels.")],
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Take labels off a cluster. Applications that it is selected for by them leave it."""
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import joining

    gone = [key for text in keys for key in text.split(",") if key]
    running.run(lambda: joining.label(name, dict.fromkeys(gone), kubeconfig))


def probe(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME...]", help="Which; else all.", autocompletion=options.cluster_names
        ),
    ] = None,
    output: options.Format = forms.Output.TABLE,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Ask clusters now whether they are well, from this machine."""
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import mustering

    raise typer.Exit(running.run(lambda: mustering.probe(names or (), output, kubeconfig)))


def export_config(
    labels: Annotated[
        list[str] | None,
        typer.Option("--labels", "-l", metavar="KEY=VALUE,...", help="Only clusters with these."),
    ] = None,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Print a kubeconfig with a context for each cluster. It holds their credentials."""
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import joining, mustering

    running.run(lambda: mustering.export(joining.parsed(labels or ()), kubeconfig))
