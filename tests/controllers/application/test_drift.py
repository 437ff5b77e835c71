"""What was delivered stays as it was declared (semantics C8)."""

from __future__ import annotations

import pytest

from tests.controllers.apps import app, apply_step, settings, step, webservice


def test_a_deleted_object_comes_back(lab):
    lab.deliver(app(settings("a", {"x": "1"}), webservice("web")))
    for kind, name in (("ConfigMap", "a"), ("Deployment", "web")):
        before = lab.get(kind, name)["metadata"]["uid"]
        lab.delete(kind, name)
        lab.eventually(
            f"{name} restored",
            lambda kind=kind, name=name, before=before: (
                (found := lab.find(kind, name)) and found["metadata"]["uid"] != before
            ),
        )
    lab.running()


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param({"data": {"x": "other"}}, id="a changed value"),
        pytest.param({"data": {"x": None}}, id="a removed value"),
        pytest.param({"metadata": {"annotations": {"note": "z"}}}, id="a changed annotation"),
        pytest.param({"metadata": {"labels": {"app.oam.dev/name": None}}}, id="the owner's label"),
        pytest.param({"metadata": {"labels": {"oam.dev/render-hash": "0"}}}, id="the hash"),
    ],
)
def test_an_edited_object_is_put_back(lab, edit):
    lab.deliver(app(settings("a", {"x": "1"}), annotations={"note": "y"}))
    before = lab.get("ConfigMap", "a")
    lab.patch("ConfigMap", "a", edit)

    def restored():
        found = lab.get("ConfigMap", "a")
        now, then = found["metadata"], before["metadata"]
        kept = (found.get("data"), now.get("labels"), now["annotations"].get("note"), now["uid"])
        return kept == (before["data"], then["labels"], "y", then["uid"])

    lab.eventually("put back", restored)
    lab.settle()
    assert lab.status()["status"] == "running"


def test_what_others_add_is_left_alone(lab):
    lab.deliver(app(settings("a", {"x": "1"})))
    lab.patch("ConfigMap", "a", {"data": {"mine": "2"}})
    lab.patch("ConfigMap", "a", {"data": {"x": "other"}})
    lab.eventually("put back", lambda: lab.get("ConfigMap", "a")["data"]["x"] == "1")
    assert lab.get("ConfigMap", "a")["data"]["mine"] == "2"


TWO = {"type": "scaler", "properties": {"replicas": 2}}


def test_replicas_edited_by_hand_are_put_back(lab):
    lab.deliver(app(webservice("web", traits=[TWO])))
    lab.patch("Deployment", "web", {"spec": {"replicas": 5}})
    lab.eventually("put back", lambda: lab.get("Deployment", "web")["spec"]["replicas"] == 2)


def test_replicas_set_by_an_autoscaler_are_left_alone(lab):
    """Whoever scales through the subresource owns the number; all else is still kept."""
    lab.deliver(app(webservice("web", traits=[TWO])))
    lab.patch("Deployment", "web", {"spec": {"replicas": 5}}, "scale")
    lab.patch("Deployment", "web", {"spec": {"minReadySeconds": 3}})
    container = {"name": "web", "image": "other"}
    template = {"spec": {"template": {"spec": {"containers": [container]}}}}
    lab.patch("Deployment", "web", template)

    def image():
        found = lab.get("Deployment", "web")
        return found["spec"]["template"]["spec"]["containers"][0]["image"]

    lab.eventually("put back", lambda: image() == "nginx")
    lab.settle()
    assert lab.get("Deployment", "web")["spec"]["replicas"] == 5
    assert lab.get("Deployment", "web")["spec"]["minReadySeconds"] == 3


def test_drift_while_no_controller_ran(lab):
    lab.deliver(app(settings("a", {"x": "1"}), settings("b")))
    lab.plane.stop()
    lab.delete("ConfigMap", "b")
    lab.patch("ConfigMap", "a", {"data": {"x": "other"}})
    lab.plane.start()
    lab.eventually("made anew", lambda: lab.find("ConfigMap", "b"))
    lab.eventually("put back", lambda: lab.get("ConfigMap", "a")["data"]["x"] == "1")


def test_an_object_taken_over_by_another_application_is_not_taken_back(lab):
    lab.deliver(app(settings("a", {"x": "1"})))
    lab.patch("ConfigMap", "a", {"metadata": {"labels": {"app.oam.dev/name": "thief"}}})
    found = lab.until(
        "complaining",
        lambda found: "managed by other application" in str(found["status"].get("conditions")),
    )
    kinds = {c["type"]: c for c in found["status"]["conditions"]}
    assert kinds["StateKeep"]["status"] == kinds["Ready"]["status"] == "False"
    assert "/thief" in kinds["StateKeep"]["message"]
    assert lab.get("ConfigMap", "a")["metadata"]["labels"]["app.oam.dev/name"] == "thief"

    lab.patch("ConfigMap", "a", {"metadata": {"labels": {"app.oam.dev/name": "shop"}}})
    healed = lab.until(
        "healed",
        lambda found: not {c["type"] for c in found["status"]["conditions"]} & {"StateKeep"},
    )
    assert healed["status"]["status"] == "running"


def test_a_suspended_application_is_kept_as_well(lab):
    """Between two steps it waits for a person, for days maybe (semantics C8)."""
    lab.apply(app(settings("a", {"x": "1"}), steps=[apply_step("a"), step("wait", "suspend")]))
    lab.phase("workflowSuspending")
    lab.delete("ConfigMap", "a")
    lab.eventually("made anew", lambda: lab.find("ConfigMap", "a"))
