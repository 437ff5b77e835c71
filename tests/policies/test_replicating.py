"""Copies of components, one for each key (semantics F4)."""

from __future__ import annotations

import pytest

from lateen.api.application import Component, Policy
from lateen.base.problem import Problem
from lateen.policies import replicating

COMPONENTS = [Component.of({"name": name, "type": "t"}) for name in ("a", "b", "c")]


def policy(**properties):
    return replicating.decode(Policy("copies", "replication", properties, "spec.policies[0]"))


def slots(components):
    return [(each.name, each.replica_key) for each in components]


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        pytest.param([], [("a", ""), ("b", ""), ("c", "")], id="no policy"),
        pytest.param(
            [policy(keys=["x", "y"], selector=["b"])],
            [("a", ""), ("c", ""), ("b", "x"), ("b", "y")],
            id="copies come last",
        ),
        pytest.param(
            [policy(keys=["x", "y"], selector=["c", "a"])],
            [("b", ""), ("a", "x"), ("a", "y"), ("c", "x"), ("c", "y")],
            id="in the order of the application",
        ),
        pytest.param([policy(keys=[], selector=["b"])], [("a", ""), ("c", "")], id="no keys"),
    ],
)
def test_copies(policies, expected):
    assert slots(replicating.apply(COMPONENTS, policies)) == expected


def test_a_policy_that_selects_nothing_is_an_error():
    with pytest.raises(Problem) as caught:
        replicating.apply(COMPONENTS, [policy(keys=["x"], selector=["aa"])])
    assert caught.value.code == "policy.selects-nothing"
    assert caught.value.path == "spec.policies[0].properties.selector"
    assert caught.value.hint == 'did you mean "a"?'
