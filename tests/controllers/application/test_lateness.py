"""A write arrives after whoever sent it was killed, or told to stop: nothing stays of it."""

from __future__ import annotations

import pytest

from lateen.api import manifest, names
from tests.controllers.apps import app, settings

TRACKER = ("create", "resourcetrackers")


def killed(lab, *declared):
    """Killed while the inventory of an application is on its way, which nobody starts again."""
    late = lab.hold(*TRACKER, heard=False)
    lab.apply(app(*declared))
    late.on_its_way()
    lab.plane.stop()
    return late


def lands(lab, late):
    made = lab.plane.call(late.arrive)
    assert made["kind"] == "ResourceTracker", "it is there"


def test_the_inventory_of_an_application_that_is_gone(lab):
    late = killed(lab, settings("a"))
    lab.plane.start()
    lab.delete("Application", "shop")
    lab.gone()
    lands(lab, late)
    lab.eventually("no inventory", lambda: lab.trackers() == [])


def test_the_inventory_of_a_text_that_was_taken_back(lab):
    lab.deliver(app(settings("a", {"x": "1"})))
    kept = lab.get("ConfigMap", "a")["metadata"]
    late = killed(lab, settings("a", {"x": "2"}), settings("b"))
    lab.apply(app(settings("a", {"x": "1"})))
    lab.plane.start()
    lab.running()
    lab.settle()
    lands(lab, late)
    lab.eventually("one inventory", lambda: len(lab.trackers()) == 1)
    assert lab.get("ConfigMap", "a")["metadata"]["uid"] == kept["uid"]
    assert lab.owned("ConfigMap") == {"a"}


def test_the_inventory_of_a_namesake(lab):
    """What the dead one listed as well is the living one's."""
    late = killed(lab, settings("a"), settings("b"))
    lab.plane.start()
    lab.delete("Application", "shop")
    lab.gone()
    living = lab.deliver(app(settings("a")), "shop")["metadata"]["uid"]
    lab.settle()
    kept = lab.get("ConfigMap", "a")
    # under another name than that of the living one, as those of its later texts have
    lab.apply(app(settings("a", {"x": "2"})))
    lab.running()
    lab.eventually("the first is gone", lambda: "shop-v1" not in str(lab.names("ResourceTracker")))
    lands(lab, late)
    lab.eventually("one inventory", lambda: len(lab.trackers()) == 1)
    assert manifest.labels(lab.trackers()[0])[names.APP_UID] == living
    assert lab.get("ConfigMap", "a")["metadata"]["uid"] == kept["metadata"]["uid"]


def test_what_is_left_of_an_application_that_was_let_go_by_hand_stays(lab):
    """Nobody asked for it to be deleted. Its inventory says whose it was, for as long."""
    lab.deliver(app(settings("a"), settings("b")))
    lab.settle()
    lab.plane.stop()
    lab.delete("Application", "shop")
    lab.patch("Application", "shop", {"metadata": {"finalizers": None}})
    lab.plane.start()
    lab.settle()
    assert lab.owned("ConfigMap") == {"a", "b"}
    [tracker] = lab.trackers()
    assert "deletionTimestamp" not in tracker["metadata"]
    lab.delete("ConfigMap", "a")
    lab.settle()
    assert lab.owned("ConfigMap") == {"b"}
    assert len(lab.trackers()) == 1
    lab.delete("ConfigMap", "b")
    lab.eventually("no inventory", lambda: lab.trackers() == [])


@pytest.mark.parametrize(
    "what",
    [
        pytest.param(("create", "resourcetrackers"), id="what is to be applied is written down"),
        pytest.param(("apply", "configmaps"), id="an object is applied"),
    ],
)
def test_a_deletion_while_a_write_is_on_its_way(lab, what):
    """Its answer is waited for: whoever cleans up has to know of it."""
    late = lab.hold(*what, heard=True)
    lab.apply(app(settings("a")))
    late.on_its_way()
    lab.delete("Application", "shop")
    # long enough for who does not wait to be through
    lab.plane.until(lab.namespace, "shop", lambda found: found is None, within=1.0)
    lab.plane.call(late.arrive)
    lab.gone()
    lab.eventually("nothing left", lambda: not lab.owned("ConfigMap") and not lab.trackers())
