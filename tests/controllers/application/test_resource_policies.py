"""What resource policies change about writing, keeping and removing objects (F5 to F10)."""

from __future__ import annotations

import pytest

from lateen.api import names
from tests.controllers.application.test_ownership import failing
from tests.controllers.apps import app, configmap, objects, settings
from tests.controllers.laboratory import step


def policy(kind, **properties):
    return {"name": kind, "type": kind, "properties": properties}


def ruled(kind, selector, **more):
    return policy(kind, rules=[{"selector": selector, **more}])


def named(*found):
    return {"resourceNames": list(found)}


# garbage-collect


def test_what_goes_with_the_application_stays_until_then(lab):
    rule = ruled("garbage-collect", named("data"), strategy="onAppDelete")
    lab.deliver(app(settings("data"), settings("web"), policies=[rule]))
    root = next(each for each in lab.trackers() if each["spec"]["type"] == "root")
    assert root["metadata"]["name"] == f"shop-{lab.namespace}"
    assert [each["name"] for each in root["spec"]["managedResources"]] == ["data"]

    lab.deliver(app(settings("web"), policies=[rule]))
    lab.settle()
    assert lab.find("ConfigMap", "data"), "it is not declared any more, and stays"
    assert {each["name"] for each in lab.status()["appliedResources"]} == {"web", "data"}

    lab.delete("Application", "shop")
    lab.gone()
    assert lab.find("ConfigMap", "data") is None
    assert lab.trackers() == []


def test_what_is_never_collected_is_let_go(lab):
    rule = ruled("garbage-collect", named("data"), strategy="never")
    lab.deliver(app(settings("data", {"x": "1"}), policies=[rule]))
    [root] = [each for each in lab.trackers() if each["spec"]["type"] == "root"]
    assert root["spec"]["managedResources"][0]["skipGC"] is True
    lab.delete("Application", "shop")
    lab.gone()
    left = lab.get("ConfigMap", "data")
    assert left["data"] == {"x": "1"}
    assert not {names.APP_NAME, names.APP_NAMESPACE} & set(left["metadata"]["labels"])


def test_propagation_orphan_lets_go_of_what_is_left_out(lab):
    rule = ruled("garbage-collect", named("a"), propagation="orphan")
    lab.deliver(app(settings("a"), settings("b"), settings("c"), policies=[rule]))
    lab.deliver(app(settings("c"), policies=[rule]))
    lab.eventually("collected", lambda: lab.find("ConfigMap", "b") is None)
    lab.eventually(
        "let go",
        lambda: names.APP_NAME not in lab.get("ConfigMap", "a")["metadata"]["labels"],
    )


def test_the_orphan_finalizer_lets_go_of_everything(lab):
    declared = app(settings("a"), settings("b"))
    declared["metadata"]["finalizers"] = [names.APP_ORPHAN]
    lab.deliver(declared)
    lab.delete("Application", "shop")
    lab.gone()
    for name in ("a", "b"):
        labels = lab.get("ConfigMap", name)["metadata"]["labels"]
        assert names.APP_NAME not in labels
        assert names.APP_COMPONENT in labels, "only ownership is given up"
    assert lab.trackers() == []


def test_legacy_is_kept(lab):
    keep = policy("garbage-collect", keepLegacyResource=True)
    lab.deliver(app(settings("a"), settings("b"), policies=[keep]))
    lab.deliver(app(settings("b"), policies=[keep]))
    lab.settle()
    assert lab.owned("ConfigMap") == {"a", "b"}
    assert len(lab.trackers()) == 2

    lab.delete("ConfigMap", "a")
    lab.patch("Application", "shop", {"metadata": {"labels": {"touched": "1"}}})
    lab.eventually("retired", lambda: len(lab.trackers()) == 1)
    lab.delete("Application", "shop")
    lab.gone()
    assert lab.owned("ConfigMap") == set()


def test_dependents_go_first(lab):
    """`web` depends on `db`, which therefore outlasts it; something holds `web` for a while."""
    order = policy("garbage-collect", order="dependency")
    lab.deliver(app(settings("db"), settings("web", dependsOn=["db"]), policies=[order]))
    lab.patch("ConfigMap", "web", {"metadata": {"finalizers": ["test.example/hold"]}})
    lab.delete("Application", "shop")
    lab.eventually(
        "deleting", lambda: lab.get("ConfigMap", "web")["metadata"].get("deletionTimestamp")
    )
    lab.settle()
    assert "deletionTimestamp" not in lab.get("ConfigMap", "db")["metadata"]
    lab.patch("ConfigMap", "web", {"metadata": {"finalizers": None}})
    lab.gone()
    assert lab.find("ConfigMap", "db") is None


def test_what_fails_is_collected_too_when_asked(lab):
    go_on = policy("garbage-collect", continueOnFailure=True)
    lab.deliver(app(settings("a"), settings("b"), policies=[go_on]))
    hopeless = {"name": "x", "type": "apply-component", "properties": {"component": "b"}}
    late = {"name": "y", "type": "suspend", "timeout": "1s"}
    lab.apply(app(settings("b"), policies=[go_on], steps=[hopeless, late]))
    lab.phase("workflowFailed")
    lab.eventually("collected", lambda: lab.find("ConfigMap", "a") is None)


def test_fewer_revisions_are_kept(lab):
    few = policy("garbage-collect", applicationRevisionLimit=1)
    for number in range(4):
        lab.deliver(app(settings("a", {"x": str(number)}), policies=[few]))
    lab.eventually(
        "one is kept, and the one in use", lambda: lab.revisions() == ["shop-v3", "shop-v4"]
    )


# apply-once


def test_applied_once_nothing_is_put_back(lab):
    lab.deliver(app(settings("a", {"x": "1"}), policies=[policy("apply-once", enable=True)]))
    [tracker] = lab.trackers()
    assert "raw" not in tracker["spec"]["managedResources"][0]
    lab.patch("ConfigMap", "a", {"data": {"x": "2"}})
    lab.settle()
    assert lab.get("ConfigMap", "a")["data"] == {"x": "2"}
    lab.delete("ConfigMap", "a")
    lab.settle()
    assert lab.find("ConfigMap", "a") is None


def once(path, affect=None):
    strategy = {"path": [path]} | ({"affect": affect} if affect else {})
    return policy("apply-once", enable=True, rules=[{"selector": named("a"), "strategy": strategy}])


def test_a_field_is_left_to_others(lab):
    rule = once("data.x")
    lab.deliver(app(settings("a", {"x": "1", "y": "1"}), policies=[rule]))
    lab.patch("ConfigMap", "a", {"data": {"x": "theirs", "y": "theirs"}})
    lab.eventually("put back", lambda: lab.get("ConfigMap", "a")["data"]["y"] == "1")
    assert lab.get("ConfigMap", "a")["data"]["x"] == "theirs"
    lab.deliver(app(settings("a", {"x": "2", "y": "2"}), policies=[rule]))
    assert lab.get("ConfigMap", "a")["data"] == {"x": "theirs", "y": "2"}


def test_a_field_is_left_when_kept_but_not_when_delivered(lab):
    rule = once("data.x", "onStateKeep")
    lab.deliver(app(settings("a", {"x": "1"}), policies=[rule]))
    lab.patch("ConfigMap", "a", {"data": {"x": "theirs"}})
    lab.settle()
    assert lab.get("ConfigMap", "a")["data"] == {"x": "theirs"}
    lab.deliver(app(settings("a", {"x": "2"}), policies=[rule]))
    assert lab.get("ConfigMap", "a")["data"] == {"x": "2"}


def test_what_is_left_to_others_and_gone_is_not_made_again(lab):
    lab.deliver(app(settings("a", {"x": "1"}), settings("b"), policies=[once("*")]))
    lab.delete("ConfigMap", "a")
    lab.eventually(
        "forgotten",
        lambda: [each["name"] for each in lab.trackers()[0]["spec"]["managedResources"]] == ["b"],
    )
    lab.settle()
    assert lab.find("ConfigMap", "a") is None


# shared-resource

SHARED = ruled("shared-resource", named("common"))


def sharing(name, value="1", **more):
    data = configmap("common", x=value)
    return app(objects(f"{name}-part", data), name=name, policies=[SHARED], **more)


def shared_by(lab):
    return lab.get("ConfigMap", "common")["metadata"]["annotations"]["app.oam.dev/shared-by"]


def test_a_shared_object_is_its_first_owners(lab):
    lab.deliver(sharing("one"))
    lab.deliver(sharing("two", "2"))
    where = lab.namespace
    assert shared_by(lab) == f"{where}/one,{where}/two"
    assert lab.get("ConfigMap", "common")["data"] == {"x": "1"}, "a sharer does not write it"

    lab.deliver(sharing("one", "3"))
    assert lab.get("ConfigMap", "common")["data"] == {"x": "3"}
    assert shared_by(lab) == f"{where}/one,{where}/two", "who writes it keeps the list"

    lab.delete("Application", "one")
    lab.gone("one")
    found = lab.get("ConfigMap", "common")
    assert found["metadata"]["labels"][names.APP_NAME] == "two"
    assert shared_by(lab) == f"{where}/two"
    lab.eventually("its own", lambda: lab.get("ConfigMap", "common")["data"] == {"x": "2"})

    lab.delete("Application", "two")
    lab.gone("two")
    assert lab.find("ConfigMap", "common") is None


def test_a_sharer_that_goes_leaves_the_object(lab):
    lab.deliver(sharing("one"))
    lab.deliver(sharing("two"))
    lab.delete("Application", "two")
    lab.gone("two")
    assert shared_by(lab) == f"{lab.namespace}/one"
    assert lab.get("ConfigMap", "common")["data"] == {"x": "1"}


def test_both_have_to_share(lab):
    lab.deliver(app(objects("part", configmap("common")), name="one"))
    lab.apply(sharing("two"))
    message = step(failing(lab, "two"), "two-part")["message"]
    assert f"application is controlled by {lab.namespace}/one but is not sharable" in message


# read-only and take-over


def test_an_object_is_only_read(lab):
    lab.apply(configmap("a", theirs="1"))
    lab.deliver(app(settings("a", {"x": "2"}), policies=[ruled("read-only", named("a"))]))
    assert lab.get("ConfigMap", "a")["data"] == {"theirs": "1"}
    lab.delete("Application", "shop")
    lab.gone()
    assert lab.get("ConfigMap", "a")["data"] == {"theirs": "1"}


def test_what_is_only_read_has_to_be_there(lab):
    lab.apply(app(settings("a"), policies=[ruled("read-only", named("a"))]))
    message = step(failing(lab), "a")["message"]
    assert "ConfigMap (a) is marked as read-only but does not exist." in message
    lab.apply(configmap("a"))
    lab.running()


def test_an_object_is_taken_over(lab):
    lab.apply(configmap("a", theirs="1"))
    lab.deliver(app(settings("a", {"x": "2"}), policies=[ruled("take-over", named("a"))]))
    found = lab.get("ConfigMap", "a")
    assert found["data"] == {"theirs": "1", "x": "2"}, "what it had it keeps"
    assert found["metadata"]["labels"][names.APP_NAME] == "shop"


# resource-update


def test_an_object_is_replaced_whole(lab):
    rule = ruled("resource-update", named("a"), strategy={"op": "replace"})
    lab.deliver(app(settings("a", {"x": "1"}), policies=[rule]))
    lab.patch("ConfigMap", "a", {"data": {"more": "1"}})
    lab.deliver(app(settings("a", {"x": "2"}), policies=[rule]))
    assert lab.get("ConfigMap", "a")["data"] == {"x": "2"}


@pytest.mark.parametrize(
    ("data", "anew"),
    [
        pytest.param({"x": "2", "y": "1"}, True, id="the field changes"),
        pytest.param({"x": "1", "y": "2"}, False, id="another field changes"),
    ],
)
def test_an_object_is_made_anew_when_a_field_changes(lab, data, anew):
    strategy = {"recreateFields": ["data.x"]}
    rule = ruled("resource-update", named("a"), strategy=strategy)
    lab.deliver(app(settings("a", {"x": "1", "y": "1"}), policies=[rule]))
    before = lab.get("ConfigMap", "a")["metadata"]["uid"]
    lab.deliver(app(settings("a", data), policies=[rule]))
    found = lab.get("ConfigMap", "a")
    assert found["data"] == data
    assert (found["metadata"]["uid"] != before) is anew
