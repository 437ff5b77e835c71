"""A live object as it could be created again: without what it was given, with what was declared."""

import pytest

from lateen.gc import recycling

_BOUND = {
    "pv.kubernetes.io/bind-completed": "yes",
    "pv.kubernetes.io/bound-by-controller": "yes",
}


def live(kind, api_version="v1", annotations=None, **spec):
    meta = {"name": "a", "uid": "1", "resourceVersion": "7", "annotations": annotations or {}}
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, "spec": spec}


@pytest.mark.parametrize(
    ("found", "spec"),
    [
        pytest.param(
            live("Service", clusterIP="10.0.0.1", clusterIPs=["10.0.0.1"], type="ClusterIP"),
            {"type": "ClusterIP"},
            id="another Service has another address",
        ),
        pytest.param(
            live("Service", clusterIP="None", clusterIPs=["None"]),
            {"clusterIP": "None", "clusterIPs": ["None"]},
            id="a headless one has none",
        ),
        pytest.param(
            live("PersistentVolumeClaim", annotations=_BOUND, volumeName="v"),
            {},
            id="another claim has another volume",
        ),
        pytest.param(
            live("PersistentVolumeClaim", volumeName="v"),
            {"volumeName": "v"},
            id="a claim that is not bound yet says which it wants",
        ),
        pytest.param(
            live("Job", "batch/v1", selector={"a": "b"}, manualSelector=True),
            {
                "selector": {"a": "b"},
                "manualSelector": True,
                "template": {"metadata": {"labels": {}}},
            },
            id="a selector that somebody wrote",
        ),
        pytest.param(live("Gadget", "a.dev/v1", selector="x"), {"selector": "x"}, id="others"),
    ],
)
def test_fields_that_were_given_go_and_those_that_were_declared_stay(found, spec):
    assert recycling.lean(found)["spec"] == spec


def test_a_claim_that_is_made_again_was_never_bound():
    found = live("PersistentVolumeClaim", annotations={**_BOUND, "mine": "1"}, volumeName="v")
    assert recycling.lean(found)["metadata"]["annotations"] == {"mine": "1"}


def test_a_spec_may_be_anything():
    assert recycling.lean({**live("Gadget", "a.dev/v1"), "spec": ["x"]})["spec"] == ["x"]
