"""Name patterns of override policies."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lateen.policies.patterns import Pattern


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        pytest.param("web", "webapp", True, id="not anchored"),
        pytest.param("web", "my-web", True, id="anywhere"),
        pytest.param("^web$", "webapp", False, id="anchored when asked"),
        pytest.param("app$", "webapp", True, id="anchored at the end"),
        pytest.param("*", "anything", True, id="a star alone is anything"),
        pytest.param("web-*-eu", "web-shop-eu", True, id="a star in between"),
        pytest.param("web-*-eu", "web-eu", False, id="what is around a star must be there"),
        pytest.param("web.*", "web", True, id=".* is anything, nothing included"),
        pytest.param("w.b", "wxb", True, id="a dot is one character"),
        pytest.param("w\\.b", "wxb", False, id="a backslash takes a character as it is"),
        pytest.param("api|web", "web", True, id="alternatives"),
        pytest.param("v[0-9]+$", "v12", True, id="classes and repetition"),
        pytest.param("v[^0-9]$", "v1", False, id="negated classes"),
        pytest.param("colou?r", "color", True, id="optional characters"),
        pytest.param("^(web|api)-\\d{2}$", "api-07", True, id="groups, counts, named classes"),
    ],
)
def test_a_pattern_matches(pattern, name, expected):
    assert Pattern(pattern).matches(name) is expected


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        pytest.param("(a", "missing \\)", id="an open group"),
        pytest.param("[a", "missing \\]", id="an open class"),
        pytest.param("?a", "no argument for repetition", id="nothing to repeat"),
        pytest.param("a(?=b)", "invalid perl operator", id="looking ahead takes too long"),
    ],
)
def test_what_cannot_be_read_says_why(pattern, said):
    with pytest.raises(ValueError, match=said):
        Pattern(pattern)


_PARTS = st.sampled_from(["a", "b", "-", ".", "[ab]", "[^a]", "a?", "b+", "*"])


@given(
    parts=st.lists(_PARTS, max_size=6),
    start=st.booleans(),
    end=st.booleans(),
    name=st.text("ab-", max_size=8),
)
def test_a_pattern_matches_what_the_regular_expression_does(parts, start, end, name):
    body = "".join(parts)
    while ".*" in body or "**" in body or "*+" in body:
        body = body.replace(".*", "*").replace("**", "*").replace("*+", "*")
    text = f"{'^' if start else ''}{body}{'$' if end else ''}"
    expected = re.search(text.replace("*", ".*"), name) is not None
    assert Pattern(text).matches(name) is expected


def test_no_pattern_takes_long():
    began = time.monotonic()
    assert not Pattern("^" + "a*" * 50 + "b$").matches("a" * 63)
    assert time.monotonic() - began < 30
