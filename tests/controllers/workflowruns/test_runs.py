"""WorkflowRuns on a cluster: steps as in an application, without one (inventory 1.1, 3)."""

from __future__ import annotations

import pytest

from lateen.api import names
from tests.controllers.apps import app, settings, step
from tests.controllers.laboratory import Laboratory
from tests.controllers.neighbours import act
from tests.controllers.workflowruns.runs import (
    ended,
    perform,
    phases,
    record,
    until,
    workflow_run,
)

SAY = act("say", "print-message-in-status", {"message": "done"})


def put(lab: Laboratory, name: str = "made", **data: str) -> dict[str, object]:
    meta = {"name": name, "namespace": lab.namespace}
    value = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}
    return act(f"put-{name}", "apply-object", {"value": value})


def test_its_status_says_how_it_ended(lab: Laboratory) -> None:
    found = perform(lab, workflow_run(SAY))["status"]
    [said] = found.pop("steps")
    assert (said["phase"], said["message"]) == ("succeeded", "done")
    [condition] = found.pop("conditions")
    assert (condition["type"], condition["status"]) == ("WorkflowRun", "True")
    assert found.pop("startTime") <= found.pop("endTime")
    assert found == {
        "mode": {"steps": "StepByStep", "subSteps": "DAG"},
        "status": "succeeded",
        "suspend": False,
        "terminated": False,
        "finished": True,
    }


def test_it_runs_a_workflow_by_reference(lab: Laboratory) -> None:
    shared = {
        "apiVersion": names.V1ALPHA1,
        "kind": "Workflow",
        "metadata": {"name": "shared"},
        "mode": {"steps": "DAG", "subSteps": "StepByStep"},
        "steps": [SAY],
    }
    lab.apply(workflow_run(workflowRef="shared"))
    waiting = until(lab, "refused", lambda status: status.get("conditions"))
    assert waiting["status"]["status"] == "initializing"
    said = waiting["status"]["conditions"][0]["message"]
    assert f'there is no Workflow "shared" in namespace {lab.namespace}' in said
    lab.apply(shared)
    found = ended(lab)
    assert found["status"]["mode"] == {"steps": "DAG", "subSteps": "StepByStep"}
    other = perform(
        lab, workflow_run(name="other", workflowRef="shared", mode={"steps": "StepByStep"})
    )
    assert other["status"]["mode"] == {"steps": "StepByStep", "subSteps": "StepByStep"}


def test_its_context_reaches_steps(lab: Laboratory) -> None:
    found = perform(
        lab,
        workflow_run(
            act(
                "version",
                "print-message-in-status",
                {},
                inputs=[{"from": "context.release.version", "parameterKey": "message"}],
            ),
            act("no", "print-message-in-status", {"message": "x"}, **{"if": "context.dry"}),
            act(
                "name",
                "print-message-in-status",
                {},
                inputs=[{"from": "context.name", "parameterKey": "message"}],
            ),
            context={"release": {"version": "1.4"}, "dry": False},
        ),
    )
    assert phases(found) == {"version": "succeeded", "no": "skipped", "name": "succeeded"}
    assert record(found, "version")["message"] == "1.4"
    assert record(found, "name")["message"] == "release"


def test_values_pass_from_step_to_step_and_are_kept(lab: Laboratory) -> None:
    lab.apply(settings_object("source", colour="green"))
    read = {"apiVersion": "v1", "kind": "ConfigMap", "name": "source", "namespace": lab.namespace}
    found = perform(
        lab,
        workflow_run(
            act(
                "read",
                "read-object",
                read,
                outputs=[{"name": "colour", "valueFrom": "output.value.data.colour"}],
            ),
            act(
                "say",
                "print-message-in-status",
                {},
                inputs=[{"from": "colour", "parameterKey": "message"}],
            ),
        ),
    )
    assert record(found, "say")["message"] == "green"
    backend = found["status"]["contextBackend"]
    assert backend["name"].startswith("workflow-release-context-")
    kept = lab.get("ConfigMap", backend["name"])
    [owner] = kept["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("WorkflowRun", "release")
    assert kept["data"]["vars"] == 'colour: "green"\n'


def settings_object(name: str, **data: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def test_an_application_of_its_name_has_a_memory_of_its_own(lab: Laboratory) -> None:
    pause = step("ask", "suspend", properties={"duration": "1h"})
    lab.apply(app(settings("a"), name="release", steps=[pause]))
    lab.phase("workflowSuspending", "release")
    lab.apply(workflow_run(pause))
    found = until(lab, "suspended", lambda status: status.get("status") == "suspending")
    name = found["status"]["contextBackend"]["name"]
    assert name.startswith("workflow-release-context-")
    theirs = lab.get("ConfigMap", "workflow-release-context")
    assert theirs["metadata"]["ownerReferences"][0]["kind"] == "Application"
    ours = lab.get("ConfigMap", name)
    assert ours["metadata"]["ownerReferences"][0]["kind"] == "WorkflowRun"


def test_what_it_applies_is_labelled_and_stays(lab: Laboratory) -> None:
    perform(lab, workflow_run(put(lab, a="1")))
    assert lab.get("ConfigMap", "made")["metadata"]["labels"] == {
        "workflowrun.oam.dev/name": "release",
        "workflowrun.oam.dev/namespace": lab.namespace,
    }
    lab.delete("WorkflowRun", "release")
    lab.eventually("gone", lambda: lab.find("WorkflowRun", "release") is None)
    assert lab.get("ConfigMap", "made")["data"] == {"a": "1"}


def test_objects_of_applications_are_left_alone(lab: Laboratory) -> None:
    lab.deliver(app(settings("made", {"a": "1"})))
    lab.apply(workflow_run(put(lab, a="2")))
    found = until(lab, "refused", lambda status: "failed" in phases({"status": status}).values())
    assert "is managed by other application" in record(found, "put-made")["message"]
    assert lab.get("ConfigMap", "made")["data"] == {"a": "1"}


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        pytest.param(
            [step("all", "deploy", properties={"policies": ["here"]})],
            "spec.workflowSpec.steps[0].type: deploy works on an application",
            id="deploy",
        ),
        pytest.param(
            [step("group", "step-group", subSteps=[act("a", "apply-component", {})])],
            "spec.workflowSpec.steps[0].subSteps[0].type: apply-component works on",
            id="a component, in a group",
        ),
        pytest.param(
            [step("a", "print-message-in-state")],
            'there is no workflow step type "print-message-in-state"',
            id="a type there is not",
        ),
        pytest.param(
            [SAY | {"dependsOn": ["b"]}, SAY | {"name": "b", "dependsOn": ["say"]}],
            "steps wait for each other",
            id="a cycle",
        ),
        pytest.param([], "there is no step to run", id="no steps"),
    ],
)
def test_what_cannot_run_is_said_before_it_begins(
    lab: Laboratory, steps: list[dict[str, object]], said: str
) -> None:
    lab.apply(workflow_run(*steps))
    found = until(lab, "refused", lambda status: status.get("conditions"))
    [condition] = found["status"]["conditions"]
    assert (condition["status"], condition["reason"]) == ("False", "ReconcileError")
    assert said in condition["message"]
    assert found["status"]["status"] == "initializing"
    assert "steps" not in found["status"]


def test_an_action_that_needs_an_application_fails_its_step(lab: Laboratory) -> None:
    where = act("where", "export-data", {"name": "d", "data": {"a": "1"}, "topology": "here"})
    lab.apply(workflow_run(where))
    found = until(lab, "refused", lambda status: "failed" in phases({"status": status}).values())
    assert (
        "works on an application, and a WorkflowRun has none" in record(found, "where")["message"]
    )


def test_a_failure_is_told(lab: Laboratory) -> None:
    fail = act("ask", "request", {"url": "nowhere"})
    found = perform(lab, workflow_run(fail | {"timeout": "1s"}, SAY), "failed")
    assert phases(found) == {"ask": "failed", "say": "skipped"}
    [condition] = found["status"]["conditions"]
    assert condition["status"] == "False"
    assert "step ask" in condition["message"]
    lab.eventually("told", lambda: "WorkflowRun finished with failure" in told(lab))


def told(lab: Laboratory) -> list[str]:
    """The messages of the events about the run."""
    events = lab.list("Event")
    return [each["message"] for each in events if each["involvedObject"]["name"] == "release"]


def test_another_controller_of_it_is_left_alone(lab: Laboratory) -> None:
    held = {"workflowrun.oam.dev/controller-version-require": "v0"}
    lab.apply(workflow_run(SAY, name="foreign", annotations=held))
    lab.apply(workflow_run(SAY, name="paused", labels={"controller.core.oam.dev/pause": "true"}))
    perform(lab, workflow_run(SAY))
    assert "status" not in lab.get("WorkflowRun", "foreign")
    assert "status" not in lab.get("WorkflowRun", "paused")


def test_it_goes_on_after_a_restart(lab: Laboratory) -> None:
    lab.apply(workflow_run(step("ask", "suspend", properties={"duration": "3s"}), SAY))
    until(lab, "begun", lambda status: "ask" in phases({"status": status}))
    lab.plane.restart()
    assert phases(ended(lab)) == {"ask": "succeeded", "say": "succeeded"}


def test_it_acts_as_the_service_account_it_names(lab: Laboratory) -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}}
    lab.apply(account)
    acting = {"app.oam.dev/service-account-name": "robot"}
    lab.apply(workflow_run(put(lab), annotations=acting))
    found = until(lab, "refused", lambda status: "failed" in phases({"status": status}).values())
    assert f"system:serviceaccount:{lab.namespace}:robot" in record(found, "put-made")["message"]
    assert lab.find("ConfigMap", "made") is None
