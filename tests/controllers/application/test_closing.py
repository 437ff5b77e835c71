"""A revision says how its workflow ended (semantics C3)."""

from __future__ import annotations

from lateen.workflow import operations
from tests.controllers.apps import LAMP, app, apply_step, lamp, settings, step
from tests.controllers.laboratory import writes


def ending(lab, name="shop-v1"):
    return lab.get("ApplicationRevision", name).get("status") or {}


def test_a_workflow_that_succeeded(lab):
    found = lab.deliver(app(settings("a")))
    assert ending(lab)["succeeded"] is True
    assert ending(lab)["workflow"] == found["status"]["workflow"]
    assert "workflowContext" not in ending(lab)


def test_a_workflow_that_failed(lab):
    wrong = step("b", "apply-object", properties={"value": {"apiVersion": "v1", "kind": "Nothing"}})
    lab.apply(app(settings("a"), steps=[apply_step("a"), wrong]))
    lab.until("failing", lambda found: "b" in str(found["status"].get("workflow")))
    lab.steer(operations.terminate)
    lab.eventually("ended", lambda: ending(lab))
    assert ending(lab)["succeeded"] is False
    assert ending(lab)["workflow"]["status"] in ("failed", "terminated")


def test_a_workflow_that_another_took_the_place_of(lab):
    lab.apply(LAMP)
    lab.apply(app(lamp("hall"), steps=[apply_step("hall")]))
    lab.until("executing", lambda found: "hall" in str(found["status"].get("workflow")))
    lab.deliver(app(settings("a")))
    found = ending(lab)
    assert found["succeeded"] is False
    assert (found["workflow"]["terminated"], found["workflow"]["finished"]) == (True, True)
    assert found["workflow"]["status"] == "executing"
    assert [each["name"] for each in found["workflow"]["steps"]] == ["hall"]
    assert ending(lab, "shop-v2")["succeeded"] is True


def test_variables_are_kept_with_it(lab):
    told = [{"name": "size", "valueFrom": "output.data.size"}]
    given = [{"from": "size", "parameterKey": "objects[0].data.copy"}]
    first = settings("a", {"size": "9"}, outputs=told)
    second = settings("b", {"copy": ""}, inputs=given)
    lab.deliver(app(first, second))
    assert "9" in ending(lab)["workflowContext"]["vars"]


def test_it_is_written_once(lab):
    lab.deliver(app(settings("a")))
    before = lab.settle()
    lab.plane.restart()
    lab.patch("Application", "shop", {"metadata": {"labels": {"touched": "1"}}})
    assert writes(lab.settle(calm=0.5) - before) == {}


def test_a_second_run_takes_its_place(lab):
    lab.deliver(app(settings("a")))
    first = ending(lab)["workflow"]
    lab.steer(operations.restart)
    lab.eventually("again", lambda: ending(lab).get("workflow") != first)
    lab.running()
    assert ending(lab)["succeeded"] is True
