"""Traits that come once their component is healthy (semantics B5)."""

from __future__ import annotations

from tests.controllers.apps import LAMP, app, lamp
from tests.controllers.laboratory import steps

EXPOSED = lamp("hall", traits=[{"type": "expose", "properties": {"port": [80]}}])


def traits(found):
    [service] = found["status"]["services"]
    return service["traits"]


def test_expose_waits_for_the_component(lab):
    lab.apply(LAMP)
    lab.apply(app(EXPOSED))
    found = lab.until("waiting", lambda found: steps(found).get("hall") == "running")
    assert traits(found) == [
        {
            "type": "expose",
            "healthy": False,
            "pending": True,
            "message": "⏳ Waiting for component to be healthy",
        }
    ]
    lab.settle()
    assert lab.find("Service", "hall") is None

    lab.switch("hall", on=True)
    found = lab.running()
    service = lab.get("Service", "hall")
    [trait] = traits(found)
    assert trait == {
        "type": "expose",
        "healthy": True,
        "message": f"ClusterIP: {service['spec']['clusterIP']}",
    }
    assert service["metadata"]["labels"]["trait.oam.dev/type"] == "expose"
    assert ("Service", "hall") in {
        (e["kind"], e["name"]) for t in lab.trackers() for e in t["spec"]["managedResources"]
    }


def test_what_came_later_is_kept_and_removed_like_all_else(lab):
    lab.apply(LAMP)
    lab.apply(app(EXPOSED))
    lab.eventually("applied", lambda: lab.find("ConfigMap", "hall"))
    lab.switch("hall", on=True)
    lab.running()
    lab.delete("Service", "hall")
    lab.eventually("restored", lambda: lab.find("Service", "hall"))

    lab.deliver(app(lamp("hall")))
    lab.eventually("removed", lambda: lab.find("Service", "hall") is None)
    assert lab.find("ConfigMap", "hall")


def test_what_came_later_stays_when_the_component_falls_ill(lab):
    lab.apply(LAMP)
    lab.apply(app(EXPOSED))
    lab.eventually("applied", lambda: lab.find("ConfigMap", "hall"))
    lab.switch("hall", on=True)
    lab.running()
    uid = lab.get("Service", "hall")["metadata"]["uid"]
    lab.switch("hall", on=False)
    lab.phase("unhealthy")
    lab.plane.restart()  # what is pending to a controller that starts is not to be removed
    lab.settle()
    assert lab.get("Service", "hall")["metadata"]["uid"] == uid
    lab.switch("hall", on=True)
    found = lab.running()
    assert lab.get("Service", "hall")["metadata"]["uid"] == uid
    assert traits(found)[0]["healthy"] is True
