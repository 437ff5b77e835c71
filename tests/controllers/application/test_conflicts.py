"""Somebody writes while the controller works: the last word counts, nothing is lost."""

from __future__ import annotations

from lateen import hub
from tests.controllers.apps import app, settings


def test_edits_while_a_pass_is_under_way(lab):
    many = [settings(f"s{i}") for i in range(20)]
    lab.apply(app(settings("a", {"n": "0"}), *many))
    lab.eventually("begun", lambda: lab.owned("ConfigMap"))
    for number in range(1, 8):
        lab.apply(app(settings("a", {"n": str(number)}), *many[number:]))
    found = lab.running()
    assert found["status"]["observedGeneration"] == found["metadata"]["generation"]
    lab.eventually(
        "cleaned up",
        lambda: lab.owned("ConfigMap") == {"a", *(f"s{i}" for i in range(7, 20))},
    )
    assert lab.get("ConfigMap", "a")["data"] == {"n": "7"}
    lab.eventually("one inventory", lambda: len(lab.trackers()) == 1)
    kept = lab.get("ApplicationRevision", found["status"]["latestRevision"]["name"])
    assert kept["spec"]["application"]["spec"] == found["spec"]


def test_labels_written_while_a_pass_is_under_way_stay(lab):
    lab.apply(app(*[settings(f"s{i}") for i in range(10)]))
    for number in range(10):
        lab.patch("Application", "shop", {"metadata": {"labels": {f"l{number}": "x"}}})
    found = lab.running()
    assert {f"l{number}" for number in range(10)} <= set(lab.app()["metadata"]["labels"])
    assert found["metadata"]["finalizers"]
    assert lab.revisions() == ["shop-v1"]


def test_a_status_that_somebody_wiped_is_found_again(lab):
    before = lab.deliver(app(settings("a", {"x": "1"})))
    made = lab.get("ConfigMap", "a")["metadata"]["uid"]
    wiped = lab.patch("Application", "shop", {"status": None}, "status")
    found = lab.until(
        "running again",
        lambda found: (
            found["status"].get("status") == "running"
            and int(found["metadata"]["resourceVersion"])
            > int(wiped["metadata"]["resourceVersion"])
        ),
    )
    lab.settle()
    assert found["status"]["latestRevision"] == before["status"]["latestRevision"]
    assert lab.get("ConfigMap", "a")["metadata"]["uid"] == made
    assert lab.revisions() == ["shop-v1"]


def test_an_inventory_that_somebody_removed_is_made_again(lab):
    """Else what it listed would be neither kept nor ever removed."""
    lab.deliver(app(settings("a")))
    [tracker] = lab.trackers()
    name = tracker["metadata"]["name"]
    lab.patch("ResourceTracker", name, {"metadata": {"finalizers": None}})
    lab.delete("ResourceTracker", name)
    lab.eventually(
        "recorded again",
        lambda: (found := lab.trackers()) and found[0]["spec"].get("managedResources"),
    )
    lab.running()
    lab.delete("Application", "shop")
    lab.gone()
    assert lab.owned("ConfigMap") == set()


def test_a_text_that_was_there_for_a_moment_leaves_nothing(lab):
    """It was delivered, and taken back before that was written down."""
    lab.deliver(app(settings("a", {"n": "1"})))
    lab.settle()
    back = {**app(settings("a", {"n": "1"}))}
    back["metadata"] = {**back["metadata"], "namespace": lab.namespace}
    done = []

    async def first():
        await lab.plane.user.apply(back, force=True)
        done.append(True)

    lab.interrupt("patch", "applications/status", first)
    lab.apply(app(settings("a", {"n": "2"}), settings("b")))
    lab.eventually("taken back", lambda: done)
    lab.running()
    lab.eventually("as it was", lambda: lab.get("ConfigMap", "a")["data"] == {"n": "1"})
    lab.eventually("nothing more", lambda: lab.owned("ConfigMap") == {"a"})
    lab.eventually("one inventory", lambda: len(lab.trackers()) == 1)
    assert [each["name"] for each in lab.status()["services"]] == ["a"]


def test_a_text_that_was_delivered_and_never_written_down_leaves_nothing(lab):
    """What the pass over it had found out is not held against the text that came back."""
    first_text = app(settings("a", {"n": "1"}))
    lab.deliver(first_text)
    lab.settle()
    back = lab.placed(first_text)
    done = []

    async def first():
        await lab.plane.user.apply(back, force=True)
        done.append(True)
        raise hub.ApiError(500, "InternalError", "as told")

    # what was before is cleaned up once all else is done, but for the status
    lab.interrupt("delete", "resourcetrackers", first)
    lab.apply(app(settings("a", {"n": "2"})))
    lab.eventually("taken back", lambda: done)
    lab.running()
    lab.eventually("as it was", lambda: lab.get("ConfigMap", "a")["data"] == {"n": "1"})
    lab.eventually("one inventory", lambda: len(lab.trackers()) == 1)
