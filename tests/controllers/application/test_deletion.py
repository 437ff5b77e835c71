"""A deleted application takes everything it brought with it, and only that (semantics C9)."""

from __future__ import annotations

from tests.controllers.apps import app, settings, webservice
from tests.controllers.laboratory import condition


def test_everything_goes(lab):
    lab.deliver(app(settings("a"), settings("b")))
    lab.deliver(app(settings("a", {"x": "1"}), webservice("web")))
    lab.delete("Application", "shop")
    lab.gone()
    assert lab.owned("ConfigMap") == set()
    assert lab.find("Deployment", "web") is None
    assert lab.trackers() == []
    assert lab.revisions() == []


def test_it_waits_for_what_something_else_holds(lab):
    lab.deliver(app(settings("held"), settings("free")))
    lab.patch("ConfigMap", "held", {"metadata": {"finalizers": ["test.lateen.dev/hold"]}})
    lab.delete("Application", "shop")
    held = lab.until("waiting", lambda found: condition(found, "Ready").get("reason") == "Deleting")
    assert held["status"]["status"] == "deleting"
    ready = condition(held, "Ready")
    assert ready["status"] == "False"
    assert ready["message"] == (
        f"Waiting for ConfigMap held (Namespace: {lab.namespace}) to delete. "
        "(At least 1 resources are deleting.)"
    )
    lab.eventually("removed", lambda: lab.find("ConfigMap", "free") is None)
    assert lab.trackers()
    lab.patch("ConfigMap", "held", {"metadata": {"finalizers": None}})
    lab.gone()
    assert lab.trackers() == []


def test_what_was_deleted_by_hand_does_not_hold_it_up(lab):
    lab.deliver(app(settings("a")))
    lab.plane.stop()
    lab.delete("ConfigMap", "a")
    lab.delete("Application", "shop")
    lab.plane.start()
    lab.gone()
    assert lab.trackers() == []


def test_what_another_application_took_over_stays(lab):
    lab.deliver(app(settings("a"), settings("b")))
    lab.plane.stop()
    lab.patch("ConfigMap", "a", {"metadata": {"labels": {"app.oam.dev/name": "heir"}}})
    lab.delete("Application", "shop")
    lab.plane.start()
    lab.gone()
    assert {"a"} <= lab.names("ConfigMap")
    assert "b" not in lab.names("ConfigMap")


def test_it_can_be_deleted_before_it_was_ever_delivered(lab):
    lab.apply(app({"name": "x", "type": "nosuch"}))
    lab.until("refused", lambda found: condition(found, "Parsed").get("status") == "False")
    lab.delete("Application", "shop")
    lab.gone()


def test_it_can_be_deleted_in_the_middle_of_a_delivery(lab):
    many = [settings(f"s{i}") for i in range(30)]
    lab.apply(app(*many))
    lab.eventually("begun", lambda: lab.owned("ConfigMap"))
    lab.delete("Application", "shop")
    lab.gone()
    lab.settle()
    assert lab.owned("ConfigMap") == set()
    assert lab.trackers() == []


def test_one_made_anew_under_the_same_name_starts_afresh(lab):
    first = lab.deliver(app(settings("a")))
    lab.delete("Application", "shop")
    lab.gone()
    again = lab.deliver(app(settings("a", {"x": "2"})))
    assert again["metadata"]["uid"] != first["metadata"]["uid"]
    assert again["status"]["latestRevision"]["name"] == "shop-v1"
    assert lab.get("ConfigMap", "a")["data"] == {"x": "2"}
    [tracker] = lab.trackers()
    assert tracker["metadata"]["labels"]["app.oam.dev/uid"] == again["metadata"]["uid"]


def test_a_deleted_namespace_takes_its_applications_with_it(lab):
    place = lab.another_namespace()
    shop = app(settings("a"))
    lab.apply({**shop, "metadata": {**shop["metadata"], "namespace": place}})

    def phase(found):
        return found is not None and (found.get("status") or {}).get("status") == "running"

    assert lab.plane.until(place, "shop", phase)[0]
    lab.delete("Namespace", place)
    done, found = lab.plane.until(place, "shop", lambda found: found is None)
    assert done, found
