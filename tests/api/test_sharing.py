"""Who shares an object, as its annotation says (semantics F7)."""

from __future__ import annotations

from lateen.api import sharing

ONE, TWO, THREE = ("ns", "one"), ("ns", "two"), ("other", "three")


def live(by="", owner=ONE):
    labels = {"app.oam.dev/namespace": owner[0], "app.oam.dev/name": owner[1]}
    annotations = {"app.oam.dev/shared-by": by} if by else {}
    meta = {"name": "n", "resourceVersion": "7", "labels": labels, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}


def test_nobody_shares_what_is_not_marked():
    assert sharing.sharers(live()) == []


def test_the_list_is_in_the_order_of_joining():
    assert sharing.sharers(live("ns/one,ns/two")) == [ONE, TWO]


def test_its_owner_keeps_the_list_when_it_writes():
    desired = {"metadata": {"name": "n", "annotations": {"a": "b"}}}
    stamped = sharing.stamped(desired, live("ns/one,ns/two"), ONE)
    assert stamped["metadata"]["annotations"] == {
        "a": "b",
        "app.oam.dev/shared-by": "ns/one,ns/two",
    }
    assert desired["metadata"]["annotations"] == {"a": "b"}, "the manifest itself is not changed"


def test_joining_adds_to_the_list_and_to_nothing_else():
    assert sharing.joining(live("ns/one"), TWO) == {
        "metadata": {
            "resourceVersion": "7",
            "annotations": {"app.oam.dev/shared-by": "ns/one,ns/two"},
        }
    }


def test_a_sharer_that_leaves_changes_the_list_only():
    assert sharing.leaving(live("ns/one,ns/two"), TWO)["metadata"] == {
        "resourceVersion": "7",
        "annotations": {"app.oam.dev/shared-by": "ns/one"},
    }


def test_an_owner_that_leaves_hands_on_what_it_owned():
    meta = sharing.leaving(live("ns/one,other/three,ns/two"), ONE)["metadata"]
    assert meta["annotations"] == {"app.oam.dev/shared-by": "other/three,ns/two"}
    assert meta["labels"] == {"app.oam.dev/namespace": "other", "app.oam.dev/name": "three"}
