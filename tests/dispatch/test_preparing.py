"""What every manifest goes through before it is sent."""

from lateen.dispatch import preparing

CONFIG = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "n", "namespace": "ns", "labels": {"a": None, "b": "1"}},
    "data": {"x": "1", "gone": None},
    "status": {"made": "up"},
}


def test_nulls_and_status_are_left_out():
    sent = preparing.prepare(CONFIG, namespaced=True)
    assert sent["data"] == {"x": "1"}
    assert "status" not in sent
    assert "a" not in sent["metadata"]["labels"]


def test_a_cluster_scoped_object_has_no_namespace():
    assert "namespace" not in preparing.prepare(CONFIG, namespaced=False)["metadata"]
    assert preparing.prepare(CONFIG, namespaced=True)["metadata"]["namespace"] == "ns"


def test_the_hash_tells_contents_apart():
    first = preparing.prepare(CONFIG, namespaced=True)
    again = preparing.prepare(CONFIG, namespaced=True)
    other = preparing.prepare({**CONFIG, "data": {"x": "2"}}, namespaced=True)
    assert preparing.render_hash(first) == preparing.render_hash(again) != ""
    assert preparing.render_hash(other) != preparing.render_hash(first)


def test_objects_wait_for_the_namespace_and_the_kind_they_need():
    namespace = {"kind": "Namespace", "metadata": {"name": "ns"}}
    crd = {
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.x.dev"},
        "spec": {"group": "x.dev", "names": {"kind": "Widget"}},
    }
    widget = {"apiVersion": "x.dev/v1", "kind": "Widget", "metadata": {"name": "w"}}
    assert preparing.makes_room_for(CONFIG, [namespace])
    assert preparing.makes_room_for(widget, [crd])
    assert not preparing.makes_room_for(widget, [namespace])
    assert preparing.precedes(namespace)
    assert not preparing.precedes(widget)
