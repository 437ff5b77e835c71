"""What is garbage: never what is wanted now."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lateen.api.tracker import Resource, Tracker
from lateen.gc import planning


def tracker(generation: int, *names: str, component: str = "web") -> Tracker:
    return Tracker(
        {
            "metadata": {"name": f"app-v{generation}-ns"},
            "spec": {
                "applicationGeneration": generation,
                "managedResources": [
                    Resource("v1", "ConfigMap", "ns", name, component=component).to_map()
                    for name in names
                ],
            },
        }
    )


@pytest.mark.parametrize(
    ("history", "current", "expected"),
    [
        pytest.param([("a", "b")], ("b",), {"a"}, id="what left the declaration goes"),
        pytest.param([("a",)], ("a",), set(), id="what is still declared stays"),
        pytest.param([("a",), ("b",)], ("a",), {"b"}, id="A to B and back to A: A lives"),
        pytest.param([("a", "b"), ("a",)], (), {"a", "b"}, id="listed twice, deleted once"),
        pytest.param([], ("a",), set(), id="a first delivery deletes nothing"),
    ],
)
def test_garbage_is_what_no_declaration_wants(history, current, expected):
    old = [tracker(i + 1, *names) for i, names in enumerate(history)]
    now = tracker(len(history) + 1, *current)
    plan = planning.plan([*old, now], now)
    assert {resource.name for resource in plan.doomed} == expected
    assert {t.name for t in plan.retired} == {t.name for t in old}


def test_deleting_the_application_dooms_everything_it_ever_listed():
    trackers = [tracker(1, "a"), tracker(2, "b")]
    plan = planning.plan(trackers, None)
    assert [resource.name for resource in plan.doomed] == ["b", "a"]
    assert len(plan.retired) == 2


def test_a_component_that_hands_an_object_to_another_does_not_lose_it():
    old, now = tracker(1, "a", component="web"), tracker(2, "a", component="api")
    assert planning.plan([old, now], now).doomed == ()


def test_a_new_version_of_a_kind_is_the_same_object():
    old = Tracker(
        {
            "metadata": {"name": "old"},
            "spec": {"managedResources": [Resource("autoscaling/v1", "HPA", "ns", "x").to_map()]},
        }
    )
    now = Tracker(
        {
            "metadata": {"name": "now"},
            "spec": {"managedResources": [Resource("autoscaling/v2", "HPA", "ns", "x").to_map()]},
        }
    )
    assert planning.plan([old, now], now).doomed == ()


names_sets = st.lists(st.sampled_from("abcdef"), unique=True)


@given(st.lists(names_sets, max_size=5), names_sets)
def test_nothing_wanted_is_ever_doomed(history, current):
    now = tracker(99, *current)
    plan = planning.plan([*(tracker(i, *n) for i, n in enumerate(history)), now], now)
    doomed = [resource.name for resource in plan.doomed]
    assert not set(doomed) & set(current)
    assert set(doomed) | set(current) == {n for names in history for n in names} | set(current)
    assert len(doomed) == len(set(doomed))
