"""An object that is not the application's own is not touched (semantics C7)."""

from __future__ import annotations

import pytest

from tests.controllers.apps import app, configmap, objects, settings
from tests.controllers.laboratory import step


def failing(lab, name="shop"):
    def failed(found):
        return (found["status"].get("workflow") or {}).get("steps") and any(
            each["phase"] == "failed" for each in found["status"]["workflow"]["steps"]
        )

    return lab.until("failing", failed, name)


def test_an_object_nobody_manages(lab):
    lab.apply(configmap("a", mine="1"))
    lab.apply(app(objects("both", configmap("free"), configmap("a", x="2"))))
    found = failing(lab)
    assert (
        f"ConfigMap {lab.namespace}/a exists but not managed by any application now"
        in step(found, "both")["message"]
    )
    assert found["status"]["status"] == "runningWorkflow"
    assert lab.get("ConfigMap", "a")["data"] == {"mine": "1"}
    assert lab.find("ConfigMap", "free") is None, "nothing of the component is applied"
    assert lab.trackers() == [], "what was not applied is not recorded either"

    lab.delete("ConfigMap", "a")
    lab.running()
    assert lab.get("ConfigMap", "a")["data"] == {"x": "2"}


@pytest.mark.parametrize("known", [True, False], ids=["a kind in use", "a kind not seen before"])
def test_an_object_of_another_application(lab, known):
    lab.deliver(app(settings("a", {"x": "1"}), name="first"))
    if not known:
        lab.plane.restart()  # no watch of ConfigMaps runs yet
    lab.apply(app(objects("both", configmap("free"), configmap("a", x="2")), name="second"))
    found = failing(lab, "second")
    assert (
        f"existing object ConfigMap {lab.namespace}/a is managed by other application "
        f"{lab.namespace}/first" in step(found, "both")["message"]
    )
    assert lab.get("ConfigMap", "a")["data"] == {"x": "1"}
    assert lab.find("ConfigMap", "free") is None

    lab.delete("Application", "second")
    lab.gone("second")
    assert lab.get("ConfigMap", "a")["data"] == {"x": "1"}, "it was never its own to delete"


def test_what_one_application_gives_up_another_may_have(lab):
    lab.deliver(app(settings("a", {"x": "1"}), settings("b"), name="first"))
    lab.apply(app(settings("a", {"x": "2"}), name="second"))
    failing(lab, "second")
    lab.apply(app(settings("b"), name="first"))
    lab.running("second")
    assert lab.get("ConfigMap", "a")["data"] == {"x": "2"}
    lab.settle()
    assert lab.get("ConfigMap", "a")["metadata"]["labels"]["app.oam.dev/name"] == "second"


def test_a_workload_of_the_user_is_left_alone_beside_one_of_ours(lab):
    lab.apply(configmap("mine", x="1"))
    lab.deliver(app(settings("ours")))
    lab.delete("Application", "shop")
    lab.gone()
    assert lab.get("ConfigMap", "mine")["data"] == {"x": "1"}
