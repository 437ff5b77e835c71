"""`lateen workflow ...`, and `lateen debug`."""

from __future__ import annotations

from typing import Annotated

import typer

from lateen.cli import forms, options, running


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        help="Look at and steer the workflows of applications, and WorkflowRuns.",
        no_args_is_help=True,
    )
    group.command("list")(list_)
    group.command("suspend")(suspend)
    group.command("resume")(resume)
    group.command("restart")(restart)
    group.command("terminate")(terminate)
    group.command("rollback")(rollback)
    group.command("logs")(logs)
    group.command("debug")(debug)
    app.add_typer(group, name="workflow")
    app.command("debug")(debug)


Step = Annotated[str, typer.Option("--step", "-s", metavar="STEP", help="Only this step.")]
FirstStep = Annotated[
    str, typer.Option("--step", "-s", metavar="STEP", help="From this failed step on.")
]
StepOrComponent = Annotated[
    str, typer.Option("--step", "-s", metavar="STEP", help="This step, or this component.")
]
Focus = Annotated[
    str, typer.Option("--focus", "-f", metavar="PATH", help="Only this value of the document.")
]


def list_(
    namespace: options.Namespace = "default",
    everywhere: options.Everywhere = False,
    output: options.Format = forms.Output.TABLE,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """List the workflows of applications, and WorkflowRuns."""
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import surveying

    where = "" if everywhere else namespace
    running.run(lambda: surveying.workflows(where, output, kubeconfig))


def suspend(
    name: options.Workflow,
    namespace: options.Namespace = "default",
    step: Step = "",
    kind: options.WorkflowKind = None,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Hold a running workflow until it is resumed."""
    _operate("suspend", name, namespace, step, kubeconfig, kind)


def resume(
    name: options.Workflow,
    namespace: options.Namespace = "default",
    step: Step = "",
    kind: options.WorkflowKind = None,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Let a suspended workflow go on."""
    _operate("resume", name, namespace, step, kubeconfig, kind)


def restart(
    name: options.Workflow,
    namespace: options.Namespace = "default",
    step: FirstStep = "",
    kind: options.WorkflowKind = None,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Run a workflow again, from its beginning or from a failed step."""
    _operate("restart", name, namespace, step, kubeconfig, kind)


def terminate(
    name: options.Workflow,
    namespace: options.Namespace = "default",
    kind: options.WorkflowKind = None,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """End a workflow where it is, also in the middle of an action."""
    _operate("terminate", name, namespace, "", kubeconfig, kind)


def rollback(
    name: options.Name,
    namespace: options.Namespace = "default",
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Go back to the last revision that was delivered well, other than what is declared now.

    The application gets the text of that revision, and its publishVersion. If what it had
    delivered is still listed, it is put back as it was, and no step runs again; else its workflow
    runs. `lateen history` shows the revisions.
    """
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import reverting

    running.run(lambda: reverting.rollback(name, namespace, kubeconfig))


def logs(
    name: options.Workflow,
    namespace: options.Namespace = "default",
    step: Step = "",
    kind: options.WorkflowKind = None,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Show what steps have logged, and the logs of the pods and addresses they name."""
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import retelling

    running.run(lambda: retelling.logs(name, namespace, step, kind, kubeconfig))


def debug(
    name: options.Workflow,
    namespace: options.Namespace = "default",
    step: StepOrComponent = "",
    focus: Focus = "",
    kind: options.WorkflowKind = None,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Show what the steps and components of a workflow evaluated to: it needs the policy `debug`,
    or on a WorkflowRun the annotation `workflowrun.oam.dev/debug: "true"`.
    """
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import inspecting

    order = inspecting.Order(name, namespace, step, focus)
    running.run(lambda: inspecting.debug(order, kind, kubeconfig))


def _operate(
    verb: str,
    name: str,
    namespace: str,
    step: str,
    kubeconfig: str | None,
    kind: forms.Workflows | None,
) -> None:
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import steering

    running.run(lambda: steering.steer(verb, name, namespace, step, kubeconfig, kind))
