"""The status as a pass builds it."""

from __future__ import annotations

import pytest

from lateen.api.application import Application
from lateen.api.tracker import Resource
from lateen.base import merge
from lateen.base.problem import Problem, Problems
from lateen.controllers.application.report import Next, Report
from tests.fakes.clock import StillClock

OFTEN = ("Parsed", "Revision", "Policy", "Render")


def report(status=None, components=("a", "b"), generation=2):
    spec = {"components": [{"name": name, "type": "t"} for name in components]}
    meta = {"name": "shop", "generation": generation}
    return Report(
        Application({"metadata": meta, "spec": spec, "status": status or {}}), StillClock()
    )


def verdicts(found):
    return {c["type"]: c["status"] for c in found.status.get("conditions", ())}


def test_a_pass_that_finds_nothing_new_changes_nothing():
    first = report()
    for stage in OFTEN:
        first.passed(stage)
    first.ready()
    first.phase = "running"
    again = report(first.status)
    for stage in OFTEN:
        again.passed(stage)
    again.ready()
    again.phase = "running"
    assert not again.changed
    assert again.patch() == {}


def test_the_patch_makes_the_stored_status_the_new_one():
    before = report()
    before.service({"name": "a", "healthy": True})
    before.phase = "running"
    after = report(before.status)
    after.restart("shop-v2")
    after.passed("Parsed", "said")
    assert apply(before.status, after.patch()) == after.status


def apply(target, patch):
    """RFC 7396, as the API server does it."""
    result = dict(target)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = apply(result[key], value)
        else:
            result[key] = value
    return result


@pytest.mark.parametrize(
    ("stage", "before", "phase"),
    [
        pytest.param("Parsed", "", "rendering", id="a first text that cannot be read"),
        pytest.param("Render", "running", "rendering", id="an edit that cannot be rendered"),
        pytest.param("Workflow", "runningWorkflow", "runningWorkflow", id="a workflow that failed"),
        pytest.param("StateKeep", "running", "running", id="an object that cannot be put back"),
    ],
)
def test_a_failure_is_told_by_its_stage_and_by_ready(stage, before, phase):
    found = report({"status": before} if before else {})
    found.enter(stage)
    assert found.fail(Problem("x", "it is wrong", "spec.a")) == Next(failed=False)
    assert verdicts(found) == {stage: "False", "Ready": "False"}
    assert {c["message"] for c in found.status["conditions"]} == {"spec.a: it is wrong"}
    assert {c["reason"] for c in found.status["conditions"]} == {"ReconcileError"}
    assert found.phase == phase


def test_a_failure_the_world_may_heal_is_tried_again():
    several = Problems([Problem("x", "one"), Problem("y", "two", retry=True)])
    found = report()
    assert found.fail(several) == Next(failed=True)
    assert found.status["conditions"][0]["message"] == "one\ntwo"


def test_a_new_run_forgets_what_the_last_one_found():
    found = report()
    for stage in (*OFTEN, "Workflow"):
        found.passed(stage)
    found.ready()
    found.service({"name": "a", "healthy": True})
    found.resources([Resource("v1", "ConfigMap", "ns", "c")])
    found.restart("shop-v2")
    assert set(verdicts(found)) == set(OFTEN)
    assert "services" not in found.status
    assert "appliedResources" not in found.status
    assert found.status["workflow"] == {"appRevision": "shop-v2"}


def test_services_stand_in_the_order_of_the_application():
    found = report(components=("a", "b", "c"))
    for name, place in (("c", ""), ("b", "ns2"), ("a", ""), ("b", "ns1")):
        found.service({"name": name, "namespace": place, "healthy": True})
    assert [each["name"] for each in found.status["services"]] == ["a", "b", "b", "c"]


def test_a_service_is_one_entry_for_each_place():
    found = report()
    found.service({"name": "a", "namespace": "x", "cluster": "local", "healthy": True})
    found.service({"name": "a", "namespace": "y", "cluster": "local", "healthy": True})
    assert found.healthy
    found.service({"name": "a", "namespace": "x", "cluster": "local", "healthy": False})
    assert len(found.status["services"]) == 2
    assert not found.healthy


def test_what_is_put_back_is_complained_about_no_more():
    found = report()
    found.enter("StateKeep")
    found.fail(Problem("x", "taken"))
    found.kept()
    found.ready()
    assert verdicts(found) == {"Ready": "True"}


def test_the_resources_are_those_of_the_inventory():
    found = report()
    found.resources([Resource("v1", "ConfigMap", "ns", "c", cluster="local", raw={"data": "x"})])
    assert found.status["appliedResources"] == [
        {
            "cluster": "local",
            "creator": "workflow",
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": "c",
            "namespace": "ns",
        }
    ]
    found.resources([])
    assert "appliedResources" not in found.status


def test_it_speaks_of_the_generation_it_looked_at():
    assert report(generation=7).status["observedGeneration"] == 7


def test_what_others_keep_in_the_status_stays():
    found = report({"theirs": 1})
    found.passed("Parsed")
    assert found.status["theirs"] == 1
    assert "theirs" not in merge.difference({"theirs": 1}, found.status)


def test_nothing_is_said_of_an_application_that_is_gone():
    found = report({"status": "running"})
    found.phase = "deleting"
    found.abandon()
    assert not found.changed
