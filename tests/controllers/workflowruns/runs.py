"""WorkflowRuns to run in tests, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lateen.api import names
from lateen.api.manifest import Manifest
from tests.controllers.laboratory import PATIENCE, Laboratory

OVER = frozenset({"succeeded", "failed", "terminated"})


def workflow_run(
    *steps: Manifest,
    name: str = "release",
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    **spec: Any,
) -> Manifest:
    """A run of its own steps, unless the spec names a Workflow."""
    if steps:
        spec["workflowSpec"] = {"steps": list(steps)}
    meta = {"name": name, "labels": labels or {}, "annotations": annotations or {}}
    return {"apiVersion": names.V1ALPHA1, "kind": "WorkflowRun", "metadata": meta, "spec": spec}


def until(
    lab: Laboratory,
    what: str,
    accepts: Callable[[Manifest], Any],
    name: str = "release",
    within: float = PATIENCE,
) -> Manifest:
    """Wait for a run to be acceptable; what it was is said if it is not."""
    seen: list[Manifest] = [{}]

    def accepted() -> Manifest | None:
        seen[0] = {"status": {}, **lab.get("WorkflowRun", name)}
        return seen[0] if accepts(seen[0]["status"]) else None

    try:
        found = lab.eventually(what, accepted, within)
    except AssertionError as error:
        raise AssertionError(f"not {what}: {seen[0]['status']}") from error
    assert found is not None
    return found


def ended(lab: Laboratory, state: str = "succeeded", name: str = "release") -> Manifest:
    """Wait for the end of a run, which has to be this one."""
    found = until(lab, "over", lambda status: status.get("finished"), name)
    assert found["status"]["status"] == state, found["status"]
    return found


def perform(lab: Laboratory, declared: Manifest, state: str = "succeeded") -> Manifest:
    lab.apply(declared)
    return ended(lab, state, declared["metadata"]["name"])


def phases(run: Manifest) -> dict[str, str]:
    """Phase of each step, those of groups included."""
    found = {}
    for step in run["status"].get("steps") or ():
        found[step["name"]] = step["phase"]
        found |= {sub["name"]: sub["phase"] for sub in step.get("subSteps") or ()}
    return found


def record(run: Manifest, name: str) -> dict[str, Any]:
    found = run["status"].get("steps") or ()
    return next((each for each in found if each["name"] == name), {})
