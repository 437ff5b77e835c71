"""Merging plain values, and the patch between two of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lateen.base import merge

keys = st.text("abc", min_size=1, max_size=2)
leaves = st.booleans() | st.integers(-3, 3) | st.lists(st.integers(0, 2), max_size=2)
maps = st.recursive(
    st.dictionaries(keys, leaves, max_size=3),
    lambda inner: st.dictionaries(keys, leaves | inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param({"a": 1}, {"a": 1}, {}, id="nothing"),
        pytest.param({}, {"a": 1}, {"a": 1}, id="a key is added"),
        pytest.param({"a": 1}, {}, {"a": None}, id="a key is removed"),
        pytest.param({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, {"a": {"c": None}}, id="deep in it"),
        pytest.param({"a": [1, 2]}, {"a": [1]}, {"a": [1]}, id="a list is replaced"),
        pytest.param({"a": {"b": 1}}, {"a": 1}, {"a": 1}, id="a map becomes a scalar"),
        pytest.param({"a": 1}, {"a": {"b": 1}}, {"a": {"b": 1}}, id="a scalar becomes a map"),
    ],
)
def test_difference(old, new, expected):
    assert merge.difference(old, new) == expected


def patched(target, patch):
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = patched(result.get(key), value)
    return result


@given(maps, maps)
def test_the_difference_is_the_merge_patch_from_one_to_the_other(old, new):
    assert patched(old, merge.difference(old, new)) == new


@given(maps)
def test_there_is_no_difference_between_equals(value):
    assert merge.difference(value, value) == {}


@pytest.mark.parametrize(
    ("base", "patch", "expected"),
    [
        pytest.param({"a": {"b": 1}}, {"a": {"c": 2}}, {"a": {"b": 1, "c": 2}}, id="maps merge"),
        pytest.param({"a": [1]}, {"a": []}, {"a": []}, id="lists replace"),
        pytest.param({"a": 1}, {"a": None}, {"a": None}, id="null replaces"),
        pytest.param({"a": 1}, {"a": {"b": 1}}, {"a": {"b": 1}}, id="a map replaces a scalar"),
    ],
)
def test_deep(base, patch, expected):
    assert merge.deep(base, patch) == expected
