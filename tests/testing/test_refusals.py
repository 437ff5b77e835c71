"""What does not render says why, with the lines of the definition and of the parameters."""

from __future__ import annotations

from pathlib import Path

import pytest

from lateen import testing

HERE = Path(__file__).parent / "definitions"


@pytest.fixture(scope="module")
def cache():
    return testing.load(HERE / "cache.cue")


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        pytest.param({}, {"code": "parameter.missing", "at": "version"}, id="left out"),
        pytest.param(
            {"version": 9}, {"code": "parameter.type", "message": "number 9"}, id="a wrong type"
        ),
        pytest.param(
            {"version": "9", "labels": {"a": 1}},
            {"at": "labels.a", "message": "^expected string"},
            id="deep inside",
        ),
        pytest.param(
            {"version": "9", "replicas": 101},
            {"code": "template.user", "message": "101 replicas are too many"},
            id="by the template itself",
        ),
    ],
)
def test_a_refusal_can_be_asserted(cache, parameters, expected):
    assert cache.refuses(parameters, **expected)


def test_what_renders_is_not_refused(cache):
    with pytest.raises(AssertionError, match='component "cache" renders all the same'):
        cache.refuses({"version": "9"})


def test_another_refusal_is_not_the_one_asserted(cache):
    with pytest.raises(AssertionError) as raised:
        cache.refuses({"version": 9}, code="parameter.type", at="image")
    assert "no problem has code 'parameter.type', at 'image'; found are" in str(raised.value)
    assert "parameter.type at 'version': expected string, found number 9" in str(raised.value)


def test_all_of_it_is_said_at_once_with_the_lines_of_the_parameters(cache):
    with pytest.raises(testing.Refused) as raised:
        cache.render({"replicas": "two", "version": 9})
    said = str(raised.value)
    assert said.startswith('component "cache" does not render\n')
    assert "1 | replicas: two\n  | ^^^^^^^^" in said
    assert "2 | version: 9\n  | ^^^^^^^" in said
    assert [problem.path for problem in raised.value.problems] == ["replicas", "version"]


def test_a_template_that_breaks_shows_its_line():
    fragile = testing.load(HERE / "fragile.cue")
    with pytest.raises(testing.Refused) as raised:
        fragile.render({"image": "nginx", "words": []})
    said = str(raised.value)
    assert "fragile.cue:12:" in said
    assert 'patch: metadata: labels: version: strings.Split(parameter.image, ":")[1]' in said
    assert said.endswith("with the parameters:\n  image: nginx\n  words: []")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        pytest.param("a.cue", "a: {type: ", "a.cue:1:11", id="no CUE"),
        pytest.param(
            "a.cue",
            'a: {type: "component"}\n',
            "template: {...} is missing",
            id="no template",
        ),
        pytest.param("a.yaml", "kind: Pod\n", "Pod is not a definition", id="no definition"),
    ],
)
def test_a_file_that_is_no_definition(tmp_path, name, text, said):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(testing.Refused) as raised:
        testing.load(path)
    assert str(raised.value).startswith(f"cannot load {path}\nerror: ")
    assert said in str(raised.value)


def test_which_definition_is_meant():
    with pytest.raises(LookupError, match="several definitions, name one of: note, number"):
        testing.load(HERE / "notes.yaml")
    with pytest.raises(LookupError, match='no definition "nomber": did you mean "number"'):
        testing.load(HERE / "notes.yaml", "nomber")
    with pytest.raises(LookupError, match='brings no definition "webservise": did you mean'):
        testing.builtin("webservise")
    assert {str(each) for each in testing.load_all(HERE)} >= {"cache", "note", "number", "wait"}
