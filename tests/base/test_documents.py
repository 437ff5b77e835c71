"""YAML with the line and column of every field."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lateen.base import documents
from lateen.base.problem import Problem

APP = """\
kind: Application
spec:
  components:
    - name: web
      properties:
        image: nginx
        ports: [{port: 80}]
"""


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        ("kind", 1, 1),
        ("spec.components", 3, 3),
        ("spec.components[0]", 4, 7),
        ("spec.components[0].properties.image", 6, 9),
        ("spec.components[0].properties.ports[0].port", 7, 18),
        ("spec.components[0].properties.nosuch", 5, 7),
    ],
)
def test_positions(path, line, column):
    [document] = documents.load(APP, "app.yaml")
    position = document.position(path)
    assert position is not None
    assert (position.source, position.line, position.column) == ("app.yaml", line, column)


@pytest.mark.parametrize(
    ("text", "code", "line", "hint"),
    [
        pytest.param("a: [1, 2\nb: 3\n", "yaml.syntax", 2, "the quotes", id="an open bracket"),
        pytest.param("a: 1\na: 2\n", "yaml.duplicate-key", 2, "once", id="a key given twice"),
        pytest.param("a:\n\t- b\n", "yaml.syntax", 2, "with spaces", id="a tab"),
        pytest.param("a: b: c\n", "yaml.syntax", 1, "quote the value", id="two colons"),
        pytest.param('a: 1\nb: "c\nd: e\n', "yaml.syntax", 2, "close the quote", id="a quote"),
    ],
)
def test_a_broken_file_says_where_and_what_to_do(text, code, line, hint):
    with pytest.raises(Problem) as caught:
        documents.load(text, "bad.yaml")
    assert caught.value.code == code
    [position] = caught.value.positions
    assert (position.source, position.line) == ("bad.yaml", line)
    assert hint in caught.value.hint


def test_several_documents_keep_their_own_lines():
    first, second = documents.load("a: 1\n---\n# nothing\n---\nb: 2\n", "x")
    assert (first.data, second.data) == ({"a": 1}, {"b": 2})
    position = second.position("b")
    assert position is not None
    assert position.line == 5


def test_dates_and_odd_keys_stay_text():
    [document] = documents.load("on: 2026-01-02\n8080: x\ntrue: y\n", "x")
    assert document.data == {"on": "2026-01-02", "8080": "x", "true": "y"}


json = st.recursive(
    st.none() | st.booleans() | st.integers(-100, 100) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abc", min_size=1), json, min_size=1))
def test_what_is_dumped_loads_again(data):
    [document] = documents.load(documents.dump(data), "x")
    assert document.data == data
