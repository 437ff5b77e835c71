"""Field paths as text and as parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lateen.base import paths


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("spec.containers[0].env", ("spec", "containers", 0, "env")),
        ('metadata.labels["a.b/c"]', ("metadata", "labels", "a.b/c")),
        ('"a-b".c', ("a-b", "c")),
        ("o-1.a", ("o-1", "a")),
        ("", ()),
    ],
)
def test_parse(text, parts):
    assert paths.parse(text) == parts


def test_a_text_that_is_no_path_names_the_character():
    with pytest.raises(ValueError, match="character 4"):
        paths.parse("a.b[")


key = st.from_regex(r"[a-z][a-z0-9./-]{0,8}", fullmatch=True)


@given(st.lists(key | st.integers(0, 9), max_size=6).map(tuple))
def test_render_and_parse_are_inverse(path):
    assert paths.parse(paths.render(path)) == path


@pytest.mark.parametrize(
    ("value", "path", "expected"),
    [
        pytest.param({}, "a.b", {"a": {"b": 1}}, id="maps are made"),
        pytest.param({"l": [{}]}, "l[2]", {"l": [{}, {}, 1]}, id="a list is padded"),
        pytest.param({"a": 5}, "a", {"a": 1}, id="a value is replaced"),
        pytest.param({}, "l[0]", {"l": [1]}, id="a list is made where there is none"),
    ],
)
def test_assign(value, path, expected):
    assert paths.assign(value, paths.parse(path), 1) == expected


def test_assign_leaves_the_original_alone():
    value = {"a": {"b": [1]}}
    paths.assign(value, paths.parse("a.b[0]"), 2)
    assert value == {"a": {"b": [1]}}


def test_assign_beyond_a_list_is_an_error():
    with pytest.raises(ValueError, match="beyond the end"):
        paths.assign({"l": []}, paths.parse("l[3].x"), 1)


@given(st.dictionaries(st.text(min_size=1), st.integers()), st.text(min_size=1))
def test_lookup_finds_what_assign_put(value, name):
    assert (
        paths.lookup(
            paths.assign(value, (name, "x"), 7) if name not in value else {name: {"x": 7}},
            (name, "x"),
        )
        == 7
    )
