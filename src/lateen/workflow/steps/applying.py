"""`apply-component`: one component at one placement (semantics E7)."""

from __future__ import annotations

from typing import Any

from lateen.api.application import Component
from lateen.api.placement import Placement
from lateen.workflow import records
from lateen.workflow.ports import Outcome, Result, Task


async def run(task: Task) -> Result:
    """Deliver the component and wait until it is healthy.

    Planning put the component under `value`, where the inputs of the step were set in it.
    """
    given = task.properties
    raw = given["value"]
    planned = task.plan.components[raw["name"]]
    component = Component.of(raw, planned.path)
    place = Placement(str(given.get("cluster") or ""), str(given.get("namespace") or ""))
    outcome = await task.tools.delivery.deliver(component, place)
    if outcome.healthy:
        return Result(records.SUCCEEDED, document=document(outcome))
    return Result(records.RUNNING, records.WAIT, "wait healthy", document(outcome))


def document(outcome: Outcome) -> dict[str, Any]:
    """What the outputs of a component are taken from."""
    found: dict[str, Any] = {"outputs": dict(outcome.outputs)}
    if outcome.output is not None:
        found["output"] = outcome.output
    return found
