"""Names, namespaces, labels and annotations of rendered objects (semantics B6)."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lateen.api import names
from lateen.definitions import contexts, stamping


@dataclass(frozen=True)
class Place:
    cluster: str = ""
    namespace: str = ""


APP = contexts.AppFacts(
    name="shop",
    namespace="store",
    revision="shop-v2",
    revision_hash="cafe",
    labels={"team": "red"},
    annotations={names.CONTROLLER_VERSION: "v1", "note": "hi"},
)
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "spec": {"replicas": 1},
}


def workload(manifest: dict[str, Any], app: contexts.AppFacts = APP, place: Place = Place()):
    return stamping.workload(manifest, app, "web", "webservice@v3", place)


def auxiliary(manifest: dict[str, Any], app: contexts.AppFacts = APP, **kwargs: Any):
    return stamping.auxiliary(manifest, app, "web", "Gateway", "ingress", Place(), **kwargs)


def test_a_main_object_ends_up_with_these():
    assert workload(DEPLOYMENT)["metadata"] == {
        "name": "web",
        "namespace": "store",
        "labels": {
            "app.oam.dev/name": "shop",
            "app.oam.dev/namespace": "store",
            "app.oam.dev/component": "web",
            "app.oam.dev/appRevision": "shop-v2",
            "app.oam.dev/app-revision-hash": "cafe",
            "app.oam.dev/revision": "",
            "app.oam.dev/cluster": "",
            "app.oam.dev/resourceType": "WORKLOAD",
            "workload.oam.dev/type": "webservice-v3",
            "team": "red",
        },
        "annotations": {"oam.dev/kubevela-version": "v1", "note": "hi"},
    }


def test_an_auxiliary_says_which_trait_and_output_it_is():
    labels = auxiliary(DEPLOYMENT)["metadata"]["labels"]
    assert labels["trait.oam.dev/type"] == "Gateway"
    assert labels["trait.oam.dev/resource"] == "ingress"
    assert labels["app.oam.dev/resourceType"] == "TRAIT"
    assert "workload.oam.dev/type" not in labels
    assert "trait.oam.dev/manage-workload" not in labels
    managing = auxiliary(DEPLOYMENT, manages_workload=True)["metadata"]["labels"]
    assert managing["trait.oam.dev/manage-workload"] == "true"


@pytest.mark.parametrize(
    ("written", "placed", "expected"),
    [
        pytest.param(None, "", "store", id="the application's"),
        pytest.param("own", "", "own", id="the template's own"),
        pytest.param("own", "east", "east", id="a placement overrides every object's"),
        pytest.param(None, "east", "east", id="a placement's"),
    ],
)
def test_namespace(written: str | None, placed: str, expected: str):
    meta = {"metadata": {"namespace": written}} if written else {}
    stamped = workload(DEPLOYMENT | meta, place=Place("local", placed))
    assert stamped["metadata"]["namespace"] == expected
    assert stamped["metadata"]["labels"]["app.oam.dev/cluster"] == "local"


def test_a_namespace_object_gets_no_namespace_but_all_labels():
    stamped = workload({"apiVersion": "v1", "kind": "Namespace"}, place=Place("local", "east"))
    assert "namespace" not in stamped["metadata"]
    assert stamped["metadata"]["labels"]["app.oam.dev/namespace"] == "store"


def test_a_given_cluster_label_stays():
    stamped = workload(DEPLOYMENT | {"metadata": {"labels": {names.APP_CLUSTER: "far"}}})
    assert stamped["metadata"]["labels"][names.APP_CLUSTER] == "far"


def test_application_labels_and_annotations_can_be_held_back():
    app = replace(
        APP,
        labels={"team": "red", "secret": "x", names.APP_NAME: "other"},
        annotations={
            "note": "hi",
            "secret": "y",
            names.FILTER_LABELS: "secret, other",
            names.FILTER_ANNOTATIONS: "secret",
            names.INPLACE_UPGRADE: "z",
            names.KUBECTL_LAST_APPLIED: "{}",
        },
    )
    meta = workload(DEPLOYMENT, app)["metadata"]
    assert "secret" not in meta["labels"]
    assert meta["labels"]["team"] == "red"
    assert meta["labels"][names.APP_NAME] == "shop", "what we own is not the author's to set"
    assert meta["annotations"] == {"note": "hi"}


def test_an_unnamed_auxiliary_is_named_by_its_content_not_by_the_revision():
    first = auxiliary(DEPLOYMENT)["metadata"]["name"]
    assert first.startswith("web-gateway-")
    assert first == auxiliary(DEPLOYMENT, replace(APP, revision="shop-v9"))["metadata"]["name"]
    assert first != auxiliary(DEPLOYMENT | {"spec": {}})["metadata"]["name"]
    named = auxiliary(DEPLOYMENT | {"metadata": {"name": "mine"}})
    assert named["metadata"]["name"] == "mine"
    generated = auxiliary(DEPLOYMENT | {"metadata": {"generateName": "job-"}})
    assert "name" not in generated["metadata"], "the server names it"


keys = st.sampled_from(["a", "b/c", names.APP_NAME, names.WORKLOAD_TYPE, "team"])
texts = st.dictionaries(keys, st.text("xyz", max_size=3), max_size=4)


@given(labels=st.none() | texts, annotations=st.none() | texts, app_labels=texts)
def test_nothing_a_template_wrote_is_lost_but_what_is_documented(
    labels: dict[str, str] | None, annotations: dict[str, str] | None, app_labels: dict[str, str]
):
    written = DEPLOYMENT | {"metadata": {"labels": labels, "annotations": annotations, "x": [1]}}
    before = copy.deepcopy(written)
    stamped = workload(written, replace(APP, labels=app_labels))
    assert written == before, "the template's value is shared and must not change"
    assert {key: value for key, value in stamped.items() if key != "metadata"} == DEPLOYMENT
    assert stamped["metadata"]["x"] == [1]
    ours = {names.APP_NAME, names.WORKLOAD_TYPE} | set(app_labels)
    for key, value in (labels or {}).items():
        if key not in ours:
            assert stamped["metadata"]["labels"][key] == value
    for key, value in (annotations or {}).items():
        assert stamped["metadata"]["annotations"][key] == APP.annotations.get(key, value)
