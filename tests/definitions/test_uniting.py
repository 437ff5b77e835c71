"""Several templates give one object: what they say of it is put together, or refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lateen.api import names
from lateen.base.problem import Problem
from lateen.definitions import uniting


def service(labels: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    meta = {"name": "web", "namespace": "ns", "labels": labels or {}}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}


def port(number: int, **more: Any) -> dict[str, Any]:
    return {"name": f"port-{number}", "port": number, **more}


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param({"a": 1}, {"b": 2}, {"a": 1, "b": 2}, id="maps are merged"),
        pytest.param({"a": {"x": 1}}, {"a": {"y": 2}}, {"a": {"x": 1, "y": 2}}, id="at any depth"),
        pytest.param({"cpu": "1"}, {"cpu": "1000m"}, {"cpu": "1"}, id="one quantity"),
        pytest.param({"args": ["a"]}, {"args": ["a"]}, {"args": ["a"]}, id="equal lists"),
        pytest.param(
            {"ports": [port(80)]},
            {"ports": [port(90)]},
            {"ports": [port(80), port(90)]},
            id="named items are added",
        ),
        pytest.param(
            {"ports": [port(80)]},
            {"ports": [port(80, targetPort=8080)]},
            {"ports": [port(80, targetPort=8080)]},
            id="items of one name are one",
        ),
    ],
)
def test_what_agrees_is_put_together(first, second, expected):
    assert uniting.unite(service(**first), service(**second))["spec"] == expected


@pytest.mark.parametrize(
    ("first", "second", "path"),
    [
        pytest.param({"type": "A"}, {"type": "B"}, "spec.type", id="a value"),
        pytest.param({"args": ["a"]}, {"args": ["b"]}, "spec.args", id="a list without names"),
        pytest.param({"a": {}}, {"a": "x"}, "spec.a", id="a map and a value"),
        pytest.param(
            {"ports": [port(90), port(80, targetPort=1)]},
            {"ports": [port(80, targetPort=2)]},
            "spec.ports[1].targetPort",
            id="an item of that name",
        ),
        pytest.param(
            {"ports": [{"name": "a"}, {"name": "a"}]},
            {"ports": [{"name": "a"}]},
            "spec.ports",
            id="a name that is there twice",
        ),
    ],
)
def test_what_contradicts_is_refused(first, second, path):
    with pytest.raises(Problem) as refused:
        uniting.unite(service(**first), service(**second))
    assert (refused.value.code, refused.value.path) == ("template.duplicate", path)


def test_the_first_says_where_it_comes_from():
    one = service({names.TRAIT_TYPE: "a", "team": "x"})
    other = service({names.TRAIT_TYPE: "b", names.COMPONENT_REVISION: "", "tier": "y"})
    labels = uniting.unite(one, other)["metadata"]["labels"]
    assert labels == {names.TRAIT_TYPE: "a", "team": "x", "tier": "y"}
    assert uniting.same(service({names.APP_COMPONENT: "a"}), service({names.APP_COMPONENT: "b"}))
    assert not uniting.same(service({"team": "a"}), service({"team": "b"}))


values = st.recursive(
    st.integers(0, 2) | st.sampled_from(["a", "b"]),
    lambda inner: st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=6,
)
specs = st.dictionaries(st.sampled_from("xyz"), values, max_size=3)


@given(specs, specs)
def test_whoever_comes_first_the_whole_is_the_same(first, second):
    def united(one, other):
        try:
            return uniting.unite(service(**one), service(**other))
        except Problem:
            return None

    assert united(first, first) == service(**first)
    assert united(first, second) == united(second, first)
