"""The health of an application is that of what lives now."""

from __future__ import annotations

from tests.controllers.apps import LAMP, app, lamp, settings, webservice
from tests.controllers.laboratory import condition, steps

SOON = 2.0  # seconds; what a watch brings is acted on within


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
    lit = lab.phase("running", within=SOON)
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
    dark = lab.phase("unhealthy", within=SOON)
    assert service(dark, "hall")["healthy"] is False
    assert service(dark, "other")["healthy"] is True
    assert dark["status"]["workflow"]["status"] == "succeeded"
    assert condition(dark, "Ready")["status"] == "True"  # it is delivered; it is not well

    lab.switch("hall", on=True)
    lab.phase("running", within=SOON)


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
    lab.phase("running", within=SOON)


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
    dark = lab.phase("unhealthy", within=SOON)
    assert service(dark, "first")["healthy"] is False


def test_a_deployment_is_healthy_as_kubernetes_says(lab):
    """No pods are wanted, so that the embedded Kubernetes has its part done at once."""
    none = {"type": "scaler", "properties": {"replicas": 0}}
    found = lab.deliver(app(webservice("web", judged=True, traits=[none])))
    assert service(found, "web")["message"] == "Ready:0/0"

    one = {"type": "scaler", "properties": {"replicas": 1}}
    lab.apply(app(webservice("web", judged=True, traits=[one])))
    waiting = lab.until(
        "waiting for a pod",
        lambda found: (
            found["status"].get("services") and service(found, "web").get("message") == "Ready:0/1"
        ),
    )
    assert waiting["status"]["status"] == "runningWorkflow"


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
        SOON,
    )
    lab.running()
