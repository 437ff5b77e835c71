"""Which revision an application is at (semantics C2, C3)."""

from __future__ import annotations

import copy

from tests.controllers.apps import LAMP, app, lamp, settings

PUBLISH = "app.oam.dev/publishVersion"


def latest(found):
    return found["status"]["latestRevision"]["name"]


def test_every_new_text_is_a_revision(lab):
    assert latest(lab.deliver(app(settings("a")))) == "shop-v1"
    found = lab.deliver(app(settings("a", {"x": "1"})))
    assert latest(found) == "shop-v2"
    assert found["status"]["latestRevision"]["revision"] == 2
    assert lab.revisions() == ["shop-v1", "shop-v2"]
    stored = lab.get("ApplicationRevision", "shop-v2")
    assert stored["spec"]["application"]["spec"] == found["spec"]
    assert lab.get("ConfigMap", "a")["metadata"]["labels"]["app.oam.dev/appRevision"] == "shop-v2"


def test_an_older_text_is_its_revision_again_and_no_number_is_used_twice(lab):
    lab.deliver(app(settings("a", {"x": "1"})))
    lab.deliver(app(settings("a", {"x": "2"})))
    second = lab.get("ApplicationRevision", "shop-v2")
    assert latest(lab.deliver(app(settings("a", {"x": "1"})))) == "shop-v1"
    assert lab.get("ConfigMap", "a")["data"] == {"x": "1"}
    assert latest(lab.deliver(app(settings("a", {"x": "3"})))) == "shop-v3"
    assert lab.revisions() == ["shop-v1", "shop-v2", "shop-v3"]
    assert lab.get("ApplicationRevision", "shop-v2")["spec"] == second["spec"]


def test_labels_and_annotations_make_no_revision(lab):
    before = lab.deliver(app(settings("a")))
    lab.patch(
        "Application", "shop", {"metadata": {"labels": {"x": "y"}, "annotations": {"x": "y"}}}
    )
    lab.settle()
    assert lab.revisions() == ["shop-v1"]
    assert lab.status() == before["status"]


def test_a_published_version_holds_until_it_changes(lab):
    one = app(settings("a", {"x": "1"}), annotations={PUBLISH: "one"})
    found = lab.deliver(one)
    assert found["status"]["workflow"]["appRevision"] == "one"
    assert lab.trackers()[0]["metadata"]["name"] == f"shop-one-{lab.namespace}"

    edited = app(settings("a", {"x": "2"}), settings("b"), annotations={PUBLISH: "one"})
    lab.deliver(edited)
    lab.settle()
    assert lab.get("ConfigMap", "a")["data"] == {"x": "1"}
    assert lab.find("ConfigMap", "b") is None
    assert lab.revisions() == ["shop-v1"]

    lab.apply(app(settings("a", {"x": "2"}), settings("b"), annotations={PUBLISH: "two"}))
    found = lab.until("two", lambda found: found["status"]["workflow"]["appRevision"] == "two")
    lab.running()
    assert lab.get("ConfigMap", "a")["data"] == {"x": "2"}
    assert latest(found) == "shop-v2"
    assert lab.revisions() == ["shop-v1", "shop-v2"]


def test_a_new_version_of_the_same_text_is_delivered_again(lab):
    lab.deliver(app(settings("a"), annotations={PUBLISH: "one"}))
    lab.apply(app(settings("a"), annotations={PUBLISH: "two"}))
    lab.until("two", lambda found: found["status"]["workflow"]["appRevision"] == "two")
    lab.running()
    assert lab.revisions() == ["shop-v1", "shop-v2"]
    only = {f"shop-two-{lab.namespace}"}
    lab.eventually("one", lambda: {each["metadata"]["name"] for each in lab.trackers()} == only)


def template(lab, text):
    """Change what a lamp renders."""
    definition = lab.get("ComponentDefinition", "lamp")
    cue = definition["spec"]["schematic"]["cue"]
    cue["template"] = cue["template"].replace("data: colour", f'data: {text}: "new", data: colour')
    lab.patch("ComponentDefinition", "lamp", {"spec": {"schematic": {"cue": cue}}})


def test_definitions_are_those_of_the_revision(lab):
    """A definition that changes does not change what is delivered, a new text takes it."""
    lab.apply(LAMP)
    shown = app(lamp("hall"))
    lab.apply(shown)
    lab.eventually("applied", lambda: lab.find("ConfigMap", "hall"))
    lab.switch("hall", on=True)
    lab.running()
    template(lab, "extra")

    lab.plane.restart()  # nothing in memory either
    lab.delete("ConfigMap", "hall")
    lab.eventually("made anew", lambda: lab.find("ConfigMap", "hall"))
    lab.switch("hall", on=True)
    lab.running()
    assert set(lab.get("ConfigMap", "hall")["data"]) == {"colour", "lit"}
    assert lab.revisions() == ["shop-v1"]

    edited = copy.deepcopy(shown)
    edited["spec"]["components"][0]["properties"]["colour"] = "blue"
    lab.deliver(edited)
    assert set(lab.get("ConfigMap", "hall")["data"]) == {"colour", "lit", "extra"}


def test_old_revisions_are_cleaned_up_but_never_one_in_use(lab):
    for number in range(13):
        lab.deliver(app(settings("a", {"x": str(number)})))
    kept = [f"shop-v{n}" for n in range(3, 14)]
    lab.eventually("ten and the one in use", lambda: lab.revisions() == kept)
    assert latest(lab.deliver(app(settings("a", {"x": "2"})))) == "shop-v3"
    lab.settle()
    assert lab.revisions() == kept


def test_a_revision_that_was_lost_is_made_again(lab):
    lab.deliver(app(settings("a")))
    lab.delete("ApplicationRevision", "shop-v1")
    lab.apply(app(settings("a", {"x": "1"})))
    assert latest(lab.running()) == "shop-v2", "the number of the lost one is not used again"
