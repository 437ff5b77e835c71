"""Health of the objects below an application's own (semantics B8)."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.health import trees


def pod(phase: str, *, restart: str = "Always", **status: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "spec": {"restartPolicy": restart},
        "status": {"phase": phase, **status},
    }


def waiting(reason: str, message: str = "") -> list[dict[str, Any]]:
    return [{"name": "c", "state": {"waiting": {"reason": reason, "message": message}}}]


READY = [{"type": "Ready", "status": "True"}]
UNREADY = [{"type": "Ready", "status": "False", "message": "chart not found"}]


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        pytest.param(pod("Running", conditions=READY), (True, ""), id="ready"),
        pytest.param(pod("Running", conditions=UNREADY), (False, "not ready"), id="not ready"),
        pytest.param(pod("Succeeded"), (True, "completed"), id="completed"),
        pytest.param(pod("Failed", reason="Evicted"), (False, "Evicted"), id="failed"),
        pytest.param(
            pod("Running", restart="Never"), (True, "running"), id="one that ends is never ready"
        ),
        pytest.param(
            pod("Running", containerStatuses=waiting("CrashLoopBackOff", "back-off 10s")),
            (False, "c: CrashLoopBackOff: back-off 10s"),
            id="crashes",
        ),
        pytest.param(
            pod("Pending", containerStatuses=waiting("ContainerCreating")),
            (False, "pending"),
            id="is being started",
        ),
        pytest.param(
            pod("Pending", initContainerStatuses=waiting("ErrImagePull")),
            (False, "c: ErrImagePull"),
            id="no image",
        ),
        pytest.param(
            pod(
                "Failed",
                containerStatuses=[{"name": "c", "state": {"terminated": {"exitCode": 3}}}],
            ),
            (False, "c: exit code 3"),
            id="exit code",
        ),
        pytest.param(
            pod(
                "Pending",
                conditions=[{"type": "PodScheduled", "status": "False", "message": "no nodes"}],
            ),
            (False, "no nodes"),
            id="no place",
        ),
        pytest.param({"apiVersion": "v1", "kind": "Service"}, (True, ""), id="a plain service"),
        pytest.param(
            {"apiVersion": "v1", "kind": "Service", "spec": {"type": "LoadBalancer"}},
            (False, "waiting for an address of the load balancer"),
            id="no address",
        ),
        pytest.param(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "spec": {"type": "LoadBalancer"},
                "status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}},
            },
            (True, ""),
            id="an address",
        ),
        pytest.param(
            {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "status": {"phase": "Bound"}},
            (True, ""),
            id="bound",
        ),
        pytest.param(
            {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}, (False, "pending"), id="unbound"
        ),
        pytest.param(
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "spec": {"replicas": 3},
                "status": {"availableReplicas": 1},
            },
            (False, "1 of 3 available"),
            id="too few",
        ),
        pytest.param(
            {"apiVersion": "apps/v1", "kind": "ReplicaSet", "spec": {"replicas": 0}},
            (True, ""),
            id="none wanted",
        ),
        pytest.param(
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "metadata": {"generation": 2},
                "status": {"observedGeneration": 1, "availableReplicas": 1},
            },
            (False, "waiting for the latest change to be seen"),
            id="an older generation",
        ),
        pytest.param(
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "status": {
                    "conditions": [{"type": "ReplicaFailure", "status": "True", "message": "quota"}]
                },
            },
            (False, "quota"),
            id="pods are refused",
        ),
        pytest.param(
            {
                "apiVersion": "helm.toolkit.fluxcd.io/v2",
                "kind": "HelmRelease",
                "status": {"conditions": UNREADY},
            },
            (False, "chart not found"),
            id="a release",
        ),
        pytest.param({"apiVersion": "x/v1", "kind": "Anything"}, (True, ""), id="any other kind"),
    ],
)
def test_health_of(manifest: dict[str, Any], expected: tuple[bool, str]):
    assert trees.health_of(manifest) == expected
