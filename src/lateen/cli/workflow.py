"""`lateen workflow ...`."""

from __future__ import annotations

from typing import Annotated

import typer

from lateen.cli import options, running


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        help="Suspend, resume, restart or terminate the workflow of an application.",
        no_args_is_help=True,
    )
    group.command("suspend")(suspend)
    group.command("resume")(resume)
    group.command("restart")(restart)
    group.command("terminate")(terminate)
    app.add_typer(group, name="workflow")


Step = Annotated[str, typer.Option("--step", "-s", metavar="STEP", help="Only this step.")]


def suspend(
    name: options.Name,
    namespace: options.Namespace = "default",
    step: Step = "",
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Hold a running workflow until it is resumed."""
    _operate("suspend", name, namespace, step, kubeconfig)


def resume(
    name: options.Name,
    namespace: options.Namespace = "default",
    step: Step = "",
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Let a suspended workflow go on."""
    _operate("resume", name, namespace, step, kubeconfig)


def restart(
    name: options.Name,
    namespace: options.Namespace = "default",
    step: Annotated[
        str,
        typer.Option("--step", "-s", metavar="STEP", help="From this failed step on."),
    ] = "",
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Run a workflow again, from its beginning or from a failed step."""
    _operate("restart", name, namespace, step, kubeconfig)


def terminate(
    name: options.Name,
    namespace: options.Namespace = "default",
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """End a workflow where it is."""
    _operate("terminate", name, namespace, "", kubeconfig)


def _operate(verb: str, name: str, namespace: str, step: str, kubeconfig: str | None) -> None:
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import steering

    running.run(lambda: steering.steer(verb, name, namespace, step, kubeconfig))
