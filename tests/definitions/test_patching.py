"""Strategic unification of a trait's patch into an object (semantics B4)."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lateen.base.problem import Problem, Problems, every
from lateen.definitions import patching

KEYED = {"env": {"patchKey": "name"}}
RETAINED = {"env": {"patchKey": "name", "patchStrategy": "retainKeys"}}
REPLACED = {"env": {"patchStrategy": "replace"}}


def conflicts(base: Any, patch: Any, **rest: Any) -> dict[str, str]:
    with pytest.raises((Problem, Problems)) as caught:
        patching.merge(base, patch, **rest)
    assert isinstance(caught.value, Problem | Problems)
    assert {p.code for p in every(caught.value)} == {"patch.conflict"}
    return {p.path: p.message for p in every(caught.value)}


def env(**values: Any) -> list[dict[str, Any]]:
    return [{"name": name, "value": value} for name, value in values.items()]


@pytest.mark.parametrize(
    ("base", "patch", "marks", "expected"),
    [
        pytest.param({"a": 1}, {"b": 2}, {}, {"a": 1, "b": 2}, id="a new field is added"),
        pytest.param({"a": {"x": 1}}, {"a": {"y": 2}}, {}, {"a": {"x": 1, "y": 2}}, id="maps"),
        pytest.param({"a": 1}, {"a": 1}, {}, {"a": 1}, id="equal scalars agree"),
        pytest.param({"a": None}, {"a": None}, {}, {"a": None}, id="null agrees with null"),
        pytest.param(
            {"a": 1}, {"a": 2}, {"a": {"patchStrategy": "retainKeys"}}, {"a": 2}, id="retainKeys"
        ),
        pytest.param(
            {"a": {"x": 1}},
            {"a": {"y": 2}},
            {"a": {"patchStrategy": "retainKeys"}},
            {"a": {"y": 2}},
            id="retainKeys replaces a map whole",
        ),
        pytest.param(
            {}, {"a": 2}, {"a": {"patchStrategy": "retainKeys"}}, {"a": 2}, id="nothing to retain"
        ),
        pytest.param({"env": [1]}, {"env": [1, 2]}, {}, {"env": [1, 2]}, id="longer list by index"),
        pytest.param(
            {"env": [{"a": 1}]}, {"env": [{"b": 2}]}, {}, {"env": [{"a": 1, "b": 2}]}, id="by index"
        ),
        pytest.param(
            {"env": [{"a": 1}, {"c": 3}]},
            {"env": [{"b": 2}]},
            {"env": {"patchStrategy": "open"}},
            {"env": [{"a": 1, "b": 2}, {"c": 3}]},
            id="an open list may be shorter",
        ),
        pytest.param(
            {"env": [{"a": 1}, {"c": 3}]},
            {"env": []},
            {"env": {"open": '{"x":{"y":1}}'}},
            {"env": [{"a": 1, "x": {"y": 1}}, {"c": 3, "x": {"y": 1}}]},
            id="what an open list says of its items holds for all",
        ),
        pytest.param(
            {"env": [{"a": 1}, {"c": 3}]},
            {"env": [{"b": 2}]},
            {"env": {"open": '{"x":1}'}},
            {"env": [{"a": 1, "b": 2}, {"c": 3, "x": 1}]},
            id="but not for those it names",
        ),
        pytest.param(
            {"env": env(A=1, B=2)},
            {"env": env(B=2)},
            {"env": {"patchKey": "name", "open": '{"x":1}'}},
            {"env": env(A=1, B=2)},
            id="and for none where items are matched by key",
        ),
        pytest.param(
            {"env": env(A=1, B=2)},
            {"env": []},
            {"env": {"patchKey": "name", "open": '{"x":1}'}},
            {"env": [{"name": "A", "value": 1, "x": 1}, {"name": "B", "value": 2, "x": 1}]},
            id="unless there is nothing to match by",
        ),
        pytest.param(
            {"env": env(A=1, B=2)},
            {"env": env(B=9, C=3)},
            RETAINED,
            {"env": env(A=1, B=9, C=3)},
            id="keyed with retainKeys",
        ),
        pytest.param(
            {"env": env(A=1, B=2)},
            {"env": env(B=9, C=3)},
            REPLACED,
            {"env": env(B=9, C=3)},
            id="replace",
        ),
        pytest.param(
            {"env": env(A=1, B=2)},
            {"env": env(B=9)},
            {"env": {"patchKey": "name", "patchStrategy": "replace"}},
            {"env": env(B=9)},
            id="replace beats patchKey",
        ),
        pytest.param(
            {"env": env(A=1, B=2)}, {"env": env(B=2)}, KEYED, {"env": env(A=1, B=2)}, id="keyed"
        ),
        pytest.param({"env": env(A=1)}, {"env": []}, KEYED, {"env": env(A=1)}, id="empty patch"),
        pytest.param({"env": []}, {"env": env(A=1)}, KEYED, {"env": env(A=1)}, id="empty base"),
        pytest.param({}, {"env": env(A=1)}, KEYED, {"env": env(A=1)}, id="missing base"),
        pytest.param(
            {"env": [{"v": 0}, {"name": "A"}]},
            {"env": [{"name": "A", "x": 1}, {"name": "C"}]},
            KEYED,
            {"env": [{"v": 0}, {"name": "A", "x": 1}, {"name": "C"}]},
            id="an item without the key keeps its position",
        ),
        pytest.param(
            {"env": [{"name": "A"}]},
            {"env": [{"v": 1}, {"name": "A", "x": 1}]},
            KEYED,
            {"env": [{"name": "A", "x": 1}]},
            id="a patch item without the key is dropped",
        ),
        pytest.param(
            {"env": [{"name": "A"}]},
            {"env": [{"name": "A", "x": 1}, {"name": "A", "x": 2}]},
            KEYED,
            {"env": [{"name": "A", "x": 2}]},
            id="the later of two patch items wins",
        ),
        pytest.param(
            {"env": [{"name": "A"}]},
            {"env": env(B=1, C=2) + env(B=3)},
            KEYED,
            {"env": [{"name": "A"}, *env(C=2, B=3)]},
            id="and its place counts",
        ),
        pytest.param(
            {"env": [{"name": "A"}, {"name": "A"}]},
            {"env": [{"name": "A", "x": 1}]},
            KEYED,
            {"env": [{"name": "A", "x": 1}, {"name": "A"}]},
            id="a patch item is used once",
        ),
        pytest.param(
            {"env": [{"name": 1}]},
            {"env": [{"name": "1"}, {"name": True}]},
            KEYED,
            {"env": [{"name": 1}, {"name": "1"}, {"name": True}]},
            id="keys are JSON values",
        ),
        pytest.param(
            {"c": [{"name": "a", "env": env(A=1, B=2)}]},
            {"c": [{"name": "a", "env": env(B=2, C=3)}]},
            {"c": {"patchKey": "name"}},
            {"c": [{"name": "a", "env": env(A=1, B=2, C=3)}]},
            id="the key is inherited",
        ),
        pytest.param(
            {"s": {"c": env(A=1, B=2)}},
            {"s": {"c": env(B=2)}},
            {"s": {"patchKey": "name"}},
            {"s": {"c": env(A=1, B=2)}},
            id="also from a struct",
        ),
        pytest.param(
            {"c": [{"name": "x"}, {"name": "a", "env": env(A=1)}]},
            {"c": [{"name": "a", "env": env(A=9)}]},
            {"c": {"patchKey": "name"}, "c[0].env": {"patchStrategy": "replace"}},
            {"c": [{"name": "x"}, {"name": "a", "env": env(A=9)}]},
            id="marks below a keyed list are found by the patch's own index",
        ),
        pytest.param(
            {"f": [{"ref": {"name": "s1"}}, {"ref": {"name": "s2"}}]},
            {"f": [{"ref": {"name": "s2"}, "x": 1}]},
            {"f": {"patchKey": "ref.name"}},
            {"f": [{"ref": {"name": "s1"}}, {"ref": {"name": "s2"}, "x": 1}]},
            id="a dotted key",
        ),
        pytest.param(
            {"f": [{"s": {"name": "1"}}, {"c": {"name": "1"}}]},
            {"f": [{"c": {"name": "1"}, "x": 1}, {"s": {"name": "2"}}]},
            {"f": {"patchKey": "s.name,c.name"}},
            {"f": [{"s": {"name": "1"}}, {"c": {"name": "1"}, "x": 1}, {"s": {"name": "2"}}]},
            id="several keys: the first an item has",
        ),
        pytest.param(
            {"f": [{"s": {"name": "1"}}]},
            {"f": [{"s": {"name": "2"}}]},
            {"f": {"patchKey": "s.name,c.name"}},
            {"f": [{"s": {"name": "1"}}, {"s": {"name": "2"}}]},
            id="several keys: one of them is enough",
        ),
        pytest.param(
            {"a": [{"x": 1}]},
            {"a": [{"x": 1, "y": 2}]},
            {"": {"patchKey": "x"}},
            {"a": [{"x": 1, "y": 2}]},
            id="a key on the patch itself is not inherited",
        ),
    ],
)
def test_merge(base: Any, patch: Any, marks: Any, expected: Any):
    before = copy.deepcopy((base, patch))
    assert patching.merge(base, patch, marks) == expected
    assert (base, patch) == before


@pytest.mark.parametrize(
    ("base", "patch", "marks", "expected"),
    [
        pytest.param({"a": 1}, {"a": 2}, {}, {"a": "conflicting values 1 and 2"}, id="scalars"),
        pytest.param({"a": 1}, {"a": True}, {}, {"a": "conflicting values 1 and true"}, id="types"),
        pytest.param({"a": "x"}, {"a": None}, {}, {"a": 'conflicting values "x" and null'}, id="0"),
        pytest.param(
            {"a": {"b": 1}}, {"a": [1]}, {}, {"a": 'conflicting values {"b": 1} and [1]'}, id="map"
        ),
        pytest.param(
            {"a": 1, "b": {"c": 1}, "d": 1},
            {"a": 2, "b": {"c": 2}, "d": 1},
            {},
            {"a": "conflicting values 1 and 2", "b.c": "conflicting values 1 and 2"},
            id="all at once",
        ),
        pytest.param(
            {"env": env(A=1, B=2)},
            {"env": env(C=3, B=9)},
            KEYED,
            {"env[1].value": "conflicting values 2 and 9"},
            id="in a matched item, at its place in the object",
        ),
        pytest.param(
            {"env": [1, 2]},
            {"env": [1]},
            {},
            {"env": "incompatible list lengths (1 and 2)"},
            id="a shorter list",
        ),
        pytest.param(
            {"env": [1, 2]},
            {"env": [1]},
            {"env": {"patchStrategy": "retainKeys"}},
            {"env": "incompatible list lengths (1 and 2)"},
            id="retainKeys does nothing on a list without a key",
        ),
        pytest.param(
            {"env": {"a": 1}},
            {"env": {"a": 2}},
            REPLACED,
            {"env.a": "conflicting values 1 and 2"},
            id="replace does nothing on what is no list",
        ),
        pytest.param(
            {"env": env(A=1)},
            {"env": [{"value": 2}]},
            KEYED,
            {"env[0].value": "conflicting values 1 and 2"},
            id="no patch item has the key: by index",
        ),
    ],
)
def test_conflicts(base: Any, patch: Any, marks: Any, expected: dict[str, str]):
    assert conflicts(base, patch, marks=marks) == expected


@pytest.mark.parametrize(
    ("base", "patch", "soft", "expected"),
    [
        pytest.param({"a": 1}, {"a": 2}, (["a"], []), {"a": 2}, id="a default yields"),
        pytest.param({"a": 1}, {"a": 2}, ([], ["a"]), {"a": 1}, id="to the object, too"),
        pytest.param({"a": 1}, {"a": 1}, (["a"], ["a"]), {"a": 1}, id="equal defaults agree"),
        pytest.param({"a": [1, 2]}, {"a": []}, ([], ["a"]), {"a": [1, 2]}, id="a default list"),
        pytest.param({"a": {}}, {"a": {"x": 1}}, (["a"], []), {"a": {"x": 1}}, id="a default map"),
        pytest.param({"a": {"b.c": 1}}, {"a": {"b.c": 2}}, (['a["b.c"]'], []), {"a": {"b.c": 2}}),
    ],
)
def test_defaults(base: Any, patch: Any, soft: tuple[list[str], list[str]], expected: Any):
    assert patching.merge(base, patch, {}, *soft) == expected


def test_two_different_defaults_conflict():
    found = conflicts({"a": 1}, {"a": 2}, soft_base=["a"], soft_patch=["a"])
    assert found == {"a": "conflicting defaults 1 and 2"}


def test_a_key_that_is_a_default_does_not_match():
    # as in KubeVela: by index, and there the default gives way
    base, patch = {"c": [{"name": "a"}]}, {"c": [{"name": "b", "x": 1}]}
    marks = {"c": {"patchKey": "name"}}
    merged = patching.merge(base, patch, marks, soft_patch=["c[0].name"])
    assert merged == {"c": [{"name": "a", "x": 1}]}


def test_what_stays_a_default_is_told():
    marks = {"env": {"patchKey": "name"}}
    base = {"r": 1, "s": 1, "env": env(A=1)}
    patched = patching.unify(base, {"r": 2, "env": env(B=1)}, marks, ["r", "s"], ["env[0].value"])
    assert patched.soft == {"s", "env[1].value"}


def test_a_json_patch():
    marks = {"": {"patchStrategy": "jsonPatch"}}
    patch = {"operations": [{"op": "remove", "path": "/a"}]}
    assert patching.apply({"a": 1, "b": 2}, patch, marks).value == {"b": 2}
    with pytest.raises(Problem, match="failed to apply json patch") as caught:
        patching.apply({}, patch, marks)
    assert (caught.value.code, caught.value.path) == ("patch.operation", "operations[0]")
    with pytest.raises(Problem, match="list of operations"):
        patching.apply({}, {"operations": {}}, marks)


def test_a_json_merge_patch():
    marks = {"": {"patchStrategy": "jsonMergePatch"}}
    assert patching.apply({"a": 1, "b": [1]}, {"a": None, "b": [2]}, marks).value == {"b": [2]}


def test_without_a_mark_operations_are_a_field():
    patch: dict[str, Any] = {"operations": []}
    assert patching.apply({}, patch, {"operations": {"patchStrategy": "jsonPatch"}}).value == patch


SCALARS = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "x"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)
NAMES = st.sampled_from(["A", "B", "C", "D", 1, "1", True])


def keyed(value: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Items with keys that differ as JSON values."""
    return st.lists(
        st.fixed_dictionaries({"name": NAMES}, optional={"v": value}),
        unique_by=lambda item: repr(item["name"]),
        max_size=5,
    )


@given(OBJECTS)
def test_an_empty_patch_changes_nothing(base: Any):
    assert patching.merge(base, {}) == base


@given(OBJECTS)
def test_an_object_agrees_with_itself(base: Any):
    assert patching.merge(base, base) == base


@given(OBJECTS, OBJECTS)
def test_the_patch_is_in_the_result_or_it_conflicts(base: Any, patch: Any):
    try:
        merged = patching.merge(base, patch)
    except (Problem, Problems):
        return
    assert patching.merge(merged, patch) == merged


@given(keyed(st.just(0)), keyed(st.just(0)))
def test_a_keyed_merge_twice_is_once(base: Any, patch: Any):
    once = patching.merge({"env": base}, {"env": patch}, KEYED)
    assert patching.merge(once, {"env": patch}, KEYED) == once


@given(keyed(SCALARS), keyed(SCALARS))
def test_a_keyed_merge_loses_nothing(base: Any, patch: Any):
    merged = patching.merge({"env": base}, {"env": patch}, RETAINED)["env"]
    given_keys = {repr(item["name"]) for item in patch}
    kept = [item for item in base if repr(item["name"]) not in given_keys]
    assert [item for item in merged if repr(item["name"]) not in given_keys] == kept
    assert [repr(i["name"]) for i in merged[: len(base)]] == [repr(i["name"]) for i in base]
    assert sorted(map(repr, merged)) == sorted(map(repr, [*kept, *patch]))
