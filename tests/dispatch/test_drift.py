"""Whether a live object still says what was applied."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lateen.dispatch import drift

APPLIED = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "labels": {"app": "web"}},
    "spec": {
        "replicas": 2,
        "template": {"spec": {"containers": [{"name": "web", "cpu": "0.1"}]}},
    },
}


def live(**changes):
    spec = {
        "replicas": 2,
        "strategy": {"type": "RollingUpdate"},
        "template": {
            "spec": {
                "containers": [{"name": "web", "cpu": "100m", "imagePullPolicy": "Always"}],
                "restartPolicy": "Always",
            }
        },
    }
    spec.update(changes)
    return {**APPLIED, "spec": spec, "status": {"replicas": 2}}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(live(), False, id="defaults and status are not drift; 0.1 is 100m"),
        pytest.param(live(replicas=3), True, id="a changed scalar"),
        pytest.param(live(template=None), True, id="a missing field"),
        pytest.param(live(template={"spec": {"containers": []}}), True, id="an emptied list"),
        pytest.param(
            {**live(), "metadata": {"name": "web", "labels": {"app": "x"}}},
            True,
            id="a changed label",
        ),
        pytest.param(
            {**live(), "metadata": {"name": "web", "labels": {"app": "web", "more": "x"}}},
            False,
            id="a label of someone else's",
        ),
    ],
)
def test_drift(found, expected):
    assert drift.differs(APPLIED, found) is expected


json = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.text(min_size=1, max_size=5), json))
def test_an_object_never_drifts_from_itself(manifest):
    assert not drift.differs(manifest, manifest)


def test_replicas_of_a_scaled_object_are_left_to_who_scales_it():
    scaled = {
        "metadata": {
            "managedFields": [
                {"subresource": "scale", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
            ]
        }
    }
    desired = {"spec": {"replicas": 2, "paused": False}}
    assert drift.without_scaled_replicas(desired, scaled) == {"spec": {"paused": False}}
    assert drift.without_scaled_replicas(desired, {"metadata": {}}) == desired
