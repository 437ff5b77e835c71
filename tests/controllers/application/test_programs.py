"""Steps that run programs in the cluster: Jobs and Pods, and what becomes of the step with them."""

from __future__ import annotations

from typing import Any

from tests.controllers.apps import app, settings
from tests.controllers.laboratory import Laboratory, steps
from tests.controllers.laboratory import step as record
from tests.controllers.neighbours import act


def ends(lab: Laboratory, phase: str, among: dict[str, str]) -> None:
    """No node runs the pods here: what a kubelet would report is reported by hand."""
    [pod] = lab.eventually("a pod", lambda: lab.list("Pod", **among))
    lab.patch("Pod", pod["metadata"]["name"], {"status": {"phase": phase}}, "status")


def running(lab: Laboratory, name: str) -> dict[str, Any]:
    return lab.until("running", lambda found: steps(found).get(name) == "running")


def test_a_command_runs_as_a_job(lab):
    given = {"command": ["vela", "ls"], "serviceAccountName": "default"}
    lab.apply(app(settings("a"), steps=[act("run", "vela-cli", given)]))
    found = running(lab, "run")
    assert record(found, "run")["reason"] == "Wait"
    [job] = lab.list("Job")
    assert job["metadata"]["name"] == f"shop-run-{record(found, 'run')['id']}"
    pod = job["spec"]["template"]["spec"]
    assert pod["containers"][0]["command"] == ["vela", "ls"]
    assert pod["serviceAccountName"] == "default"
    ends(lab, "Succeeded", {"workflow.oam.dev/step-name": "shop-run"})
    lab.running()
    assert len(lab.list("Job")) == 1


def test_a_command_that_fails_three_times_fails_the_step(lab):
    given = {"command": ["vela", "ls"], "serviceAccountName": "default"}
    lab.apply(app(settings("a"), steps=[act("run", "vela-cli", given)]))
    running(lab, "run")
    [job] = lab.list("Job")
    name = job["metadata"]["name"]
    lab.patch("Job", name, {"spec": {"suspend": True}})  # or its controller counts as well
    lab.patch("Job", name, {"status": {"failed": 3}}, "status")
    found = lab.phase("workflowFailed")
    assert record(found, "run")["message"] == "the command failed 3 times"
    assert record(found, "run")["reason"] == "Action"


def test_an_image_is_built_by_a_pod(lab):
    given = {"image": "registry.example/web:1", "context": {"git": "git.example/web"}}
    lab.apply(app(settings("a"), steps=[act("build", "build-push-image", given)]))
    found = running(lab, "build")
    [pod] = lab.list("Pod")
    assert pod["metadata"]["name"] == f"shop-{record(found, 'build')['id']}-kaniko"
    assert (
        "--context=git://git.example/web#refs/heads/master" in pod["spec"]["containers"][0]["args"]
    )
    lab.patch("Pod", pod["metadata"]["name"], {"status": {"phase": "Succeeded"}}, "status")
    lab.running()


def test_an_image_that_cannot_be_built_fails_the_step(lab):
    given = {"image": "registry.example/web:1", "context": "dir:///workspace"}
    lab.apply(app(settings("a"), steps=[act("build", "build-push-image", given)]))
    running(lab, "build")
    [pod] = lab.list("Pod")
    lab.patch("Pod", pod["metadata"]["name"], {"status": {"phase": "Failed"}}, "status")
    found = lab.phase("workflowFailed")
    assert "see the logs of pod" in record(found, "build")["message"]


def test_a_deployment_without_a_component(lab):
    given = {"image": "nginx", "replicas": 2}
    lab.apply(app(settings("a"), steps=[act("cache", "apply-deployment", given)]))
    running(lab, "cache")
    assert lab.get("Deployment", "cache")["spec"]["replicas"] == 2
    assert lab.owned("Deployment") == {"cache"}
    for pod in lab.eventually("pods", lambda: len(lab.list("Pod")) == 2 and lab.list("Pod")):
        ready = [{"type": "Ready", "status": "True"}]
        lab.patch(
            "Pod",
            pod["metadata"]["name"],
            {"status": {"phase": "Running", "conditions": ready}},
            "status",
        )
    lab.running()


def test_a_restart_needs_to_know_when(lab):
    lab.apply(app(settings("a"), steps=[act("again", "restart-workflow", {})]))
    found = lab.phase("workflowFailed")
    assert record(found, "again")["message"] == ("give exactly one of at, after and every, not 0")
