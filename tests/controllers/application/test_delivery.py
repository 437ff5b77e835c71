"""What stands in the cluster once an application is delivered (semantics B6, C1, C3, C6)."""

from __future__ import annotations

import pytest

from tests.controllers.laboratory import condition

SHOP = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata:
  name: shop
  labels: {team: x}
  annotations: {note: y}
spec:
  components:
    - name: web
      type: webservice
      properties:
        image: nginx
        ports: [{port: 80, expose: true}]
      traits:
        - {type: scaler, properties: {replicas: 2}}
        - {type: annotations, properties: {app.oam.dev/disable-health-check: "true"}}
    - name: settings
      type: k8s-objects
      properties:
        objects:
          - {apiVersion: v1, kind: ConfigMap, metadata: {name: first}, data: {a: "1"}}
          - {apiVersion: v1, kind: ConfigMap, metadata: {name: second}}
"""


@pytest.fixture
def shop(lab):
    return lab.deliver(SHOP)


@pytest.mark.parametrize(
    ("kind", "name", "own"),
    [
        pytest.param(
            "Deployment",
            "web",
            {
                "workload.oam.dev/type": "webservice",
                "app.oam.dev/component": "web",
                "app.oam.dev/resourceType": "WORKLOAD",
            },
            id="the main object",
        ),
        pytest.param(
            "Service",
            "web",
            {
                "trait.oam.dev/type": "AuxiliaryWorkload",
                "trait.oam.dev/resource": "webserviceExpose",
                "app.oam.dev/component": "web",
                "app.oam.dev/resourceType": "TRAIT",
            },
            id="an object beside it",
        ),
        pytest.param(
            "ConfigMap",
            "second",
            {
                "trait.oam.dev/type": "AuxiliaryWorkload",
                "trait.oam.dev/resource": "objects-1",
                "app.oam.dev/component": "settings",
                "app.oam.dev/resourceType": "TRAIT",
            },
            id="the second of several given objects",
        ),
    ],
)
def test_objects_say_whose_they_are(lab, shop, kind, name, own):
    labels = dict(lab.get(kind, name)["metadata"]["labels"])
    assert labels.pop("oam.dev/render-hash")
    assert (
        labels.pop("app.oam.dev/app-revision-hash")
        == shop["status"]["latestRevision"]["revisionHash"]
    )
    assert labels == own | {
        "app.oam.dev/name": "shop",
        "app.oam.dev/namespace": lab.namespace,
        "app.oam.dev/appRevision": "shop-v1",
        "app.oam.dev/cluster": "",
        "app.oam.dev/revision": "",
        "team": "x",
    }


def test_annotations_of_the_application_are_on_its_objects(lab, shop):
    annotations = lab.get("ConfigMap", "first")["metadata"]["annotations"]
    assert annotations.pop("oam.dev/kubevela-version")
    assert annotations == {"note": "y"}  # no last-applied text: it is a server-side apply


def test_the_tracker_lists_what_was_dispatched(lab, shop):
    [tracker] = lab.trackers()
    meta = tracker["metadata"]
    assert meta["name"] == f"shop-v1-{lab.namespace}"
    assert meta["finalizers"] == ["resourcetracker.core.oam.dev/finalizer"]
    assert meta["labels"] == {
        "app.oam.dev/name": "shop",
        "app.oam.dev/namespace": lab.namespace,
        "app.oam.dev/uid": shop["metadata"]["uid"],
        "app.oam.dev/appRevision": "shop-v1",
    }
    assert tracker["spec"]["type"] == "versioned"
    assert tracker["spec"]["applicationGeneration"] == 1
    entries = {(e["kind"], e["name"]): e for e in tracker["spec"]["managedResources"]}
    assert set(entries) == {
        ("Deployment", "web"),
        ("Service", "web"),
        ("ConfigMap", "first"),
        ("ConfigMap", "second"),
    }
    entry = dict(entries["ConfigMap", "second"])
    raw = entry.pop("raw")
    assert entry == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "second",
        "namespace": lab.namespace,
        "component": "settings",
        "trait": "AuxiliaryWorkload",
    }
    assert raw["metadata"]["labels"] == lab.get("ConfigMap", "second")["metadata"]["labels"]


def test_the_revision_holds_the_application_and_its_definitions(lab, shop):
    revision = lab.get("ApplicationRevision", "shop-v1")
    spec, meta = revision["spec"], revision["metadata"]
    assert spec["application"]["spec"] == shop["spec"]
    assert "status" not in spec["application"]
    assert set(spec["componentDefinitions"]) == {"webservice", "k8s-objects"}
    assert set(spec["traitDefinitions"]) == {"scaler", "annotations"}
    assert meta["labels"]["team"] == "x"
    assert meta["labels"]["app.oam.dev/name"] == "shop"
    [owner] = meta["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == (
        "Application",
        shop["metadata"]["uid"],
        True,
    )


def test_the_status_tells_it_all(lab, shop):
    status = shop["status"]
    assert shop["metadata"]["finalizers"] == ["app.oam.dev/resource-tracker-finalizer"]
    assert status["status"] == "running"
    assert status["observedGeneration"] == shop["metadata"]["generation"]
    assert [(c["type"], c["status"], c["reason"]) for c in status["conditions"]] == [
        (kind, "True", "Available")
        for kind in ("Parsed", "Revision", "Policy", "Render", "Workflow", "Ready")
    ]
    assert all(c["lastTransitionTime"] for c in status["conditions"])
    assert condition(shop, "Ready").get("message") is None
    assert status["latestRevision"]["name"] == "shop-v1"
    assert status["latestRevision"]["revision"] == 1


def test_the_status_lists_components_in_the_order_of_the_application(lab, shop):
    web, settings = shop["status"]["services"]
    assert web == {
        "name": "web",
        "namespace": lab.namespace,
        "healthy": True,
        "workloadHealthy": True,
        "message": "Ready:0/2",
        "workloadDefinition": {"apiVersion": "apps/v1", "kind": "Deployment"},
        "traits": [
            {"type": "scaler", "healthy": True},
            {"type": "annotations", "healthy": True},
        ],
    }
    assert settings == {
        "name": "settings",
        "namespace": lab.namespace,
        "healthy": True,
        "workloadHealthy": True,
        "workloadDefinition": {"apiVersion": "", "kind": ""},
    }


def test_the_status_lists_every_object(lab, shop):
    applied = shop["status"]["appliedResources"]
    assert all(each.pop("creator") == "workflow" for each in applied)
    assert sorted((each["kind"], each["name"], each["namespace"]) for each in applied) == [
        ("ConfigMap", "first", lab.namespace),
        ("ConfigMap", "second", lab.namespace),
        ("Deployment", "web", lab.namespace),
        ("Service", "web", lab.namespace),
    ]


def test_the_status_shows_the_generated_workflow(shop):
    workflow = shop["status"]["workflow"]
    assert workflow["appRevision"] == "shop-v1"
    assert workflow["mode"] == "DAG-DAG"
    assert workflow["status"] == "succeeded"
    assert (workflow["finished"], workflow["terminated"], workflow["suspend"]) == (
        True,
        False,
        False,
    )
    assert workflow["startTime"] <= workflow["endTime"]
    assert [(s["name"], s["type"], s["phase"]) for s in workflow["steps"]] == [
        ("web", "apply-component", "succeeded"),
        ("settings", "apply-component", "succeeded"),
    ]
