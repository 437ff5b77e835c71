"""The health of what was rendered, were it in a cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from lateen import testing

HERE = Path(__file__).parent / "definitions"


@pytest.fixture(scope="module")
def cache():
    return testing.load(HERE / "cache.cue").render({"version": "9", "replicas": 2})


@pytest.mark.parametrize(
    ("live", "healthy", "message"),
    [
        pytest.param({}, False, "0 of 2", id="just made"),
        pytest.param({"status": {"readyReplicas": 1}}, False, "1 of 2", id="half of it"),
        pytest.param({"status": {"readyReplicas": 2}}, True, "2 of 2", id="all of it"),
        pytest.param(
            {"status": {"readyReplicas": 2}, "missing": ["ConfigMap"]},
            False,
            "2 of 2",
            id="an object has gone",
        ),
    ],
)
def test_health_of_a_component(cache, live, healthy, message):
    found = cache.assess(**live)
    assert (found.healthy, found.message) == (healthy, message)


def test_a_live_object_is_given_by_what_differs(cache):
    live = {"kind": "Deployment", "status": {"readyReplicas": 2}}
    assert cache.assess(live).healthy


def test_a_trait_has_a_health_of_its_own(cache):
    note = testing.load(HERE / "notes.yaml", "note")
    both = note.render({"text": "x"}, on=cache, live={"status": {"readyReplicas": 2}})
    found = both.assess(status={"readyReplicas": 2}, missing=["ConfigMap/note"])
    assert found.workload_healthy
    assert [(trait.type, trait.healthy) for trait in found.traits] == [("note", False)]


@pytest.mark.parametrize("which", ["Service", "Deployment/other"])
def test_what_was_not_rendered_cannot_be_missing(cache, which):
    with pytest.raises(AssertionError, match=f"no object is {which}; rendered is Deployment/web"):
        cache.assess(missing=[which])
