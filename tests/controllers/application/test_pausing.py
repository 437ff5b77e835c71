"""An application whose author wants it to be left alone (semantics C1)."""

from __future__ import annotations

from tests.controllers.apps import app, settings

PAUSE = "controller.core.oam.dev/pause"


def pause(lab, value):
    lab.patch("Application", "shop", {"metadata": {"labels": {PAUSE: value}}})


def test_a_paused_application_is_not_delivered_until_it_goes_on(lab):
    lab.apply(app(settings("a"), labels={PAUSE: "true"}))
    lab.settle()
    assert lab.status() == {}
    assert lab.owned("ConfigMap") == set()
    pause(lab, None)
    lab.running()


def test_a_paused_application_is_neither_changed_nor_kept(lab):
    lab.deliver(app(settings("a", {"x": "1"}), settings("b")))
    pause(lab, "true")
    lab.settle()  # two watches: one may tell of the ConfigMap before the other tells of the pause
    lab.patch("ConfigMap", "a", {"data": {"x": "by hand"}})
    edit = app(settings("a", {"x": "2"}))["spec"]["components"]
    lab.patch("Application", "shop", {"spec": {"components": edit}})
    lab.settle()
    assert lab.get("ConfigMap", "a")["data"] == {"x": "by hand"}
    assert lab.owned("ConfigMap") == {"a", "b"}
    pause(lab, None)
    lab.running()
    assert lab.get("ConfigMap", "a")["data"] == {"x": "2"}
    lab.eventually("removed", lambda: lab.owned("ConfigMap") == {"a"})
