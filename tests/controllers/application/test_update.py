"""An edited application: what stays changes in place, what left goes, and nothing else."""

from __future__ import annotations

import pytest

from tests.controllers.apps import app, configmap, objects, settings, webservice


def uid(lab, kind, name):
    return lab.get(kind, name)["metadata"]["uid"]


def test_what_stays_is_changed_in_place(lab):
    lab.deliver(app(webservice("web", "nginx:1"), settings("a", {"kept": "1", "left": "2"})))
    before = uid(lab, "Deployment", "web"), uid(lab, "ConfigMap", "a")
    lab.deliver(app(webservice("web", "nginx:2"), settings("a", {"kept": "3"})))
    web = lab.get("Deployment", "web")
    assert web["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:2"
    assert lab.get("ConfigMap", "a")["data"] == {"kept": "3"}, "a key that left is removed"
    assert (uid(lab, "Deployment", "web"), uid(lab, "ConfigMap", "a")) == before


@pytest.mark.parametrize(
    ("before", "after", "left", "gone"),
    [
        pytest.param(
            app(settings("a"), settings("b")), app(settings("b")), {"b"}, {"a"}, id="a component"
        ),
        pytest.param(
            app(objects("all", configmap("a"), configmap("b"))),
            app(objects("all", configmap("a"))),
            {"a"},
            {"b"},
            id="an object of a component that stays",
        ),
        pytest.param(
            app(settings("a")), app(settings("b")), {"b"}, {"a"}, id="all of it, for something else"
        ),
        pytest.param(
            app(objects("one", configmap("a"), configmap("b"))),
            app(objects("one", configmap("a")), objects("two", configmap("b"))),
            {"a", "b"},
            set(),
            id="nothing: an object that moves to another component stays",
        ),
    ],
)
def test_what_left_is_removed(lab, before, after, left, gone):
    lab.apply(configmap("bystander", mine="yes"))
    lab.deliver(before)
    kept = {name: uid(lab, "ConfigMap", name) for name in left & lab.owned("ConfigMap")}
    lab.deliver(after)
    lab.eventually("removed", lambda: not gone & lab.names("ConfigMap"))
    assert lab.owned("ConfigMap") == left
    assert {name: uid(lab, "ConfigMap", name) for name in kept} == kept, "not made anew"
    assert "bystander" in lab.names("ConfigMap")
    lab.eventually("one inventory", lambda: len(lab.trackers()) == 1)
    assert lab.trackers()[0]["spec"]["applicationGeneration"] == 2


def test_nothing_is_removed_before_what_replaces_it_stands(lab):
    """The new text cannot be delivered: what ran goes on running."""
    lab.deliver(app(settings("a")))
    broken = {**configmap("b"), "data": {"not a key!": "x"}}
    lab.apply(app(objects("b", broken)))
    lab.until("failing", lambda found: "dryrun" in str(found["status"].get("workflow")))
    assert lab.owned("ConfigMap") == {"a"}
    lab.deliver(app(settings("c")))
    lab.eventually("removed", lambda: lab.owned("ConfigMap") == {"c"})


ONE = app(settings("a", {"x": "1"}), settings("b"))
OTHER = app(settings("b"), settings("c"))


def test_there_and_back_before_the_controller_looks(lab):
    """It never saw the other text: the same revision under another generation."""
    lab.deliver(ONE)
    before = {name: uid(lab, "ConfigMap", name) for name in ("a", "b")}
    lab.plane.stop()
    lab.apply(OTHER)
    lab.apply(ONE)
    lab.plane.start()
    lab.running()
    lab.settle()
    assert {name: uid(lab, "ConfigMap", name) for name in lab.owned("ConfigMap")} == before
    assert lab.revisions() == ["shop-v1"]

    lab.deliver(OTHER)  # and the inventory still knows what to remove
    lab.eventually("removed", lambda: lab.owned("ConfigMap") == {"b", "c"})
    assert uid(lab, "ConfigMap", "b") == before["b"]


@pytest.mark.parametrize("flips", [1, 3])
def test_there_and_back_while_the_controller_works(lab, flips):
    lab.deliver(ONE)
    stays = uid(lab, "ConfigMap", "b")
    for _ in range(flips):
        lab.apply(OTHER)
        lab.apply(ONE)
    lab.running()
    lab.settle()
    assert lab.owned("ConfigMap") == {"a", "b"}
    assert uid(lab, "ConfigMap", "b") == stays
    assert lab.status()["latestRevision"]["name"] == "shop-v1"
    assert len(lab.trackers()) == 1


def test_there_and_back_with_every_text_delivered(lab):
    lab.deliver(ONE)
    stays = uid(lab, "ConfigMap", "b")
    lab.deliver(OTHER)
    lab.deliver(ONE)
    lab.eventually("removed", lambda: lab.owned("ConfigMap") == {"a", "b"})
    assert uid(lab, "ConfigMap", "b") == stays
    lab.eventually("one inventory", lambda: len(lab.trackers()) == 1)


def test_a_published_version_and_a_generation_may_have_the_same_name(lab):
    """`v2` as a version and as a generation: two inventories, though they are named alike."""
    lab.deliver(ONE)
    lab.deliver(app(settings("a"), settings("b")))
    version = {"app.oam.dev/publishVersion": "v2"}
    lab.deliver(app(settings("a"), settings("b", {"y": "1"}), annotations=version))
    lab.until("v2", lambda found: found["status"]["workflow"]["appRevision"] == "v2")
    lab.running()
    lab.settle()
    assert lab.owned("ConfigMap") == {"a", "b"}
    lab.deliver(app(settings("a"), annotations={"app.oam.dev/publishVersion": "v3"}))
    lab.until("v3", lambda found: found["status"]["workflow"]["appRevision"] == "v3")
    lab.eventually("removed", lambda: lab.owned("ConfigMap") == {"a"})


def test_two_applications_whose_inventories_would_be_called_the_same(lab):
    """`shop-v1-x-...` is version `v1-x` of shop, and version `x` of shop-v1."""
    place = f"x-{lab.namespace}"
    one = app(settings("a"), annotations={"app.oam.dev/publishVersion": "v1-x"})
    other = app(settings("b"), name="shop-v1", annotations={"app.oam.dev/publishVersion": "x"})
    lab.deliver(one)
    lab.deliver(other)
    lab.settle()
    assert lab.trackers("shop")[0]["metadata"]["name"] == f"shop-v1-{place}"
    assert [len(lab.trackers(name)) for name in ("shop", "shop-v1")] == [1, 1]
    lab.delete("Application", "shop")
    lab.gone()
    assert lab.owned("ConfigMap", "shop-v1") == {"b"}
    lab.delete("ConfigMap", "b")
    lab.eventually("restored", lambda: lab.find("ConfigMap", "b"))
