"""From an object that is not well down to the container, the event, the finalizer."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lateen.cli import causes, trees
from lateen.cli.causes import Surroundings
from tests.cli.test_trees import DEPLOYMENT, HERE, made

NOW = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
THEN = "2026-11-27T08:59:30Z"
UNPLACED = "0/1 nodes are available: 1 Insufficient cpu."


def event(uid, reason, message, kind="Warning", **rest):
    return {
        "metadata": {"creationTimestamp": THEN},
        "involvedObject": {"uid": uid},
        "type": kind,
        "reason": reason,
        "message": message,
        **rest,
    }


def pod(name="web-1", owner="rs", phase="Pending", spec=None, meta=None, **status):
    raw = made("Pod", name, owner, spec=spec or {}, status={"phase": phase, **status})
    raw["metadata"] |= meta or {}
    return raw


def container(state, last=None, ready=False, restarts=0, name="main"):
    return {
        "name": name,
        "ready": ready,
        "restartCount": restarts,
        "state": state,
        "lastState": {"terminated": last} if last else {},
    }


def unplaced(name="web-1", **rest):
    condition = {"type": "PodScheduled", "status": "False", "message": UNPLACED}
    return pod(name, conditions=[condition], **rest)


def crashed(code, **ended):
    ended |= {"exitCode": code, "finishedAt": THEN}
    waiting = {"reason": "CrashLoopBackOff", "message": "back-off 10s"}
    each = container({"waiting": waiting}, ended, restarts=4)
    return pod(phase="Running", containerStatuses=[each])


def unready():
    each = container({"running": {"startedAt": THEN}})
    return pod(phase="Running", containerStatuses=[each])


def refused():
    waiting = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "nosuch:1"'}
    return pod(containerStatuses=[container({"waiting": waiting})])


def lines(link, depth=0):
    yield f"{'  ' * depth}{link.what}: {link.says}"
    for cause in link.causes:
        yield from lines(cause, depth + 1)


def told(others, **around):
    """The chain of a Deployment that made a ReplicaSet which made pods, without its upper end."""
    live = made(
        "Deployment", "web", api="apps/v1", spec={"replicas": 2}, status={"readyReplicas": 1}
    )
    replicas = made("ReplicaSet", "rs", "web", "apps/v1", spec={"replicas": 2}, status={})
    [node] = trees.build([DEPLOYMENT], {HERE: live}, [replicas, *others])
    link = causes.of_object(node, Surroundings(NOW, "lateen logs shop -n n", **around))
    assert [link.what, link.causes[0].what] == ["Deployment web", "ReplicaSet rs"]
    return link.causes[0]


CLAIM = {"name": "v", "persistentVolumeClaim": {"claimName": "data"}}
NODE = made(
    "Node",
    "mill",
    namespace="",
    status={"conditions": [{"type": "Ready", "status": "Unknown", "message": "no heartbeat"}]},
)


@pytest.mark.parametrize(
    ("found", "around", "expected"),
    [
        pytest.param(
            [unplaced()],
            {"events": [event("web-1", "FailedScheduling", UNPLACED)]},
            [f"Pod web-1: has no node: {UNPLACED}"],
            id="an event that says the same is left out",
        ),
        pytest.param(
            [unplaced("web-1"), unplaced("web-2"), unplaced("web-3")],
            {},
            [f"Pod web-1 and 2 more: has no node: {UNPLACED}"],
            id="pods that wait for the same are one cause",
        ),
        pytest.param(
            [unplaced(spec={"volumes": [CLAIM]})],
            {
                "claims": [
                    made(
                        "PersistentVolumeClaim",
                        "data",
                        spec={"storageClassName": "fast"},
                        status={"phase": "Pending"},
                    )
                ],
                "events": [event("data", "ProvisioningFailed", "fast not found")],
            },
            [
                f"Pod web-1: has no node: {UNPLACED}",
                "  PersistentVolumeClaim data: is pending (storage class fast)",
                "    event: ProvisioningFailed: fast not found",
            ],
            id="a claim without a volume",
        ),
        pytest.param(
            [unplaced(spec={"volumes": [CLAIM]})],
            {},
            [
                f"Pod web-1: has no node: {UNPLACED}",
                "  PersistentVolumeClaim data: is not there",
            ],
            id="a claim that does not exist",
        ),
        pytest.param(
            [crashed(3, reason="Error")],
            {},
            [
                "Pod web-1: running",
                "  container main: CrashLoopBackOff: back-off 10s",
                "    last run: ended with exit code 3, restarted 4 times",
            ],
            id="a container that ends again and again",
        ),
        pytest.param(
            [crashed(137, reason="OOMKilled")],
            {},
            [
                "Pod web-1: running",
                "  container main: CrashLoopBackOff: back-off 10s",
                "    last run: ended with exit code 137 (OOMKilled), restarted 4 times",
            ],
            id="a container that needs more memory",
        ),
        pytest.param(
            [unready()],
            {
                "events": [
                    event("web-1", "Pulled", "image is here", kind="Normal"),
                    event("web-1", "Unhealthy", "Readiness probe failed:  503\n", count=7),
                    event("other", "Unhealthy", "of another pod"),
                ]
            },
            [
                "Pod web-1: running",
                "  container main: runs and is not ready",
                "    event: Unhealthy (7 times): Readiness probe failed: 503",
            ],
            id="a probe that fails, of which only an event tells",
        ),
        pytest.param(
            [refused()],
            {
                "events": [
                    event("web-1", "Failed", "older", lastTimestamp="2026-11-27T08:00:00Z"),
                    event(
                        "web-1",
                        "Failed",
                        "pull access denied",
                        series={"count": 3, "lastObservedTime": "2026-11-27T08:59:59.5Z"},
                    ),
                ]
            },
            [
                "Pod web-1: pending",
                '  container main: ImagePullBackOff: Back-off pulling image "nosuch:1"',
                "    event: Failed (3 times): pull access denied",
            ],
            id="the newest event counts, in either form",
        ),
        pytest.param(
            [pod(spec={"nodeName": "mill"})],
            {"nodes": [NODE]},
            [
                "Pod web-1: was given to node mill and is not started",
                "  Node mill: is not ready: no heartbeat",
            ],
            id="a node that is gone",
        ),
        pytest.param(
            [],
            {"events": [event("rs", "FailedCreate", "exceeded quota: small")]},
            ["event: FailedCreate: exceeded quota: small"],
            id="pods that may not be made",
        ),
        pytest.param(
            [pod(meta={"deletionTimestamp": "2026-11-27T08:00:00Z"}, spec={"nodeName": "mill"})],
            {"nodes": [NODE]},
            [
                "Pod web-1: should have stopped by now",
                "  Node mill: is not ready: no heartbeat",
            ],
            id="a pod that does not go, for its node is gone",
        ),
    ],
)
def test_a_chain_ends_at_its_cause(found, around, expected):
    chain = told(found, **around)
    assert [line for cause in chain.causes for line in lines(cause)] == expected


def test_a_container_that_has_written_is_read_next():
    [hint] = [link.hint for link in told([crashed(3)]).walk() if link.hint]
    assert hint == "what it wrote: `lateen logs shop -n n --container main`"


def test_a_container_that_never_ran_has_no_log():
    [link] = told([crashed(127, reason="StartError", message="no program")]).causes
    assert [each.hint for each in link.walk()] == ["", "", ""]


def test_what_holds_an_object_that_is_being_deleted():
    live = made("ConfigMap", "settings")
    live["metadata"] |= {
        "deletionTimestamp": THEN,
        "finalizers": ["example.com/guard", "kubernetes.io/pvc-protection"],
        "managedFields": [
            {"manager": "other", "fieldsV1": {"f:metadata": {"f:labels": {}}}},
            {
                "manager": "guard",
                "fieldsV1": {"f:metadata": {"f:finalizers": {'v:"example.com/guard"': {}}}},
            },
        ],
    }
    chain = causes.leaving(live, Surroundings(NOW))
    assert (chain.since, [cause.what for cause in chain.causes]) == (
        THEN,
        ["finalizer example.com/guard", "finalizer kubernetes.io/pvc-protection"],
    )
    guard, claim = chain.causes
    assert guard.says.endswith("set by guard")
    assert "kubectl patch ConfigMap settings -n n --type=merge" in guard.hint
    assert claim.hint == "it goes when no pod uses the claim any more"


def test_what_terraform_cannot_destroy_says_why():
    failed = {"state": "DestroyFailed", "message": "main.tf:1: no"}
    live = made("Configuration", "db", status={"destroy": failed})
    live["apiVersion"] = "terraform.core.oam.dev/v1beta2"
    live["metadata"] |= {"deletionTimestamp": THEN, "finalizers": ["configuration.finalizers.x"]}
    chain = causes.leaving(live, Surroundings(NOW))
    assert (chain.says, chain.causes) == ("cannot be destroyed: main.tf:1: no", ())
    assert "kubectl patch Configuration.terraform.core.oam.dev db -n n" in chain.hint


def test_what_terraform_is_destroying_says_how_far_that_is():
    going = {"state": "Destroying", "message": "its deletion waits"}
    live = made("Configuration", "db", status={"destroy": going})
    live["apiVersion"] = "terraform.core.oam.dev/v1beta2"
    live["metadata"] |= {"deletionTimestamp": THEN, "finalizers": ["configuration.finalizers.x"]}
    chain = causes.leaving(live, Surroundings(NOW))
    assert (chain.says, chain.hint) == ("is being deleted: its deletion waits", "")


def test_a_namespace_says_what_is_left_in_it():
    live = made(
        "Namespace",
        "shop",
        namespace="",
        status={
            "conditions": [
                {"type": "NamespaceDeletionDiscoveryFailure", "status": "False", "message": "ok"},
                {
                    "type": "NamespaceFinalizersRemaining",
                    "status": "True",
                    "message": "example.com/guard in 1 resource instances",
                },
            ]
        },
    )
    live["metadata"]["deletionTimestamp"] = THEN
    chain = causes.leaving(live, Surroundings(NOW))
    assert [cause.says for cause in chain.causes] == ["example.com/guard in 1 resource instances"]
