"""Objects of all sorts: namespaces with what is in them, cluster-wide ones, new kinds, many."""

from __future__ import annotations

import pytest

from lateen import hub
from lateen.api import names
from lateen.api.manifest import Key
from tests.controllers.apps import app, configmap, objects, settings


def test_a_namespace_and_what_is_in_it(lab):
    name = f"{lab.namespace}-made"
    inside = {**configmap("inside", x="1"), "metadata": {"name": "inside", "namespace": name}}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    key = Key("", "ConfigMap", name, "inside", "v1")
    lab.deliver(app(objects("all", namespace, inside)))
    made = lab.get("Namespace", name)
    assert made["metadata"]["labels"]["app.oam.dev/component"] == "all"
    assert lab.plane.call(lab.plane.user.get, key)["data"] == {"x": "1"}

    lab.apply(app(settings("other")))
    lab.eventually("removed", lambda: not gone(lab, key))


def gone(lab, key):
    try:
        return lab.plane.call(lab.plane.user.get, key)
    except hub.ApiError as error:
        if error.not_found:
            return None
        raise


def test_a_cluster_wide_object(lab):
    name = f"{lab.namespace}-reader"
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
    }
    found = lab.deliver(app(objects("role", role)))
    [applied] = found["status"]["appliedResources"]
    assert applied == {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "name": name,
        "creator": "workflow",
    }
    lab.patch("ClusterRole", name, {"rules": []})
    lab.eventually("restored", lambda: lab.get("ClusterRole", name)["rules"])
    lab.delete("Application", "shop")
    lab.gone()
    assert lab.find("ClusterRole", name) is None


def definition(plural, kind):
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.test.lateen.dev"},
        "spec": {
            "group": "test.lateen.dev",
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "x-kubernetes-preserve-unknown-fields": True,
                        }
                    },
                }
            ],
        },
    }


@pytest.mark.parametrize("together", [True, False], ids=["in one component", "one after another"])
def test_a_new_kind_and_an_object_of_it(lab, together):
    kind = "Boat" + lab.namespace.removeprefix("test-")
    crd = definition(kind.lower() + "s", kind)
    boat = {
        "apiVersion": "test.lateen.dev/v1",
        "kind": kind,
        "metadata": {"name": "b"},
        "sail": "1",
    }
    if together:
        declared = app(objects("all", crd, boat))
    else:
        declared = app(objects("kind", crd), objects("boat", boat, dependsOn=["kind"]))
    # a kind takes all objects of it along when it goes
    declared["metadata"]["annotations"] = {names.DELETE_DATA: "true"}
    lab.deliver(declared)
    key = Key("test.lateen.dev", kind, lab.namespace, "b", "v1")
    # what the controller has found out, the user may not have been told yet
    lab.plane.call(lab.plane.user.resources.wait, key.group, key.version, key.kind, 60.0)
    assert lab.plane.call(lab.plane.user.get, key)["sail"] == "1"
    lab.delete("Application", "shop")
    lab.gone()
    assert lab.find("CustomResourceDefinition", crd["metadata"]["name"]) is None


def test_many_objects(lab):
    many = [configmap(f"c{i}", n=str(i)) for i in range(100)]
    found = lab.deliver(app(objects("many", *many), *[settings(f"s{i}") for i in range(5)]))
    assert len(lab.owned("ConfigMap")) == 105
    assert len(found["status"]["appliedResources"]) == 105
    lab.deliver(app(objects("many", *many[:3]), annotations={names.DELETION_LIMIT: "200"}))
    lab.eventually("removed", lambda: len(lab.owned("ConfigMap")) == 3)
    lab.delete("Application", "shop")
    lab.gone()
    assert lab.owned("ConfigMap") == set()


def test_an_object_in_two_versions_is_one(lab):
    """The version is not part of what an object is (semantics C6)."""

    def scaler(version, **spec):
        return {
            "apiVersion": f"autoscaling/{version}",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "h"},
            "spec": {
                "maxReplicas": 3,
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"},
                **spec,
            },
        }

    key = Key("autoscaling", "HorizontalPodAutoscaler", lab.namespace, "h", "v2")
    lab.deliver(app(objects("h", scaler("v1"))))
    before = lab.plane.call(lab.plane.user.get, key)["metadata"]["uid"]
    lab.deliver(app(objects("h", scaler("v2", maxReplicas=4))))
    lab.settle()
    after = lab.plane.call(lab.plane.user.get, key)
    assert after["metadata"]["uid"] == before
    assert after["spec"]["maxReplicas"] == 4


def test_an_object_that_two_components_bring(lab):
    """One of them has it; the two do not fight over it for ever (see `test_duplicates`)."""
    common = configmap("shared", x="1")
    lab.deliver(app(objects("a", configmap("a"), common), objects("b", configmap("b"), common)))
    lab.settle()
    assert lab.owned("ConfigMap") == {"a", "b", "shared"}
    lab.delete("ConfigMap", "shared")
    lab.eventually("restored", lambda: lab.find("ConfigMap", "shared"))
    lab.deliver(app(objects("b", configmap("b"), common)))
    lab.eventually("cleaned up", lambda: lab.owned("ConfigMap") == {"b", "shared"})
