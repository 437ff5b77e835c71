"""Workflows on the command line: those of applications, and WorkflowRuns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lateen import hub
from lateen.api import names
from lateen.api.application import Application
from lateen.api.manifest import Key, Manifest
from lateen.api.revision import Revision
from lateen.api.workflowrun import KIND, WorkflowRun, status_of
from lateen.base import suggest
from lateen.base.problem import Problem
from lateen.cli import connecting
from lateen.cli.forms import Workflows
from lateen.controllers.application import running
from lateen.controllers.workflowruns import charting
from lateen.hub import members
from lateen.workflow import planning, records


@dataclass(frozen=True)
class Flow:
    """A workflow, and whose it is."""

    owner: Application | WorkflowRun

    @property
    def kind(self) -> str:
        return self.owner.key.kind

    @property
    def state(self) -> dict[str, Any]:
        """How far it is, in the form of an application's `status.workflow`."""
        if isinstance(self.owner, WorkflowRun):
            return self.owner.workflow
        found: dict[str, Any] = self.owner.status.get("workflow") or {}
        return found

    def with_state(self, state: Mapping[str, Any]) -> Manifest:
        """The object whose workflow it is, with another state."""
        if isinstance(self.owner, WorkflowRun):
            conditions = list(self.owner.status.get("conditions") or ())
            return {**self.owner.raw, "status": status_of(state, conditions)}
        return {**self.owner.raw, "status": {**self.owner.status, "workflow": dict(state)}}

    @property
    def debugged(self) -> bool:
        """What its steps evaluate to is kept."""
        if isinstance(self.owner, WorkflowRun):
            return self.owner.debug
        return any(policy.type == "debug" for policy in self.owner.policies)

    @property
    def components(self) -> set[str]:
        """The names of the components it delivers."""
        own = () if isinstance(self.owner, WorkflowRun) else self.owner.components
        return {component.name for component in own}

    def step(self, name: str) -> records.Record:
        """Raises: Problem: `workflow.unknown-step`."""
        known = {record.name: record for record in self.records()}
        if name in known:
            return known[name]
        raise Problem(
            "workflow.unknown-step",
            f"the workflow has come to no step {name}",
            hint=suggest.nearest(name, known) or f"steps so far are {', '.join(known)}",
        )

    def records(self) -> list[records.Record]:
        """Every step it has come to, those in groups after their group."""
        raws = self.state.get("steps") or ()
        return [each for raw in raws for each in records.Record.of(raw).walk()]


async def find(client: hub.Client, namespace: str, name: str, kind: Workflows | None) -> Flow:
    """The workflow of an application, else the WorkflowRun, of a name; `kind` says which.

    Raises:
        Problem: `hub.not-found`; `input.type` when there are both.
    """
    run = None
    if kind is not Workflows.APP:
        run = await _run(client, namespace, name)
    if kind is Workflows.WORKFLOW:
        if run is None:
            raise await _missing(client, namespace, name)
        return Flow(run)
    if run is None:
        return Flow(await connecting.application(client, namespace, name))
    if kind is None and await _is_application(client, namespace, name):
        raise Problem(
            "input.type",
            f"{name} is an application and a WorkflowRun",
            hint="add --type app or --type workflow",
        )
    return Flow(run)


async def every(client: hub.Client, namespace: str) -> list[Flow]:
    """The workflows of a namespace, or of all when it is empty: applications first."""
    apps = await connecting.applications(client, namespace)
    with connecting.installed():
        runs, _ = await client.list(names.GROUP, "v1alpha1", KIND, namespace=namespace)
    return [*map(Flow, apps), *(Flow(WorkflowRun(raw)) for raw in runs)]


async def plan(client: hub.Client, flow: Flow) -> planning.Plan:
    """The plan that the workflow runs by.

    Raises:
        Problem | Problems: it was never begun, or cannot be planned any more.
    """
    if isinstance(flow.owner, WorkflowRun):
        shared = None
        if flow.owner.workflow_ref:
            where = (names.GROUP, "Workflow", flow.owner.namespace, flow.owner.workflow_ref)
            shared = await client.get(Key(*where, "v1alpha1"))
        return charting.plan(flow.owner, shared)
    latest = str((flow.owner.status.get("latestRevision") or {}).get("name") or "")
    if not latest:
        raise Problem("workflow.not-running", "the workflow has not been started yet")
    key = Key(names.GROUP, "ApplicationRevision", flow.owner.namespace, latest, "v1beta1")
    return running.itinerary(Revision(await client.get(key)), members.ALONE.labels).plan


async def _run(client: hub.Client, namespace: str, name: str) -> WorkflowRun | None:
    key = Key(names.GROUP, KIND, namespace, name, "v1alpha1")
    try:
        return WorkflowRun(await client.get(key))
    except hub.ApiError as error:
        if error.not_found:
            return None
        raise
    except Problem as problem:
        if problem.code == "hub.unknown-kind":  # an older control plane
            return None
        raise


async def _is_application(client: hub.Client, namespace: str, name: str) -> bool:
    try:
        await client.get(connecting.key(namespace, name))
    except hub.ApiError as error:
        if error.not_found:
            return False
        raise
    return True


async def _missing(client: hub.Client, namespace: str, name: str) -> Problem:
    runs, _ = await client.list(names.GROUP, "v1alpha1", KIND, namespace=namespace)
    known = [str(raw["metadata"]["name"]) for raw in runs]
    return Problem(
        "hub.not-found",
        f"there is no WorkflowRun {name} in namespace {namespace}",
        hint=suggest.nearest(name, known) or "`lateen workflow list -A` lists all of them",
    )
