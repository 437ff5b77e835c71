"""Health of the objects below an application's own, for the resource tree (semantics B8).

Pure. Unlike a component's health these rules are the same for every application, and nothing waits
for them: they explain to people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lateen.api import manifest as manifests
from lateen.api.manifest import Manifest

Verdict = tuple[bool, str]

_HEALTHY: Verdict = (True, "")


def health_of(manifest: Manifest) -> Verdict:
    """Whether a live object is healthy, and in few words why not.

    A kind without a rule of its own is healthy once it exists.
    Source: semantics B8.
    """
    found = manifests.key(manifest)
    rule = _RULES.get((found.group, found.kind))
    if rule is None:
        return _HEALTHY
    return rule(manifest.get("spec") or {}, manifest.get("status") or {}, manifest)


def _pod(spec: Mapping[str, Any], status: Mapping[str, Any], manifest: Manifest) -> Verdict:
    phase = status.get("phase") or "Pending"
    trouble = next(_troubles(status), "")
    if phase == "Succeeded":
        return True, "completed"
    if phase == "Failed":
        return False, trouble or status.get("message") or status.get("reason") or "failed"
    if phase != "Running":
        return False, trouble or _unscheduled(status) or phase.lower()
    if spec.get("restartPolicy", "Always") != "Always":
        return not trouble, trouble or "running"  # it ends by itself and need never be ready
    if condition(status, "Ready").get("status") == "True":
        return _HEALTHY
    return False, trouble or "not ready"


def _troubles(status: Mapping[str, Any]) -> Iterator[str]:
    """What containers wait for or ended with, the init containers' first."""
    containers = [
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    ]
    for container in containers:
        state = container.get("state") or {}
        waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
        reason = waiting.get("reason") or ""
        if reason and reason not in ("ContainerCreating", "PodInitializing"):
            detail = waiting.get("message")
            yield f"{container.get('name')}: {reason}" + (f": {detail}" if detail else "")
        elif ended.get("exitCode"):
            yield f"{container.get('name')}: exit code {ended['exitCode']}"


def _unscheduled(status: Mapping[str, Any]) -> str:
    found = condition(status, "PodScheduled")
    return str(found.get("message") or "") if found.get("status") == "False" else ""


def _service(spec: Mapping[str, Any], status: Mapping[str, Any], _: Manifest) -> Verdict:
    if spec.get("type") != "LoadBalancer":
        return _HEALTHY
    if (status.get("loadBalancer") or {}).get("ingress"):
        return _HEALTHY
    return False, "waiting for an address of the load balancer"


def _claim(spec: Mapping[str, Any], status: Mapping[str, Any], _: Manifest) -> Verdict:
    phase = status.get("phase") or "Pending"
    return (True, "") if phase == "Bound" else (False, str(phase).lower())


def _replica_set(spec: Mapping[str, Any], status: Mapping[str, Any], manifest: Manifest) -> Verdict:
    generation = manifests.metadata(manifest).get("generation") or 0
    if (status.get("observedGeneration") or 0) < generation:
        return False, "waiting for the latest change to be seen"
    failure = condition(status, "ReplicaFailure")
    if failure.get("status") == "True":
        return False, str(failure.get("message") or "pods cannot be created")
    wanted = spec.get("replicas", 1)
    available = status.get("availableReplicas") or 0
    return (True, "") if available >= wanted else (False, f"{available} of {wanted} available")


def _by_ready_condition(spec: Mapping[str, Any], status: Mapping[str, Any], _: Manifest) -> Verdict:
    ready = condition(status, "Ready")
    if ready.get("status") == "True":
        return _HEALTHY
    return False, str(ready.get("message") or "not ready")


def condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    conditions = status.get("conditions") or ()
    return next((found for found in conditions if found.get("type") == kind), {})


_RULES: dict[tuple[str, str], Callable[[Any, Any, Manifest], Verdict]] = {
    ("", "Pod"): _pod,
    ("", "Service"): _service,
    ("", "PersistentVolumeClaim"): _claim,
    ("apps", "ReplicaSet"): _replica_set,
    ("helm.toolkit.fluxcd.io", "HelmRelease"): _by_ready_condition,
    ("source.toolkit.fluxcd.io", "HelmRepository"): _by_ready_condition,
}
