"""How problems look to a user."""

from __future__ import annotations

import textwrap

import pytest

from lateen.base import documents
from lateen.base.problem import Position, Problem, Problems
from lateen.cli import exits, failures, problems
from lateen.cli.exits import Exit
from lateen.hub import ApiError

TEXT = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
  components:
    - name: web
      type: webservice
      properties:
        image: 80
"""


@pytest.fixture
def document():
    [loaded] = documents.load(TEXT, "app.yaml")
    return loaded


def shown(problem, document):
    blamed = problems.blame([(document, [problem])])
    return "\n".join(problems.render(p, blamed.texts).plain for p in blamed.problems)


def test_a_problem_of_a_field_is_shown_with_its_line(document):
    problem = Problem(
        "parameter.type",
        "expected text, found the number 80",
        "spec.components[0].properties.image",
        positions=(Position("parameter", 1, 2), Position("definition webservice", 12, 3)),
        hint='put it in quotes: "80"',
    )
    assert shown(problem, document) == textwrap.dedent("""\
        error: expected text, found the number 80
          --> app.yaml:9:9  spec.components[0].properties.image
          |
        9 |         image: 80
          |         ^^^^^
          ::: definition webservice:12:3
          = put it in quotes: "80\"""")


def test_each_place_says_what_it_has_to_do_with_it(document):
    texts = {document.source: document.text, "web.cue": "output: n: parameter.n\n\tlimit: <3\n"}
    problem = Problem(
        "template.error",
        "5 is not allowed",
        "spec.components[0].properties.image",
        positions=(
            Position("web.cue", 1, 12, note="used here"),
            Position("web.cue", 2, 9, note="conflicts with this"),
            Position("web.cue", 2, 10, note="the same line"),
        ),
    )
    said = problems.render(problems.locate(problem, document), texts).plain
    assert said.partition("^\n")[2].splitlines() == [
        "  ::: web.cue:1:12  used here",
        "  |   output: n: parameter.n",
        "  ::: web.cue:2:9  conflicts with this",
        "  |   limit: <3",
    ]


def test_a_missing_field_is_shown_at_what_it_is_missing_from(document):
    problem = Problem("parameter.missing", "port is missing", "spec.components[0].properties.port")
    assert shown(problem, document) == textwrap.dedent("""\
        error: port is missing
          --> app.yaml:8:7  spec.components[0].properties.port
          |
        8 |       properties:
          |       ^^^^^^^^^^""")


def test_the_mark_stays_under_its_field_behind_tabs_and_in_long_lines():
    text = "{" + ", ".join(f'"key{i}": 1' for i in range(60)) + ', "wrong": 1}'
    [loaded] = documents.load(text, "app.json")
    lines = shown(Problem("field.unknown", "no", "wrong"), loaded).splitlines()
    assert len(lines[3]) < 140, "a line as long as a file is cut"
    mark = lines[4].index("^")
    assert lines[3][mark : mark + 7] == '"wrong"'


def test_problems_come_in_the_order_of_the_lines(document):
    found = [
        Problem("a.b", "third", "spec.components[0].properties"),
        Problem("a.b", "first", "metadata.name"),
        Problem("a.b", "second", "spec.components[0].name"),
    ]
    blamed = problems.blame([(document, found)])
    assert [problem.message for problem in blamed.problems] == ["first", "second", "third"]


def test_what_is_raised_about_a_document_is_given_its_place(document):
    with pytest.raises(problems.Blamed) as raised, problems.blaming(document):
        raise Problems([Problem("a.b", "one", "kind"), Problem("a.b", "two", "template.x")])
    one, two = sorted(raised.value.problems, key=lambda p: p.message)
    assert [str(p) for p in one.positions] == ["app.yaml:2:1"]
    assert two.path == "template.x"


def test_a_path_no_file_has_is_shown_as_it_is():
    rendered = problems.render(Problem("hub.invalid", "no", "spec.x"), {}).plain
    assert rendered == "error: no\n  --> spec.x"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("yaml.syntax", Exit.INPUT),
        ("parameter.missing", Exit.INPUT),
        ("definition.unknown", Exit.INPUT),
        ("template.error", Exit.INPUT),
        ("cluster.unknown", Exit.INPUT),
        ("hub.invalid", Exit.INPUT),
        ("hub.no-control-plane", Exit.UNREACHABLE),
        ("hub.unreachable", Exit.UNREACHABLE),
        ("hub.not-found", Exit.NOT_FOUND),
        ("delivery.failed", Exit.UNHEALTHY),
        ("delivery.timeout", Exit.TIMEOUT),
        ("native.missing", Exit.FAILED),
        ("hub.forbidden", Exit.FAILED),
    ],
)
def test_each_kind_of_problem_has_its_exit_code(code, expected):
    assert exits.code([Problem(code, "no")]) is expected


def test_errors_of_concurrent_tasks_are_shown_one_by_one(capsys):
    inner = ExceptionGroup("inner", [Problem("yaml.syntax", "the first")])
    group = ExceptionGroup("outer", [inner, ApiError(403, "Forbidden", "you may not")])
    assert failures.report(group) is Exit.INPUT
    said = capsys.readouterr()
    assert "error: the first" in said.err
    assert "error: you may not" in said.err
    assert "2 problems" in said.err
    assert "Traceback" not in said.err
    assert said.out == ""


def test_what_nobody_foresaw_is_kept_in_a_file(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("LATEEN_DATA_DIR", str(tmp_path))
    with pytest.raises(KeyError) as raised:
        dict[str, str]()["nothing"]
    assert failures.report(raised.value) is Exit.FAILED
    said = capsys.readouterr().err
    [kept] = (tmp_path / "logs").iterdir()
    assert str(kept) in said.replace("\n", "")
    assert "Traceback" not in said
    assert "Traceback" in kept.read_text()
