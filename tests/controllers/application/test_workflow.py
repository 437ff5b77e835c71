"""Workflows of their own: conditions, time, groups, the hand of a person (semantics E2 to E7)."""

from __future__ import annotations

from datetime import timedelta

from lateen.base import clock
from lateen.workflow import operations
from tests.controllers.apps import LAMP, app, apply_step, lamp, settings, step
from tests.controllers.laboratory import condition, steps
from tests.controllers.laboratory import step as record


def test_steps_run_one_after_the_other(lab):
    lab.apply(LAMP)
    lab.apply(
        app(lamp("first"), settings("second"), steps=[apply_step("first"), apply_step("second")])
    )
    found = lab.until("waiting", lambda found: steps(found).get("first") == "running")
    assert steps(found) == {"first": "running"}
    assert found["status"]["workflow"]["mode"] == "StepByStep-DAG"
    assert lab.find("ConfigMap", "second") is None
    lab.switch("first", on=True)
    assert steps(lab.running()) == {"first": "succeeded", "second": "succeeded"}


def test_a_condition_decides(lab):
    found = lab.deliver(
        app(
            settings("a"),
            settings("b"),
            settings("c"),
            steps=[
                apply_step("a", **{"if": 'context.appName == "other"'}),
                apply_step("b", **{"if": "status.a.skipped"}),
                apply_step("c", **{"if": "status.nosuch.failed"}),
            ],
        )
    )
    assert steps(found) == {"a": "skipped", "b": "succeeded", "c": "skipped"}
    assert record(found, "a")["reason"] == "Skip"
    assert "nosuch" in record(found, "c")["message"]
    assert lab.owned("ConfigMap") == {"b"}
    assert [each["name"] for each in found["status"]["services"]] == ["b"]


def test_time_runs_out(lab):
    lab.apply(LAMP)
    lab.apply(
        app(
            lamp("late"),
            settings("next"),
            settings("then"),
            steps=[
                apply_step("late", timeout="1s"),
                apply_step("next"),
                apply_step("then", **{"if": "status.late.timeout"}),
            ],
        )
    )
    found = lab.phase("workflowFailed")
    assert steps(found) == {"late": "failed", "next": "skipped", "then": "succeeded"}
    assert record(found, "late")["reason"] == "Timeout"
    assert condition(found, "Workflow")["status"] == condition(found, "Ready")["status"] == "False"
    assert "late" in condition(found, "Ready")["message"]
    assert found["status"]["workflow"]["finished"] is True
    lab.settle()
    assert lab.owned("ConfigMap") == {"late", "then"}, "a failure removes nothing"


SUSPENDED = app(
    settings("before"),
    settings("after"),
    steps=[apply_step("before"), step("ask", "suspend"), apply_step("after")],
)


def test_it_waits_for_a_person(lab):
    lab.apply(SUSPENDED)
    found = lab.phase("workflowSuspending")
    assert found["status"]["workflow"]["suspend"] is True
    assert steps(found) == {"before": "succeeded", "ask": "suspending"}
    lab.settle()
    assert lab.owned("ConfigMap") == {"before"}
    lab.plane.restart()
    lab.settle()
    assert lab.status()["status"] == "workflowSuspending"

    lab.steer(operations.resume)
    found = lab.running()
    assert steps(found) == {"before": "succeeded", "ask": "succeeded", "after": "succeeded"}
    assert lab.owned("ConfigMap") == {"before", "after"}


def test_it_waits_for_a_time(lab):
    timed = step("ask", "suspend", properties={"duration": "1s"})
    lab.apply(app(settings("after"), steps=[timed, apply_step("after")]))
    found = lab.running()
    begun = [clock.parse(record(found, each)["firstExecuteTime"]) for each in ("ask", "after")]
    assert begun[1] - begun[0] >= timedelta(seconds=1)
    assert lab.owned("ConfigMap") == {"after"}


def test_a_person_holds_a_running_workflow(lab):
    lab.apply(LAMP)
    lab.apply(app(lamp("a"), settings("b"), steps=[apply_step("a"), apply_step("b")]))
    lab.until("waiting", lambda found: steps(found).get("a") == "running")
    lab.steer(operations.suspend)
    lab.phase("workflowSuspending")
    lab.switch("a", on=True)
    lab.settle()
    assert lab.find("ConfigMap", "b") is None
    lab.steer(operations.resume)
    lab.running()
    assert lab.find("ConfigMap", "b")


def test_a_person_ends_it(lab):
    lab.apply(SUSPENDED)
    lab.phase("workflowSuspending")
    lab.steer(operations.terminate)
    found = lab.phase("workflowTerminated")
    assert record(found, "ask")["phase"] == "failed"
    assert record(found, "ask")["reason"] == "Terminate"
    assert record(found, "after")["phase"] == "skipped"
    lab.settle()
    assert lab.owned("ConfigMap") == {"before"}

    lab.steer(operations.restart)
    found = lab.phase("workflowSuspending")
    assert not {c["type"] for c in found["status"]["conditions"]} & {"Workflow", "Ready"}


def test_a_person_starts_it_over(lab):
    before = lab.deliver(app(settings("a", {"x": "1"})))
    lab.steer(operations.restart)
    found = lab.until(
        "restarted",
        lambda found: (
            (found["status"].get("workflow") or {}).get("steps")
            and found["status"]["workflow"]["steps"][0]["id"]
            != before["status"]["workflow"]["steps"][0]["id"]
        ),
    )
    lab.running()
    lab.settle()
    assert found["status"]["latestRevision"] == before["status"]["latestRevision"]
    assert lab.owned("ConfigMap") == {"a"}
    assert len(lab.trackers()) == 1


def test_a_group(lab):
    lab.apply(LAMP)
    group = step(
        "both",
        "step-group",
        subSteps=[apply_step("a"), apply_step("b", dependsOn=["a"])],
    )
    lab.apply(app(lamp("a"), settings("b"), settings("c"), steps=[group, apply_step("c")]))
    found = lab.until("waiting", lambda found: steps(found).get("a") == "running")
    assert steps(found) == {"both": "running", "a": "running", "b": "pending"}
    lab.switch("a", on=True)
    assert set(steps(lab.running()).values()) == {"succeeded"}
    assert lab.owned("ConfigMap") == {"a", "b", "c"}


def test_an_edit_abandons_a_running_workflow(lab):
    lab.apply(LAMP)
    lab.apply(app(lamp("a")))
    lab.until("waiting", lambda found: steps(found).get("a") == "running")
    found = lab.deliver(app(settings("b")))
    assert steps(found) == {"b": "succeeded"}
    assert [each["name"] for each in found["status"]["services"]] == ["b"]
    lab.eventually("removed", lambda: lab.owned("ConfigMap") == {"b"})


def test_the_order_of_a_graph(lab):
    found = lab.deliver(
        app(
            settings("a"),
            settings("b"),
            steps=[apply_step("b", dependsOn=["a"]), apply_step("a")],
            mode={"steps": "DAG"},
        )
    )
    assert found["status"]["workflow"]["mode"] == "DAG-DAG"
    assert steps(found) == {"a": "succeeded", "b": "succeeded"}


def test_a_failing_step_is_not_tried_at_every_event(lab):
    """Its retries are for time to pass, not for a storm of changes to use up."""
    broken = settings("a", {"not a key!": "1"})
    lab.apply(app(broken, settings("noise")))
    lab.until("failing", lambda found: record(found, "a").get("phase") == "failed")
    before = lab.sent()
    for number in range(20):
        lab.patch("ConfigMap", "noise", {"metadata": {"annotations": {"n": str(number)}}})
    lab.settle(0.2)
    tried = (lab.sent() - before)[("create?dryRun", "configmaps")]
    assert tried < 10  # of 20 events; the time they took may be worth some
    assert record(lab.app(), "a")["reason"] == "Execute"
