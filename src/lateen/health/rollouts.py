"""Whether an object has come to what it is for: rolled out, or run to its end. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lateen.api import manifest as manifests
from lateen.api.manifest import Manifest
from lateen.health import trees


@dataclass(frozen=True)
class Run:
    """How far something that runs once has come. `ended` is when it failed, as far as is known."""

    done: bool = False
    failure: str = ""
    ended: datetime | None = None


def run(live: Manifest) -> Run:
    """The run of a Job or a Pod; every other kind is done once it is there."""
    found, status = manifests.key(live), live.get("status") or {}
    if (found.group, found.kind) == ("batch", "Job"):
        failed = trees.condition(status, "Failed")
        if failed.get("status") == "True":
            said = ": ".join(str(failed[k]) for k in ("reason", "message") if failed.get(k))
            return Run(failure=said or "failed", ended=_time(failed.get("lastTransitionTime")))
        return Run(done=trees.condition(status, "Complete").get("status") == "True")
    if (found.group, found.kind) == ("", "Pod"):
        if status.get("phase") == "Failed":
            said = trees.health_of(live)[1]
            return Run(failure=said or "failed", ended=_ended(live))
        return Run(done=status.get("phase") == "Succeeded")
    return Run(done=True)


def rolled_out(live: Manifest) -> trees.Verdict:
    """Whether a live object is what its manifest says, to the last replica, and why not."""
    found = manifests.key(live)
    rule = _RULES.get((found.group, found.kind))
    if rule is None:
        return trees.health_of(live)
    meta, status = manifests.metadata(live), live.get("status") or {}
    if (status.get("observedGeneration") or 0) < (meta.get("generation") or 0):
        return False, "waiting for the latest change to be seen"
    return rule(live.get("spec") or {}, status)


def _deployment(spec: Mapping[str, Any], status: Mapping[str, Any]) -> trees.Verdict:
    stuck = trees.condition(status, "Progressing")
    if stuck.get("reason") == "ProgressDeadlineExceeded":
        return False, str(stuck.get("message") or "makes no progress")
    wanted = spec.get("replicas", 1)
    return _count(wanted, status, "updatedReplicas", "availableReplicas")


def _stateful_set(spec: Mapping[str, Any], status: Mapping[str, Any]) -> trees.Verdict:
    return _count(spec.get("replicas", 1), status, "updatedReplicas", "readyReplicas")


def _daemon_set(spec: Mapping[str, Any], status: Mapping[str, Any]) -> trees.Verdict:
    wanted = status.get("desiredNumberScheduled") or 0
    return _count(wanted, status, "updatedNumberScheduled", "numberReady")


def _count(wanted: int, status: Mapping[str, Any], *names: str) -> trees.Verdict:
    there = min(status.get(name) or 0 for name in names)
    return (True, "") if there >= wanted else (False, f"{there} of {wanted} ready")


def _ended(pod: Manifest) -> datetime | None:
    """When its last container ended; one that never ran is as old as the pod."""
    status = pod.get("status") or {}
    times = [
        _time(((each.get("state") or {}).get("terminated") or {}).get("finishedAt"))
        for each in status.get("containerStatuses") or ()
    ]
    born = _time(manifests.metadata(pod).get("creationTimestamp"))
    return max((each for each in times if each), default=born)


def _time(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None


_RULES: dict[tuple[str, str], Callable[[Any, Any], trees.Verdict]] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _stateful_set,
    ("apps", "DaemonSet"): _daemon_set,
}
