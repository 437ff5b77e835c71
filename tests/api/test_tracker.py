"""Inventories: which holds now, what is recorded in it, and how they are told apart."""

from __future__ import annotations

import pytest

from lateen.api import tracker
from lateen.api.application import Application
from lateen.api.tracker import Resource

PUBLISH = "app.oam.dev/publishVersion"


def app(generation=1, publish="", uid="u", name="shop"):
    annotations = {PUBLISH: publish} if publish else {}
    meta = {"name": name, "namespace": "ns", "uid": uid, "generation": generation}
    return Application({"metadata": meta | {"annotations": annotations}})


def made(generation=1, publish="", revision="shop-v1"):
    return tracker.fresh(app(generation, publish), revision)


def resource(name, component="web", **more):
    raw = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "ns"}}
    return Resource("v1", "ConfigMap", "ns", name, component=component, raw=raw, **more)


@pytest.mark.parametrize(
    ("application", "expected"),
    [
        pytest.param(app(3), "shop-v3-ns", id="by generation"),
        pytest.param(app(3, "blue"), "shop-blue-ns", id="by what is published"),
    ],
)
def test_its_name(application, expected):
    assert tracker.fresh(application, "shop-v1").name == expected


@pytest.mark.parametrize(
    ("application", "kept", "running", "expected"),
    [
        pytest.param(app(2), [made(1), made(2)], True, 2, id="that of this generation"),
        pytest.param(app(2), [made(1)], False, None, id="a new run has none yet"),
        pytest.param(
            app(3),
            [made(1)],
            True,
            1,
            id="there and back unseen: what the same revision delivered still holds",
        ),
        pytest.param(
            app(5), [made(1), made(3)], True, 3, id="of several of the revision the newest"
        ),
        pytest.param(
            app(3), [made(2, revision="shop-v2")], True, None, id="not that of another revision"
        ),
        pytest.param(app(9, "x"), [made(4, "x")], False, 4, id="a published version has one"),
        pytest.param(app(1, "x"), [made(1)], True, None, id="published is not unpublished"),
        pytest.param(app(1), [made(1, "x")], True, None, id="unpublished is not published"),
    ],
)
def test_which_one_holds(application, kept, running, expected):
    found = tracker.current(kept, application, "shop-v1", running=running)
    assert (found.generation if found else None) == expected


def test_it_belongs_to_one_very_application():
    assert made().belongs_to(app())
    assert not made().belongs_to(app(uid="another of the same name"))


def test_recording_keeps_the_order_and_replaces_in_place():
    first = tracker.recording(made(), [resource("a"), resource("b")])
    again = tracker.recording(first, [resource("c"), resource("a", component="other")])
    assert [(each.name, each.component) for each in again.resources] == [
        ("a", "other"),
        ("b", "web"),
        ("c", "web"),
    ]
    assert [each.name for each in first.resources] == ["a", "b"], "what was given is not changed"


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        pytest.param(
            Resource("apps/v1", "D", "ns", "a"),
            Resource("apps/v1beta1", "D", "ns", "a"),
            True,
            id="in another version",
        ),
        pytest.param(
            Resource("v1", "C", "ns", "a"),
            Resource("v1", "C", "ns", "a", cluster="local"),
            True,
            id="no cluster is the local one",
        ),
        pytest.param(
            Resource("v1", "C", "ns", "a", cluster="far"),
            Resource("v1", "C", "ns", "a"),
            False,
            id="in another cluster",
        ),
        pytest.param(
            Resource("v1", "C", "ns", "a", component="x"),
            Resource("v1", "C", "ns", "a", component="y"),
            True,
            id="of another component",
        ),
        pytest.param(
            Resource("apps/v1", "C", "ns", "a"),
            Resource("v1", "C", "ns", "a"),
            False,
            id="of another group",
        ),
    ],
)
def test_what_makes_two_entries_the_same_object(left, right, equal):
    assert (left.identity == right.identity) is equal


def test_an_entry_is_read_as_it_was_written():
    entry = resource("a", trait="scaler", cluster="local")
    assert Resource.of(entry.to_map()) == entry
    assert "trait" not in resource("a").to_map()


def test_an_object_is_recorded_with_the_cluster_of_its_label():
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a", "namespace": "ns", "labels": {"app.oam.dev/cluster": "local"}},
    }
    entry = Resource.tracking(manifest, "web", "")
    assert (entry.cluster, entry.key.kind, entry.raw) == ("local", "ConfigMap", manifest)


def test_trackers_whose_names_clash_are_told_apart():
    of_generation, published = made(2), made(3, "v2")
    assert of_generation.name == published.name
    assert not tracker.same(of_generation, published)
    assert tracker.renamed(published).name != of_generation.name
    assert tracker.renamed(published).name == tracker.renamed(published).name
    assert tracker.same(tracker.renamed(published), published)
    other = tracker.fresh(app(2, uid="other"), "shop-v1")
    assert not tracker.same(of_generation, other)
    assert tracker.renamed(other).name != tracker.renamed(of_generation).name
