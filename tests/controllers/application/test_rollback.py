"""Back to an earlier revision, on command (semantics C10): whole, and as it had been."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from lateen.cli import main
from lateen.cli.exits import Exit
from tests.controllers.apps import LAMP, app, apply_step, lamp, objects, settings, step
from tests.controllers.apps import configmap as made
from tests.controllers.laboratory import PATIENCE, steps

PUBLISH = "app.oam.dev/publishVersion"


def lateen(lab, *arguments):
    return CliRunner().invoke(
        main.build(),
        [*arguments, "-n", lab.namespace],
        env={"KUBECONFIG": str(lab.plane.kube.kubeconfig), "COLUMNS": "200"},
    )


def rolled_back(lab, to, within=PATIENCE):
    """Roll back, and wait until that revision runs."""
    done = lateen(lab, "workflow", "rollback", "shop")
    assert (done.exit_code, done.stdout) == (Exit.OK, f"shop goes back to {to}\n"), done.output
    return running(lab, to, within)


def running(lab, revision, within=PATIENCE):
    def there(found):
        status = found["status"]
        latest = (status.get("latestRevision") or {}).get("name")
        return (latest, status.get("status")) == (revision, "running")

    return lab.until(f"running as {revision}", there, within=within)


def redefined(lab):
    """A lamp renders otherwise from now on; the controller has seen it."""
    lab.apply(LAMP.replace("data: colour: parameter.colour", "data: shade: parameter.colour"))
    lab.eventually("seen", lambda: "shade" in str(lab.list("DefinitionRevision")))


def failing(*components, **more):
    """An application whose workflow delivers the components and then waits for ever."""
    return app(
        *components,
        steps=[*[apply_step(each["name"]) for each in components], step("never", "suspend")],
        **more,
    )


@pytest.mark.parametrize("version", ["", "two"], ids=["unpublished", "published"])
def test_what_an_unfinished_delivery_changed_is_put_back(lab, version):
    def published(name):
        return {"annotations": {PUBLISH: name}} if version else {}

    first = app(settings("a", {"x": "1"}), settings("b"), **published("one"))
    lab.deliver(first)
    kept = lab.get("ConfigMap", "b")["metadata"]["uid"]
    second = failing(settings("a", {"x": "2", "y": "2"}), settings("c"), **published("two"))
    lab.apply(second)
    lab.phase("workflowSuspending")

    found = rolled_back(lab, "shop-v1")
    assert found["spec"] == first["spec"]
    assert (found["metadata"].get("annotations") or {}).get(PUBLISH, "") == (
        "one" if version else ""
    )
    assert lab.get("ConfigMap", "a")["data"] == {"x": "1"}, "what the other added is gone as well"
    lab.eventually("collected", lambda: lab.owned("ConfigMap") == {"a", "b"})
    lab.eventually("one inventory", lambda: len(lab.trackers()) == 1)
    assert lab.get("ConfigMap", "b")["metadata"]["uid"] == kept
    assert lab.revisions() == ["shop-v1", "shop-v2"], "history is kept"


def test_no_step_runs_again_where_it_is_known_what_had_been_delivered(lab):
    approved = app(settings("a", {"x": "1"}), steps=[apply_step("a"), step("approve", "suspend")])
    lab.apply(approved)
    lab.phase("workflowSuspending")
    assert lateen(lab, "workflow", "resume", "shop").exit_code == Exit.OK
    lab.running()
    lab.apply(failing(settings("a", {"x": "2"})))
    lab.phase("workflowSuspending")

    found = rolled_back(lab, "shop-v1")
    assert steps(found) == {"a": "succeeded", "approve": "succeeded"}
    assert lab.get("ConfigMap", "a")["data"] == {"x": "1"}
    assert lateen(lab, "workflow", "restart", "shop").exit_code == Exit.OK
    lab.phase("workflowSuspending")  # that is asked for, so it is asked again


def test_where_it_is_not_known_any_more_the_workflow_runs(lab):
    lab.deliver(app(settings("a", {"x": "1"}), settings("b")))
    lab.deliver(app(settings("a", {"x": "2"})))
    lab.eventually("collected", lambda: lab.owned("ConfigMap") == {"a"})
    lab.eventually("one inventory", lambda: len(lab.trackers()) == 1)
    rolled_back(lab, "shop-v1")
    assert lab.owned("ConfigMap") == {"a", "b"}
    assert lab.get("ConfigMap", "a")["data"] == {"x": "1"}


def test_it_comes_with_the_definitions_of_then(lab):
    lab.apply(LAMP)
    lab.apply(app(lamp("a")))
    lab.eventually("there", lambda: lab.find("ConfigMap", "a"))
    lab.switch("a", on=True)
    lab.running()
    redefined(lab)
    lab.apply(app(lamp("a", "blue")))
    lab.eventually("changed", lambda: "shade" in lab.get("ConfigMap", "a")["data"])
    rolled_back(lab, "shop-v1")
    assert lab.get("ConfigMap", "a")["data"] == {"colour": "red", "lit": "yes"}


def test_a_text_that_was_never_delivered_is_given_up(lab):
    first = lab.deliver(app(settings("a", {"x": "1"})))
    lab.apply(app({"name": "a", "type": "nosuch"}))
    lab.phase("rendering")
    found = rolled_back(lab, "shop-v1")
    assert found["spec"] == first["spec"]


def test_an_edit_after_it_flows(lab):
    lab.deliver(app(settings("a", {"x": "1"})))
    lab.deliver(app(settings("a", {"x": "2"})))
    rolled_back(lab, "shop-v1")
    lab.apply(app(settings("a", {"x": "3"})))
    running(lab, "shop-v3")
    assert lab.get("ConfigMap", "a")["data"] == {"x": "3"}
    lab.apply(app(settings("a", {"x": "1"})))
    running(lab, "shop-v1")
    assert lab.get("ConfigMap", "a")["data"] == {"x": "1"}


@pytest.mark.parametrize("fatal", range(1, 8))
def test_the_controller_dies_after_any_of_its_writes(lab, fatal):
    lab.deliver(app(settings("a", {"x": "1"}), settings("b")))
    lab.apply(failing(settings("a", {"x": "2"}), settings("c")))
    lab.phase("workflowSuspending")
    lab.settle()
    lab.die_after(fatal)
    lateen(lab, "workflow", "rollback", "shop")
    lab.plane.await_death()
    lab.plane.start()
    running(lab, "shop-v1")
    lab.eventually("collected", lambda: lab.owned("ConfigMap") == {"a", "b"})
    lab.eventually("one inventory", lambda: len(lab.trackers()) == 1)
    assert lab.get("ConfigMap", "a")["data"] == {"x": "1"}


def test_nothing_to_go_back_to(lab):
    lab.deliver(app(settings("a")))
    done = lateen(lab, "workflow", "rollback", "shop")
    assert done.exit_code == Exit.INPUT
    assert "no other revision that was delivered well" in done.stderr


def test_a_revision_is_delivered_again_under_a_version(lab):
    lab.apply(LAMP)
    lab.apply(app(lamp("a")))
    lab.eventually("there", lambda: lab.find("ConfigMap", "a"))
    lab.switch("a", on=True)
    lab.running()
    redefined(lab)
    lab.apply(app(lamp("a", "blue")))
    running(lab, "shop-v2")
    done = lateen(lab, "up", "shop", "--revision", "1", "--publish-version", "again", "--no-wait")
    assert done.exit_code == Exit.OK, done.output
    found = running(lab, "shop-v3")
    assert found["status"]["workflow"]["appRevision"] == "again"
    assert lab.get("ConfigMap", "a")["data"] == {"colour": "red", "lit": "yes"}
    stored = lab.get("ApplicationRevision", "shop-v3")["spec"]
    assert (
        stored["componentDefinitions"]
        == lab.get("ApplicationRevision", "shop-v1")["spec"]["componentDefinitions"]
    )


def test_a_revision_is_delivered_again_and_its_workflow_runs(lab):
    lab.apply(app(settings("a", {"x": "1"}), steps=[apply_step("a"), step("look", "suspend")]))
    lab.phase("workflowSuspending")
    lateen(lab, "workflow", "resume", "shop")
    lab.running()
    lab.deliver(app(settings("a", {"x": "2"})))
    done = lateen(lab, "up", "shop", "--revision", "shop-v1", "--no-wait")
    assert done.exit_code == Exit.OK, done.output
    found = lab.phase("workflowSuspending")
    assert found["status"]["latestRevision"]["name"] == "shop-v1"
    assert lab.get("ConfigMap", "a")["data"] == {"x": "1"}


def test_the_same_text_under_another_version(lab):
    lab.deliver(app(settings("a"), annotations={PUBLISH: "one"}))
    again = lateen(lab, "up", "shop", "--publish-version", "one")
    assert again.exit_code == Exit.INPUT
    assert "published as one already" in again.stderr
    done = lateen(lab, "up", "shop", "--publish-version", "two", "--timeout", "90s")
    assert done.exit_code == Exit.OK, done.output
    assert lab.status()["workflow"]["appRevision"] == "two"
    assert lab.revisions() == ["shop-v1", "shop-v2"]


def test_a_text_of_others_is_replaced_whole(lab):
    """Fields another manager owns would stand if the text was only laid over theirs."""
    first = app(settings("a", {"x": "1"}))
    lab.deliver(first)
    body = {"spec": {"policies": [{"name": "once", "type": "apply-once", "properties": {}}]}}
    lab.patch("Application", "shop", body)
    running(lab, "shop-v2")
    found = rolled_back(lab, "shop-v1")
    assert found["spec"] == first["spec"]


def test_a_component_with_objects_of_its_own(lab):
    lab.deliver(app(objects("set", made("a", x="1"), made("b"))))
    lab.apply(failing(objects("set", made("a", x="2"))))
    lab.phase("workflowSuspending")
    rolled_back(lab, "shop-v1")
    lab.eventually("both", lambda: lab.owned("ConfigMap") == {"a", "b"})
    assert lab.get("ConfigMap", "a")["data"] == {"x": "1"}
