"""Durations, quantities, backoff and hashes: small words with exact meanings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lateen.base import backoff, durations, hashing, merge, quantity


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("1h30m", 5400), ("500ms", 0.5), ("0", 0), ("1.5m", 90), ("-2s", -2)],
)
def test_duration(text, seconds):
    assert durations.seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "1d", "five minutes", "5 m", "1h 3m"])
def test_what_is_no_duration_says_so(text):
    with pytest.raises(ValueError, match="is not a duration"):
        durations.seconds(text)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("0.1", "100m", True),
        ("1Gi", "1024Mi", True),
        (1, "1", True),
        ("1G", "1Gi", False),
        ("abc", "abc", False),
        (True, 1, False),
    ],
)
def test_quantities(left, right, expected):
    assert quantity.equal(left, right) is expected


def test_backoff_doubles_up_to_its_ceiling():
    delays = [backoff.Backoff(1, 2, 10).delay(n) for n in range(7)]
    assert delays == [0, 1, 2, 4, 8, 10, 10]


@given(st.integers(0, 10_000))
def test_backoff_never_leaves_its_bounds(failures):
    assert 0 <= backoff.Backoff().delay(failures) <= 60


@given(st.dictionaries(st.text(), st.integers(-(2**63), 2**63 - 1)))  # JSON's integers
def test_a_hash_does_not_see_the_order_of_keys(value):
    assert hashing.digest(value) == hashing.digest(dict(reversed(value.items())))


def test_fnv_is_the_published_function():
    assert hashing.fnv32a(b"") == 0x811C9DC5
    assert hashing.fnv32a(b"a") == 0xE40C292C


maps = st.dictionaries(
    st.sampled_from("abc"), st.integers() | st.dictionaries(st.sampled_from("xy"), st.integers())
)


@given(maps, maps)
def test_merging_twice_is_merging_once(base, patch):
    once = merge.deep(base, patch)
    assert merge.deep(once, patch) == once
