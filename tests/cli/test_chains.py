"""What an application waits for, from its status down."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lateen.api.application import Application
from lateen.cli import chains, trees
from lateen.cli.causes import Surroundings
from lateen.cli.chains import Situation
from tests.cli.test_causes import lines
from tests.cli.test_trees import DEPLOYMENT, HERE, made

NOW = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
THEN = "2026-11-27T08:00:00Z"


def application(status=None, spec=None, **meta):
    status = None if status is None else {"observedGeneration": 1, **status}
    return Application(
        {
            "metadata": {"name": "shop", "namespace": "n", "generation": 1, "uid": "u", **meta},
            "spec": spec or {"components": [{"name": "web", "type": "webservice"}]},
            "status": status,
        }
    )


def workflow(*steps, state="executing"):
    return {"status": state, "startTime": THEN, "steps": list(steps)}


def step(name, phase="running", message="", kind="apply-component", **rest):
    return {"id": name, "name": name, "type": kind, "phase": phase, "message": message, **rest}


SICK = {"name": "web", "healthy": False, "message": "Ready:0/1", "namespace": "n"}
FAILED = {"type": "Workflow", "status": "False", "reason": "ReconcileError"}
DEPENDENT = {
    "components": [
        {"name": "db", "type": "worker"},
        {"name": "web", "type": "webservice", "dependsOn": ["db"]},
    ],
    "policies": [{"type": "garbage-collect", "properties": {"order": "dependency"}}],
}


def deployment(**meta):
    live = made("Deployment", "web", api="apps/v1", labels={"app.oam.dev/component": "web"})
    live["metadata"] |= meta
    [node] = trees.build([DEPLOYMENT], {HERE: live}, [])
    return node


def claimed(name, component, **meta):
    live = made("ConfigMap", name, labels={"app.oam.dev/component": component})
    live["metadata"] |= meta
    entry = {"apiVersion": "v1", "kind": "ConfigMap", "namespace": "n", "name": name}
    [node] = trees.build([entry], {trees.place_of(entry): live}, [])
    return node


@pytest.mark.parametrize(
    ("app", "expected"),
    [
        pytest.param(
            application(labels={"controller.core.oam.dev/pause": "true"}),
            [
                "Application shop: is left alone",
                "  label controller.core.oam.dev/pause: asks for it to be left alone",
            ],
            id="paused",
        ),
        pytest.param(
            application(annotations={"app.oam.dev/controller-version-require": "v9"}),
            [
                "Application shop: is left alone",
                "  annotation app.oam.dev/controller-version-require: "
                "asks for the controller of version v9; this is 0.1.0",
            ],
            id="another version of the controller",
        ),
        pytest.param(
            application(),
            [
                "Application shop: has not been looked at yet",
                "  the controllers: have not seen it",
            ],
            id="never seen",
        ),
        pytest.param(
            application({"status": "running"}, generation=4),
            [
                "Application shop: has not been looked at yet",
                "  the controllers: have seen generation 1 of it, which is at 4",
            ],
            id="an edit that was not seen",
        ),
        pytest.param(
            application(
                {
                    "status": "rendering",
                    "conditions": [
                        {**FAILED, "type": "Parsed", "message": "no type nosuch"},
                        {**FAILED, "type": "Ready", "message": "no type nosuch"},
                    ],
                }
            ),
            [
                "Application shop: cannot be rendered",
                "  condition Parsed: no type nosuch",
            ],
            id="what Ready only repeats is said once",
        ),
        pytest.param(
            application(
                {
                    "status": "runningWorkflow",
                    "workflow": workflow(step("web", message="wait healthy")),
                    "services": [SICK, {"name": "other", "healthy": False}],
                }
            ),
            [
                "Application shop: runs its workflow",
                "  step web: running: wait healthy",
                "    component web: Ready:0/1",
            ],
            id="a step waits for its own component, not for another",
        ),
        pytest.param(
            application(
                {
                    "status": "workflowFailed",
                    "conditions": [{**FAILED, "message": "step web: broken"}],
                    "workflow": workflow(
                        step("web", "failed", "broken", reason="FailedAfterRetries"),
                        step("next", "skipped"),
                        state="failed",
                    ),
                }
            ),
            ["Application shop: has failed", "  step web: failed: broken"],
            id="a condition made of what steps say is left out",
        ),
        pytest.param(
            application(
                {
                    "status": "runningWorkflow",
                    "workflow": workflow(step("web", "failed", "broken", reason="Execute")),
                }
            ),
            [
                "Application shop: runs its workflow",
                "  step web: failed: broken (it is tried again)",
            ],
            id="a step that is tried again",
        ),
        pytest.param(
            application(
                {
                    "status": "runningWorkflow",
                    "workflow": workflow(
                        step("late", "pending", "Pending on Input: ip.v", "webhook"),
                        step("web", message="wait healthy"),
                    ),
                    "services": [SICK],
                },
                {
                    "components": [{"name": "web", "type": "w", "outputs": [{"name": "ip"}]}],
                    "workflow": {"steps": []},
                },
            ),
            [
                "Application shop: runs its workflow",
                "  step late: pending: Pending on Input: ip.v",
                "    step web: running: wait healthy",
                "      component web: Ready:0/1",
            ],
            id="an input is followed to the step that sets it",
        ),
        pytest.param(
            application(
                {
                    "status": "runningWorkflow",
                    "workflow": workflow(step("late", "pending", "Pending on Input: nosuch")),
                }
            ),
            [
                "Application shop: runs its workflow",
                "  step late: pending: Pending on Input: nosuch",
                "    input nosuch: is set by no step or component",
            ],
            id="an input that nothing sets",
        ),
        pytest.param(
            application(
                {
                    "status": "runningWorkflow",
                    "workflow": workflow(
                        step("a", "pending", "Pending on DependsOn: b"),
                        step("b", "pending", "Pending on DependsOn: a"),
                        step("c", "pending", "Pending on DependsOn: d"),
                    ),
                }
            ),
            [
                "Application shop: runs its workflow",
                "  step a: pending: Pending on DependsOn: b",
                "    step b: pending: Pending on DependsOn: a",
                "      step a: is pending",
                "  step c: pending: Pending on DependsOn: d",
                "    step d: has not begun",
            ],
            id="a circle has an end",
        ),
        pytest.param(
            application(
                {
                    "status": "workflowSuspending",
                    "workflow": workflow(
                        {**step("group", "suspending"), "subSteps": [step("ask", "suspending")]},
                        state="suspending",
                    ),
                }
            ),
            [
                "Application shop: is suspended",
                "  step group: is suspending",
                "    step ask: is suspending",
            ],
            id="a step of a group",
        ),
        pytest.param(
            application(
                {
                    "status": "unhealthy",
                    "workflow": workflow(step("web", "succeeded"), state="succeeded"),
                    "services": [{**SICK, "cluster": "east"}],
                }
            ),
            [
                "Application shop: is delivered and not healthy",
                "  component web (east/n): Ready:0/1",
            ],
            id="another cluster",
        ),
    ],
)
def test_an_application_says_what_it_waits_for(app, expected):
    explanation = chains.explain(Situation(app, Surroundings(NOW)))
    assert list(lines(explanation.chain)) == expected
    assert explanation.waits


def test_one_that_is_well_waits_for_nothing():
    status = {
        "status": "running",
        "latestRevision": {"name": "shop-v3"},
        "workflow": workflow(step("web", "succeeded"), state="succeeded"),
        "services": [{**SICK, "healthy": True}],
    }
    explanation = chains.explain(Situation(application(status), Surroundings(NOW)))
    assert not explanation.waits
    assert explanation.to_map() == {
        "waits": False,
        "what": "Application shop",
        "says": "is running shop-v3 and waits for nothing",
    }


def test_a_component_that_is_sick_without_a_sick_object_shows_its_main_one():
    status = {
        "status": "unhealthy",
        "workflow": workflow(state="succeeded"),
        "services": [{**SICK, "workloadDefinition": {"kind": "Deployment"}}],
    }
    situation = Situation(application(status), Surroundings(NOW), [deployment()])
    assert list(lines(chains.explain(situation).chain)) == [
        "Application shop: is delivered and not healthy",
        "  component web: Ready:0/1",
        "    Deployment web: 0 of 1 ready",
    ]


def test_what_is_around_an_object_is_what_is_around_it_in_its_cluster():
    def said(message):
        return {
            "involvedObject": {"uid": "web"},
            "type": "Warning",
            "reason": "Held",
            "message": message,
            "lastTimestamp": THEN,
        }

    live = made("Deployment", "web", api="apps/v1", labels={"app.oam.dev/component": "web"})
    entry = {**DEPLOYMENT, "cluster": "east"}
    nodes = trees.build([entry], {("east", HERE[1]): live}, [])
    status = {
        "status": "unhealthy",
        "workflow": workflow(state="succeeded"),
        "services": [{**SICK, "cluster": "east", "workloadDefinition": {"kind": "Deployment"}}],
    }
    here, there = (Surroundings(NOW, events=[said(place)]) for place in ("here", "there"))
    situation = Situation(application(status), here, nodes, members={"east": there})
    assert list(lines(chains.explain(situation).chain)) == [
        "Application shop: is delivered and not healthy",
        "  component web (east/n): Ready:0/1",
        "    Deployment web: 0 of 1 ready",
        "      event: Held: there",
    ]
    situation = Situation(application({}), here, leftovers=nodes, members={"east": there})
    assert "Deployment web on cluster east" in str(situation.left(nodes[0]))


def test_garbage_that_is_held_is_a_reason_though_the_application_runs():
    status = {"status": "running", "workflow": workflow(state="succeeded")}
    old = claimed("old", "web", deletionTimestamp=THEN, finalizers=["a.b/c"])
    situation = Situation(application(status), Surroundings(NOW), leftovers=[old])
    assert list(lines(chains.explain(situation).chain)) == [
        "Application shop: is running",
        "  garbage collection: 1 object no longer declared",
        "    ConfigMap old: is being deleted",
        "      finalizer a.b/c: keeps it until whoever set it has cleaned up",
    ]


@pytest.mark.parametrize(
    ("deleted", "reason"),
    [
        pytest.param({}, "Held", id="of a component that is left out"),
        pytest.param({"deletionTimestamp": THEN}, "Hook", id="of the application"),
    ],
)
def test_what_has_to_run_first_is_a_reason(deleted, reason):
    said = "Job n/bye failed (pre-delete): BackoffLimitExceeded"
    kind = "Ready" if deleted else "Deletion"
    told = {"type": kind, "status": "False", "reason": reason, "message": said}
    status = {"status": "running", "workflow": workflow(state="succeeded"), "conditions": [told]}
    situation = Situation(application(status, **deleted), Surroundings(NOW))
    assert f"  condition {kind}: {said}" in list(lines(chains.explain(situation).chain))


def test_a_deletion_goes_in_the_order_of_its_components():
    app = application({"status": "deleting"}, DEPENDENT, deletionTimestamp=THEN)
    left = [
        claimed("db", "db"),
        claimed("front", "web", deletionTimestamp=THEN, finalizers=["orphan"]),
    ]
    explanation = chains.explain(Situation(app, Surroundings(NOW), leftovers=left))
    assert list(lines(explanation.chain)) == [
        "Application shop: is being deleted",
        "  ConfigMap db: goes after component web",
        "  ConfigMap front: is being deleted",
        "    finalizer orphan: keeps it until whoever set it has cleaned up",
    ]


def test_a_finalizer_of_somebody_else_holds_the_application_itself():
    app = application({"status": "deleting"}, deletionTimestamp=THEN, finalizers=["x.y/z"])
    chain = chains.explain(Situation(app, Surroundings(NOW))).chain
    assert [cause.what for cause in chain.causes] == ["finalizer x.y/z"]


def test_a_deletion_with_nothing_left_points_at_the_controllers():
    app = application(
        {"status": "deleting"},
        deletionTimestamp=THEN,
        finalizers=["app.oam.dev/resource-tracker-finalizer"],
    )
    [cause] = chains.explain(Situation(app, Surroundings(NOW))).chain.causes
    assert cause.what == "the controllers"
    assert "lateen server status" in cause.hint
