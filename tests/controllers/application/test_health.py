"""The health of an application is that of what lives now."""

from __future__ import annotations

from tests.controllers.apps import LAMP, app, lamp, settings, webservice
from tests.controllers.laboratory import condition, steps


def service(found, name):
    return next(each for each in found["status"]["services"] if each["name"] == name)


def test_a_step_waits_for_its_component(lab):
    lab.apply(LAMP)
    lab.apply(app(lamp("hall")))
    waiting = lab.until("waiting", lambda found: steps(found).get("hall") == "running")
    assert waiting["status"]["status"] == "runningWorkflow"
    assert service(waiting, "hall")["message"] == "lit: no"
    assert not condition(waiting, "Ready")

    lab.switch("hall", on=True)
    lit = lab.phase("running")
    assert service(lit, "hall") == service(waiting, "hall") | {
        "healthy": True,
        "workloadHealthy": True,
        "message": "lit: yes",
    }


def test_health_is_followed_after_the_workflow_succeeded(lab):
    lab.apply(LAMP)
    lab.apply(app(lamp("hall"), settings("other")))
    lab.eventually("applied", lambda: lab.find("ConfigMap", "hall"))
    lab.switch("hall", on=True)
    lab.running()

    lab.switch("hall", on=False)
    dark = lab.phase("unhealthy")
    assert service(dark, "hall")["healthy"] is False
    assert service(dark, "other")["healthy"] is True
    assert dark["status"]["workflow"]["status"] == "succeeded"
    assert condition(dark, "Ready")["status"] == "True"  # it is delivered; it is not well

    lab.switch("hall", on=True)
    lab.phase("running")


def test_health_is_followed_by_a_controller_that_did_not_deliver_it(lab):
    lab.apply(LAMP)
    lab.apply(app(lamp("hall")))
    lab.eventually("applied", lambda: lab.find("ConfigMap", "hall"))
    lab.switch("hall", on=True)
    lab.running()
    lab.plane.stop()
    lab.switch("hall", on=False)
    lab.plane.start()
    lab.phase("unhealthy")
    lab.switch("hall", on=True)
    lab.phase("running")


def test_health_of_what_was_delivered_before_a_restart_in_the_middle(lab):
    """Step one is done, step two waits, the controller restarts: both are followed afterwards."""
    lab.apply(LAMP)
    lab.apply(app(lamp("first"), lamp("second", dependsOn=["first"])))
    lab.eventually("applied", lambda: lab.find("ConfigMap", "first"))
    lab.switch("first", on=True)
    lab.eventually("applied", lambda: lab.find("ConfigMap", "second"))
    lab.until("waiting", lambda found: steps(found).get("second") == "running")
    lab.plane.restart()
    lab.switch("second", on=True)
    lab.running()
    lab.switch("first", on=False)
    dark = lab.phase("unhealthy")
    assert service(dark, "first")["healthy"] is False


def pod(lab, component):
    """The one pod of a component, made by Kubernetes and run by nobody."""

    def found():
        pods = lab.list("Pod", **{"app.oam.dev/component": component})
        return pods[0]["metadata"]["name"] if pods else ""

    return lab.eventually("a pod", found)


def run_pod(lab, name, phase, *, ready):
    """Say of a pod what the kubelet of a node would."""
    condition = {"type": "Ready", "status": "True" if ready else "False"}
    lab.patch("Pod", name, {"status": {"phase": phase, "conditions": [condition]}}, "status")


def test_a_webservice_is_as_healthy_as_its_pods(lab):
    lab.apply(app(webservice("web", judged=True)))
    name = pod(lab, "web")
    waiting = lab.until("waiting", lambda found: steps(found).get("web") == "running")
    assert waiting["status"]["status"] == "runningWorkflow"

    run_pod(lab, name, "Running", ready=True)
    well = lab.phase("running")
    assert service(well, "web")["message"] == "Ready:1/1"
    run_pod(lab, name, "Running", ready=False)
    ill = lab.phase("unhealthy")
    assert service(ill, "web")["message"] == "Ready:0/1"


def test_a_task_is_healthy_once_it_has_ended_well(lab):
    task = {"name": "job", "type": "task", "properties": {"image": "busybox", "cmd": ["true"]}}
    lab.apply(app(task))
    name = pod(lab, "job")
    run_pod(lab, name, "Running", ready=True)
    lab.until(
        "at work",
        lambda found: (
            found["status"].get("services")
            and service(found, "job").get("message") == "Active/Failed/Succeeded:1/0/0"
        ),
    )
    assert lab.status()["status"] == "runningWorkflow"
    run_pod(lab, name, "Succeeded", ready=False)
    lab.running()


def test_an_object_that_is_gone_and_cannot_come_back_is_not_healthy(lab):
    """Held by a finalizer while it is deleted: it is still there, and restored once it is gone."""
    lab.deliver(app(settings("held", {"a": "1"})))
    lab.patch("ConfigMap", "held", {"metadata": {"finalizers": ["test.lateen.dev/hold"]}})
    before = lab.get("ConfigMap", "held")["metadata"]["uid"]
    lab.delete("ConfigMap", "held")
    lab.patch("ConfigMap", "held", {"metadata": {"finalizers": None}})
    lab.eventually(
        "made anew",
        lambda: (found := lab.find("ConfigMap", "held")) and found["metadata"]["uid"] != before,
    )
    lab.running()
