"""What a delivery's status says in the words of the command line."""

from __future__ import annotations

import pytest

from lateen.api.application import Application
from lateen.cli import progress
from lateen.cli.progress import Line, View


def app(status, **metadata):
    return Application({"metadata": {"name": "shop", **metadata}, "status": status})


def test_the_status_of_an_older_generation_says_nothing():
    old = app({"observedGeneration": 1, "status": "running", "services": []})
    assert progress.view(old, 2) == View("starting")
    assert progress.view(old, 1).healthy


def test_steps_and_components_in_their_order():
    view = progress.view(
        app(
            {
                "observedGeneration": 1,
                "status": "runningWorkflow",
                "services": [
                    {"name": "web", "healthy": True, "message": "Ready:1/1"},
                    {
                        "name": "db",
                        "cluster": "east",
                        "namespace": "prod",
                        "healthy": False,
                        "workloadDefinition": {"apiVersion": "apps/v1", "kind": "StatefulSet"},
                        "traits": [
                            {"type": "expose", "healthy": False, "message": "no address"},
                            {"type": "scaler", "healthy": True, "message": "2"},
                        ],
                    },
                ],
                "workflow": {
                    "steps": [
                        {
                            "id": "a",
                            "name": "all",
                            "type": "step-group",
                            "phase": "running",
                            "subSteps": [{"id": "b", "name": "first", "phase": "succeeded"}],
                        }
                    ]
                },
            }
        )
    )
    assert view.steps == (
        Line("all", "running", type="step-group"),
        Line("first", "succeeded", depth=1),
    )
    assert view.components == (
        Line("web", "healthy", "Ready:1/1"),
        Line("db (east/prod)", "unhealthy", "expose: no address", "StatefulSet"),
    )
    assert view.reasons == ["component db (east/prod) is not healthy: expose: no address"]


@pytest.mark.parametrize(
    ("phase", "healthy", "failed"),
    [
        ("running", True, False),
        ("unhealthy", False, False),
        ("runningWorkflow", False, False),
        ("workflowSuspending", False, False),
        ("workflowFailed", False, True),
        ("workflowTerminated", False, True),
    ],
)
def test_only_some_phases_are_an_end(phase, healthy, failed):
    view = progress.view(app({"observedGeneration": 1, "status": phase}))
    assert (view.healthy, view.failed) == (healthy, failed)


def test_unknown_is_not_healthy():
    services = [{"name": "web", "healthy": True}, {"name": "db"}]
    view = progress.view(app({"status": "running", "services": services}))
    assert not view.healthy


def test_errors_are_told_once():
    error = {"status": "False", "reason": "ReconcileError", "message": "no type wbe"}
    waiting = {"type": "Ready", "status": "False", "reason": "Unavailable", "message": "later"}
    conditions = [{"type": "Parsed", **error}, {"type": "Ready", **error}, waiting]
    view = progress.view(app({"status": "rendering", "conditions": conditions}))
    assert view.errors == ("no type wbe",)


def test_why_a_deletion_takes_its_time():
    conditions = [
        {"type": "Ready", "status": "False", "reason": "Deleting", "message": "Waiting for Job a"}
    ]
    view = progress.view(app({"conditions": conditions}, deletionTimestamp="2026-01-01T00:00:00Z"))
    assert (view.phase, view.reasons) == ("deleting", ["Waiting for Job a"])


def test_only_what_changed_is_told():
    before = View("runningWorkflow", steps=(Line("a", "running"),))
    after = View(
        "running",
        steps=(Line("a", "succeeded"),),
        components=(Line("web", "healthy", "Ready:1/1"),),
    )
    assert progress.events(before, after) == [
        "step a succeeded",
        "component web healthy: Ready:1/1",
        "phase running",
    ]
    assert progress.events(after, after) == []


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        pytest.param({"reason": "Timeout"}, "it took longer than its timeout", id="timeout"),
        pytest.param(
            {"reason": "Terminate", "message": "Suspended by field suspend"},
            "it was terminated",
            id="ended while it waited",
        ),
        pytest.param({"reason": "Execute", "message": "no disk"}, "no disk", id="its own words"),
        pytest.param({}, "no reason is given", id="silent"),
    ],
)
def test_why_a_step_failed_is_told_once(step, reason):
    said = step.get("message") or step.get("reason", "")
    status = {
        "status": "workflowFailed",
        "workflow": {"steps": [{"name": "talk", "phase": "failed", **step}]},
        "conditions": [
            {"status": "False", "reason": "ReconcileError", "message": f"step talk: {said}"}
        ],
    }
    assert progress.view(Application({"status": status})).reasons == [f"step talk failed: {reason}"]


def test_a_group_says_why_it_failed_by_its_steps():
    view = View(
        "workflowFailed",
        steps=(
            Line("before", "succeeded"),
            Line("all", "failed"),
            Line("one", "failed", "it is full", depth=1),
            Line("last", "failed"),
        ),
    )
    assert view.reasons == ["step one failed: it is full", "step last failed: no reason is given"]
