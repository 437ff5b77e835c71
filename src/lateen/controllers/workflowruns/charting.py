"""From a WorkflowRun to the way its workflow takes: its steps, and what their types mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lateen.api.application import Step
from lateen.api.manifest import Manifest
from lateen.api.workflowrun import WorkflowRun
from lateen.base.problem import Problem, raise_any
from lateen.controllers.application import parsing, running
from lateen.definitions import loading
from lateen.workflow import planning, steps
from lateen.workflow.unattached import Unattached


def chart(
    run: WorkflowRun, catalogue: loading.Catalogue, externals: parsing.Externals
) -> running.Itinerary:
    """Plan the workflow of a run.

    Raises:
        Problem | Problems: `workflow.no-steps`, `workflow.unknown`, `definition.unknown`, and
            whatever else would make the workflow fail, as far as it can be known.
    """
    workflow = _workflow(run, externals)
    given = tuple(_steps(run, workflow))
    problems: list[Problem] = []
    definitions = parsing.defined(parsing.step_types(given), catalogue, run.namespace, problems)
    raise_any(problems)
    described = {each.asked or each.name: each for each in definitions}
    roots = running.roots(definitions, context(run))
    return running.Itinerary(plan(run, workflow, roots), Unattached(), described)


def plan(
    run: WorkflowRun, workflow: Manifest | None, roots: planning.Roots | None = None
) -> planning.Plan:
    """The plan of a run's own steps, or of those of the Workflow it names, whatever their types.

    Raises:
        Problem | Problems: `workflow.*`.
    """
    given = tuple(_steps(run, workflow))
    types = {each.type for step in given for each in step.walk()}
    known = {*steps.TYPES, *types}
    return planning.plan_alone(run, given=given, types=known, workflow=workflow, roots=roots)


def context(run: WorkflowRun) -> Mapping[str, Any]:
    """What every step sees as `context`: what the run gives, and its own name."""
    return {**run.context, "name": run.name, "namespace": run.namespace}


def _workflow(run: WorkflowRun, externals: parsing.Externals) -> Manifest | None:
    if not run.workflow_ref:
        return None
    found = externals.workflow(run.namespace, run.workflow_ref)
    if found is None:
        raise Problem(
            "workflow.unknown",
            f'there is no Workflow "{run.workflow_ref}" in namespace {run.namespace}',
            path="spec.workflowRef",
            hint="create it first, or write the steps into spec.workflowSpec",
            retry=True,
        )
    return found


def _steps(run: WorkflowRun, workflow: Manifest | None) -> Iterator[Step]:
    if workflow is not None:
        raws, path = workflow.get("steps") or (), "workflow.steps"
    else:
        raws = (run.spec.get("workflowSpec") or {}).get("steps") or ()
        path = "spec.workflowSpec.steps"
    if not raws:
        raise Problem(
            "workflow.no-steps",
            "there is no step to run",
            path="spec" if workflow is None else "workflow",
            hint="write steps into spec.workflowSpec, or name a Workflow in spec.workflowRef",
        )
    for i, raw in enumerate(raws):
        yield Step.of(raw, f"{path}[{i}]", f"step-{i}")
