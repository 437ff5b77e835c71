"""The `rollback` policy: a delivery that fails is given up for the last good one, once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from lateen.base import clock
from lateen.cli.exits import Exit
from tests.controllers.application.test_rollback import PUBLISH, lateen, running
from tests.controllers.apps import LAMP, app, apply_step, lamp, policy, settings, step
from tests.controllers.laboratory import condition

LASTING = policy("safe", "rollback", within="10m", grace="0s")


def guarded(*components, rule=LASTING, **more):
    return app(*components, policies=[rule], **more)


def fails(value="2", rule=LASTING, timeout="1s", **more):
    """It delivers, and then a step takes too long."""
    steps = [apply_step("a"), apply_step("c"), step("check", "suspend", timeout=timeout)]
    return guarded(settings("a", {"x": value}), settings("c"), steps=steps, rule=rule, **more)


def later(lab, name):
    """The controller stops, and an hour passes for a step."""
    lab.settle()
    lab.plane.stop()
    workflow = lab.get("Application", "shop")["status"]["workflow"]
    begun = clock.stamp(datetime.now(UTC) - timedelta(hours=1))
    steps = [
        {**each, "firstExecuteTime": begun} if each["name"] == name else each
        for each in workflow["steps"]
    ]
    lab.patch("Application", "shop", {"status": {"workflow": {"steps": steps}}}, "status")


def rolled_back(lab, to="shop-v1"):
    def there(found):
        latest = (found["status"].get("latestRevision") or {}).get("name")
        reason = condition(found, "Stable").get("reason")
        return (latest, found["status"].get("status"), reason) == (to, "running", "RolledBack")

    return lab.until(f"rolled back to {to}", there)


@pytest.mark.parametrize("version", ["", "two"], ids=["unpublished", "published"])
def test_a_failed_delivery_is_given_up(lab, version):
    def published(name):
        return {"annotations": {PUBLISH: name}} if version else {}

    lab.deliver(guarded(settings("a", {"x": "1"}), **published("one")))
    declared = lab.apply(fails(**published("two")))
    found = rolled_back(lab)
    assert found["spec"] == declared["spec"], "the text is its author's"
    assert lab.get("ConfigMap", "a")["data"] == {"x": "1"}
    lab.eventually("collected", lambda: lab.owned("ConfigMap") == {"a"})
    said = condition(found, "Stable")["message"]
    assert "shop-v2 is quarantined: its workflow failed (step check: " in said
    assert "shop-v1 is delivered in its place until the application is changed" in said
    lab.settle()
    assert lab.revisions() == ["shop-v1", "shop-v2"]
    assert condition(lab.app(), "Stable")["reason"] == "RolledBack", "it is not tried again"


def test_what_never_becomes_healthy_is_given_up(lab):
    lab.apply(LAMP)
    lab.deliver(guarded(settings("a", {"x": "1"})))
    lab.apply(guarded(settings("a", {"x": "2"}), lamp("dark")))
    lab.until("dark", lambda found: "lit: no" in str(found["status"].get("services")))
    later(lab, "dark")
    lab.plane.start()
    found = rolled_back(lab)
    assert "it was not healthy within 10m (dark: lit: no)" in condition(found, "Stable")["message"]
    lab.eventually("collected", lambda: lab.owned("ConfigMap") == {"a"})
    assert lab.get("ConfigMap", "a")["data"] == {"x": "1"}


def lit(lab, declared, lamp_name="light"):
    lab.apply(declared)
    lab.eventually("there", lambda: lab.find("ConfigMap", lamp_name))
    lab.switch(lamp_name, on=True)


def test_health_that_is_lost_soon_after(lab):
    lab.apply(LAMP)
    lab.deliver(guarded(settings("a", {"x": "1"})))
    lit(lab, guarded(settings("a", {"x": "2"}), lamp("light")))
    assert condition(running(lab, "shop-v2"), "Stable")["status"] == "True"
    lab.switch("light", on=False)
    found = rolled_back(lab)
    assert "its health was lost after it was delivered" in condition(found, "Stable")["message"]
    lab.eventually("collected", lambda: lab.owned("ConfigMap") == {"a"})
    assert lab.get("ConfigMap", "a")["data"] == {"x": "1"}


def test_health_that_comes_back_in_time(lab):
    lab.apply(LAMP)
    patient = policy("safe", "rollback", within="10m", grace="10m")
    lab.deliver(guarded(settings("a"), rule=patient))
    lit(lab, guarded(lamp("light"), rule=patient))
    running(lab, "shop-v2")
    lab.switch("light", on=False)
    found = lab.phase("unhealthy")
    assert condition(found, "Stable")["reason"] == "Unhealthy"
    lab.switch("light", on=True)
    found = lab.running()
    assert condition(found, "Stable")["reason"] == "Healthy"


def test_an_edit_flows_and_a_failing_one_goes_back_again(lab):
    lab.deliver(guarded(settings("a", {"x": "1"})))
    lab.apply(fails("2"))
    rolled_back(lab)
    lab.apply(guarded(settings("a", {"x": "3"})))
    running(lab, "shop-v3")
    assert lab.get("ConfigMap", "a")["data"] == {"x": "3"}
    lab.apply(fails("4"))
    rolled_back(lab, "shop-v3")
    lab.apply(fails("2"))
    lab.until(
        "tried, and given up",
        lambda found: "shop-v2 is quarantined" in condition(found, "Stable").get("message", ""),
    )
    rolled_back(lab, "shop-v3")


def test_metadata_is_no_edit(lab):
    """A tool that applies the same text again and again brings nothing back."""
    lab.deliver(guarded(settings("a", {"x": "1"})))
    lab.apply(fails())
    rolled_back(lab)
    lab.patch("Application", "shop", {"metadata": {"annotations": {"synced": "now"}}})
    lab.apply(fails())
    lab.settle()
    rolled_back(lab)
    assert lab.get("ConfigMap", "a")["data"] == {"x": "1"}


def test_nothing_to_go_back_to(lab):
    lab.apply(fails())
    found = lab.phase("workflowFailed")
    found = lab.until(
        "judged", lambda f: condition(f, "Stable").get("reason") == "NothingToReturnTo"
    )
    assert found["status"]["status"] == "workflowFailed"
    lab.settle()


@pytest.mark.parametrize("fatal", range(1, 9))
def test_the_controller_dies_on_the_way_back(lab, fatal):
    lab.deliver(guarded(settings("a", {"x": "1"})))
    lab.apply(fails(timeout="10m"))
    lab.phase("workflowSuspending")
    later(lab, "check")
    lab.die_after(fatal)
    lab.plane.await_death()
    lab.plane.start()
    rolled_back(lab)
    lab.eventually("collected", lambda: lab.owned("ConfigMap") == {"a"})
    assert lab.get("ConfigMap", "a")["data"] == {"x": "1"}


def test_it_is_shown_and_can_be_tried_again_or_accepted(lab):
    lab.deliver(guarded(settings("a", {"x": "1"})))
    lab.apply(fails())
    rolled_back(lab)
    history = json.loads(lateen(lab, "history", "shop", "-o", "json").stdout)
    assert [(e["name"], e["result"], e["delivered"]) for e in history] == [
        ("shop-v2", "quarantined", False),
        ("shop-v1", "succeeded", True),
    ]
    assert "its workflow failed" in history[0]["reason"]
    assert "running (rolled back)" in lateen(lab, "ls").stdout
    assert "shop-v2 is quarantined" in lateen(lab, "status", "shop").stderr

    def since(found):
        return condition(found, "Stable").get("lastTransitionTime")

    before = since(lab.app())
    again = lateen(lab, "up", "shop", "--revision", "v2", "--timeout", "90s")
    assert again.exit_code == Exit.UNHEALTHY, again.output
    lab.until("tried again", lambda found: since(found) != before)
    rolled_back(lab)

    accepted = lateen(lab, "workflow", "rollback", "shop")
    assert accepted.stdout == "shop goes back to shop-v1\n", accepted.output
    found = lab.until("stable", lambda f: condition(f, "Stable").get("reason") == "Healthy")
    assert found["spec"]["components"][0]["properties"]["objects"][0]["data"] == {"x": "1"}


def test_a_person_who_ends_it_is_obeyed(lab):
    lab.deliver(guarded(settings("a", {"x": "1"})))
    lab.apply(guarded(settings("a"), steps=[apply_step("a"), step("ask", "suspend")]))
    lab.phase("workflowSuspending")
    assert lateen(lab, "workflow", "terminate", "shop").exit_code == Exit.OK
    lab.phase("workflowTerminated")
    lab.settle()
    assert lab.status()["latestRevision"]["name"] == "shop-v2"


@pytest.mark.parametrize(
    ("wrong", "stage"),
    [
        pytest.param({"type": "nobody-knows"}, "Parsed", id="a type that is not there"),
        pytest.param({"dependsOn": ["nobody"]}, "Render", id="a workflow that cannot be"),
    ],
)
def test_what_cannot_begin_leaves_nothing_to_go_back_from(lab, wrong, stage):
    """Nothing of it was delivered: what was stands, and no revision is put in quarantine."""
    good = guarded(settings("a", {"x": "1"}))
    lab.deliver(good)
    before = lab.get("ConfigMap", "a")["metadata"]
    lab.apply(guarded({**settings("a", {"x": "2"}), **wrong}, settings("c")))
    found = lab.until("refused", lambda found: condition(found, stage).get("status") == "False")
    lab.settle()
    assert condition(found, "Ready")["status"] == "False"
    assert condition(lab.app(), "Stable").get("reason") in ("Healthy", None)
    assert lab.get("ConfigMap", "a")["metadata"]["resourceVersion"] == before["resourceVersion"]
    assert lab.find("ConfigMap", "c") is None
    lab.deliver(good)
