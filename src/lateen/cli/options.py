"""Options and arguments that several commands share, so that they read the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lateen.cli import forms


def inherit(context: typer.Context, value: str | None) -> str | None:
    """`lateen --kubeconfig FILE ls` means the same as `lateen ls --kubeconfig FILE`."""
    inherited: str | None = context.find_root().params.get("kubeconfig")
    return value or inherited


def _names(context: typer.Context, incomplete: str) -> list[str]:
    # imported here: only the shell's completion needs it
    from lateen.cli import completing

    namespace = context.params.get("namespace") or "default"
    kubeconfig = inherit(context, context.params.get("kubeconfig"))
    return completing.applications(kubeconfig, namespace, incomplete)


def _workflows(context: typer.Context, incomplete: str) -> list[str]:
    # imported here: only the shell's completion needs it
    from lateen.cli import completing

    namespace = context.params.get("namespace") or "default"
    kubeconfig = inherit(context, context.params.get("kubeconfig"))
    return completing.workflows(kubeconfig, namespace, incomplete)


def cluster_names(context: typer.Context, incomplete: str) -> list[str]:
    # imported here: only the shell's completion needs it
    from lateen.cli import completing

    kubeconfig = inherit(context, context.params.get("kubeconfig"))
    return completing.clusters(kubeconfig, incomplete)


Kubeconfig = Annotated[
    str | None,
    typer.Option(
        "--kubeconfig",
        metavar="FILE",
        callback=inherit,
        show_default=False,
        help="Talk to this control plane, not to that of $KUBECONFIG, a running standalone one "
        "or that of ~/.kube/config, the first of these that is there.",
    ),
]
Namespace = Annotated[
    str,
    typer.Option("--namespace", "-n", metavar="NAMESPACE", help="Where the application is."),
]
Everywhere = Annotated[
    bool, typer.Option("--all-namespaces", "-A", help="Those of all namespaces.")
]
Cluster = Annotated[
    str,
    typer.Option(
        "--cluster",
        metavar="CLUSTER",
        help="Only in this cluster; `local` is the control plane's own.",
        show_default=False,
        autocompletion=cluster_names,
    ),
]
Name = Annotated[
    str,
    typer.Argument(metavar="NAME", help="The application.", autocompletion=_names),
]
Workflow = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="The application, or the WorkflowRun.", autocompletion=_workflows
    ),
]
WorkflowKind = Annotated[
    forms.Workflows | None,
    typer.Option(
        "--type",
        "-t",
        help="Of an application (app) or a WorkflowRun (workflow), where there are both.",
        case_sensitive=False,
        show_default=False,
    ),
]
Names = Annotated[
    list[str],
    typer.Argument(metavar="NAME...", help="The applications.", autocompletion=_names),
]
NamesOrNone = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME...", help="The applications.", autocompletion=_names),
]
application_names = _names
FilesOrNone = Annotated[
    list[str] | None,
    typer.Option(
        "--file",
        "-f",
        metavar="FILE|DIR|URL|-",
        help="Read this; - for standard input. May be given several times.",
    ),
]
Files = Annotated[
    list[str],
    typer.Option(
        "--file",
        "-f",
        metavar="FILE|DIR|URL|-",
        help="Read this; - for standard input. May be given several times.",
    ),
]
Format = Annotated[
    forms.Output,
    typer.Option("--output", "-o", help="How to print the result.", case_sensitive=False),
]
Definitions = Annotated[
    list[Path] | None,
    typer.Option(
        "--definitions",
        "-d",
        metavar="FILE|DIR",
        help="Definitions to use before those installed, as .cue or YAML; several times.",
    ),
]
Offline = Annotated[
    bool, typer.Option("--offline", help="Ask no control plane: built-in and given definitions.")
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="Refuse parameters that a type does not have; else a warning."),
]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is done.")]
Timeout = Annotated[
    str, typer.Option("--timeout", metavar="DURATION", help="How long to wait, as in 90s or 5m.")
]


def seconds(text: str) -> float:
    """Seconds of a `--timeout`.

    Raises:
        typer.BadParameter: it is no duration; says how to write one.
    """
    # imported here: options are read by every command, durations by few
    from lateen.base import durations

    try:
        return durations.seconds(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--timeout") from error
