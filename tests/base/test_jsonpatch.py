"""JSON Patch and JSON Merge Patch, against the rules of RFC 6902 and RFC 7396."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lateen.base import jsonpatch

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab/~", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~", max_size=2), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("document", "operation", "expected"),
    [
        pytest.param({}, {"op": "add", "path": "/a", "value": 1}, {"a": 1}, id="add a key"),
        pytest.param({"a": 1}, {"op": "add", "path": "/a", "value": 2}, {"a": 2}, id="add over"),
        pytest.param([1, 3], {"op": "add", "path": "/1", "value": 2}, [1, 2, 3], id="insert"),
        pytest.param([1], {"op": "add", "path": "/-", "value": 2}, [1, 2], id="append"),
        pytest.param([1], {"op": "add", "path": "/1", "value": 2}, [1, 2], id="add at the end"),
        pytest.param({"a": 1}, {"op": "add", "path": "", "value": [2]}, [2], id="add at the root"),
        pytest.param({"a": 1}, {"op": "remove", "path": "/a"}, {}, id="remove a key"),
        pytest.param([1, 2], {"op": "remove", "path": "/0"}, [2], id="remove an item"),
        pytest.param({"a": 1}, {"op": "replace", "path": "/a", "value": 2}, {"a": 2}, id="replace"),
        pytest.param(
            {"a": 1}, {"op": "move", "from": "/a", "path": "/b"}, {"b": 1}, id="move renames"
        ),
        pytest.param(
            [1, 2, 3], {"op": "move", "from": "/0", "path": "/2"}, [2, 3, 1], id="move in a list"
        ),
        pytest.param(
            {"a": [1]},
            {"op": "copy", "from": "/a", "path": "/b"},
            {"a": [1], "b": [1]},
            id="copy",
        ),
        pytest.param({"a": [1]}, {"op": "test", "path": "/a", "value": [1]}, {"a": [1]}, id="test"),
        pytest.param(
            {"a/b": {"~": 1}},
            {"op": "replace", "path": "/a~1b/~0", "value": 2},
            {"a/b": {"~": 2}},
            id="escapes in a pointer",
        ),
    ],
)
def test_an_operation(document: Any, operation: dict[str, Any], expected: Any):
    before = copy.deepcopy(document)
    assert jsonpatch.apply(document, [operation]) == expected
    assert document == before


@pytest.mark.parametrize(
    ("document", "operation", "message"),
    [
        pytest.param({}, {"op": "remove", "path": "/a"}, "there is no 'a' in /a", id="remove"),
        pytest.param({}, {"op": "replace", "path": "/a", "value": 1}, "there is no", id="replace"),
        pytest.param({}, {"op": "add", "path": "/a/b", "value": 1}, "there is no", id="no parent"),
        pytest.param([1], {"op": "add", "path": "/2", "value": 1}, "beyond a list of 1", id="end"),
        pytest.param([1], {"op": "remove", "path": "/01"}, "is not an index", id="leading zero"),
        pytest.param([1], {"op": "remove", "path": "/-"}, "is not an index", id="remove at -"),
        pytest.param({"a": 1}, {"op": "test", "path": "/a", "value": True}, "failed", id="1, true"),
        pytest.param({"a": {}}, {"op": "move", "from": "/a", "path": "/a/b"}, "itself", id="move"),
        pytest.param({"a": 1}, {"op": "add", "path": "/a/b", "value": 1}, "neither", id="scalar"),
        pytest.param({}, {"op": "add", "path": "a", "value": 1}, "not a JSON pointer", id="slash"),
        pytest.param({}, {"op": "patch", "path": "/a"}, "unknown operation", id="verb"),
        pytest.param({}, {"op": "add", "path": "/a"}, 'needs "value"', id="no value"),
    ],
)
def test_an_operation_that_cannot_be(document: Any, operation: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message) as caught:
        jsonpatch.apply(document, [{"op": "test", "path": "", "value": document}, operation])
    assert caught.value.args[1] == 1, "the error says which operation"


@pytest.mark.parametrize(
    ("document", "patch", "expected"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": "foo"}, None, None),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch_examples(document: Any, patch: Any, expected: Any):
    assert jsonpatch.merge(document, patch) == expected


@given(JSON, JSON)
def test_merge_patch_twice_is_once(document: Any, patch: Any):
    once = jsonpatch.merge(document, patch)
    assert jsonpatch.merge(once, patch) == once


@given(st.dictionaries(st.text("ab"), JSON))
def test_an_empty_merge_patch_changes_nothing(document: Any):
    assert jsonpatch.merge(document, {}) == document


@given(JSON, JSON)
def test_a_merge_patch_that_is_no_map_replaces(document: Any, patch: Any):
    if not isinstance(patch, dict):
        assert jsonpatch.merge(document, patch) == patch
