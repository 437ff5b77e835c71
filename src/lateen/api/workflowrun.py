"""A WorkflowRun as its author wrote it: a typed view over the raw map. Unknown fields survive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lateen.api import metadata, names
from lateen.api.manifest import Key

KIND = "WorkflowRun"
# what `status` holds beside the state of the workflow
_BESIDE = ("conditions", "mode")


@dataclass(frozen=True)
class WorkflowRun(metadata.View):
    """A view of one WorkflowRun object. The map itself is never changed."""

    raw: dict[str, Any]

    @property
    def key(self) -> Key:
        return Key(names.GROUP, KIND, self.namespace, self.name, "v1alpha1")

    @property
    def required_controller(self) -> str:
        """The only version of the controller that is to look at it; empty for any."""
        return self.annotations.get(names.REQUIRED_CONTROLLER_OF_RUN, "")

    @property
    def debug(self) -> bool:
        """What its steps evaluate to is to be kept (semantics E7)."""
        return self.annotations.get(names.RUN_DEBUG) == "true"

    @property
    def context(self) -> Mapping[str, Any]:
        """What every step sees in its `context`, beside what it always sees."""
        return self.spec.get("context") or {}

    @property
    def workflow_ref(self) -> str:
        """The Workflow the steps are taken from; empty where they are its own."""
        return "" if self.spec.get("workflowSpec") else str(self.spec.get("workflowRef") or "")

    @property
    def finished(self) -> bool:
        return bool(self.status.get("finished"))

    @property
    def workflow(self) -> dict[str, Any]:
        """The state of its workflow in the form an application has it under `status.workflow`."""
        found = {k: v for k, v in self.status.items() if k not in _BESIDE}
        if not (found.get("startTime") or found.get("steps")):
            return {}
        mode = self.status.get("mode") or {}
        return {"mode": f"{mode.get('steps', '')}-{mode.get('subSteps', '')}", **found}


def status_of(workflow: Mapping[str, Any], conditions: list[dict[str, Any]]) -> dict[str, Any]:
    """The status of a run whose workflow has come so far: the other way of `WorkflowRun.workflow`.

    Every flag is there: the kind has always had them.
    """
    steps, _, sub_steps = str(workflow.get("mode") or "").partition("-")
    flags = dict.fromkeys(("suspend", "terminated", "finished"), False)
    mode = {"steps": steps, "subSteps": sub_steps} if steps else {}
    found = {**flags, **workflow, "mode": mode}
    return {**found, "conditions": conditions} if conditions else found
