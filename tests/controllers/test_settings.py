"""Settings: a file, variables that come before it, and what is wrong in either."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from lateen.base.problem import Problem, Problems, every
from lateen.controllers import settings
from tests.docs import pages


def load(tmp_path: Path, text: str | None, **environment: str) -> settings.Settings:
    file = None
    if text is not None:
        file = tmp_path / "settings.yaml"
        file.write_text(text)
    return settings.load(file, environment)


def refused(tmp_path: Path, text: str | None, **environment: str) -> tuple[Problem, ...]:
    try:
        load(tmp_path, text, **environment)
    except (Problem, Problems) as error:
        return every(error)
    pytest.fail("they are not refused")


@pytest.mark.parametrize(
    ("text", "environment", "expected"),
    [
        pytest.param(None, {}, {}, id="nothing given"),
        pytest.param("", {}, {}, id="an empty file"),
        pytest.param("# to come\n", {}, {}, id="a file of comments"),
        pytest.param("strict_traits: true", {}, {"strict_traits": True}, id="a file"),
        pytest.param(
            None, {"LATEEN_STRICT_TRAITS": "true"}, {"strict_traits": True}, id="a variable is text"
        ),
        pytest.param(
            "definition_revisions: 3\nstrict_traits: true",
            {"LATEEN_DEFINITION_REVISIONS": "4"},
            {"definition_revisions": 4, "strict_traits": True},
            id="a variable comes before the file",
        ),
        pytest.param(
            None, {"LATEEN_DATA_DIR": "x", "LATEEN_ODD": "1"}, {}, id="other variables are not ours"
        ),
        pytest.param("events: all", {"LATEEN_EVENTS": ""}, {"events": "all"}, id="empty is unset"),
    ],
)
def test_settings_are_read(
    tmp_path: Path, text: str | None, environment: dict[str, str], expected: dict[str, Any]
):
    found = load(tmp_path, text, **environment)
    assert found.model_dump() == {**settings.DEFAULTS.model_dump(), **expected}


@pytest.mark.parametrize(
    ("text", "code", "line", "path", "message"),
    [
        pytest.param(
            "events: all\nstrict_trait: true\n",
            "settings.unknown",
            2,
            "strict_trait",
            'there is no setting "strict_trait"',
            id="a slip of the pen",
        ),
        pytest.param(
            'strict_traits: "true"',
            "settings.value",
            1,
            "strict_traits",
            'expected true or false, found "true"',
            id="text where YAML has a value",
        ),
        pytest.param(
            "\n\ndefinition_revisions: -1",
            "settings.value",
            3,
            "definition_revisions",
            "expected a whole number that is not negative, found -1",
            id="too small",
        ),
        pytest.param(
            "events: some",
            "settings.value",
            1,
            "events",
            'expected one of failures, outcome, all, found "some"',
            id="none of the choices",
        ),
        pytest.param(
            "application_revisions: true",
            "settings.value",
            1,
            "application_revisions",
            "expected a whole number that is not negative, found true",
            id="true is no number",
        ),
    ],
)
def test_what_is_wrong_in_a_file_has_a_line(
    tmp_path: Path, text: str, code: str, line: int, path: str, message: str
):
    [problem] = refused(tmp_path, text)
    assert (problem.code, problem.path, problem.message) == (code, path, message)
    [position] = problem.positions
    assert (position.source, position.line) == (str(tmp_path / "settings.yaml"), line)


def test_everything_wrong_is_said_at_once(tmp_path: Path):
    found = refused(tmp_path, "one: 1\nevents: 2\n", LATEEN_STRICT_TRAITS="maybe")
    assert [(p.code, p.path) for p in found] == [
        ("settings.unknown", "one"),
        ("settings.value", "events"),
        ("settings.value", "LATEEN_STRICT_TRAITS"),
    ]


def test_a_name_that_is_nearly_right_is_suggested(tmp_path: Path):
    [problem] = refused(tmp_path, "strict_trait: true")
    assert problem.hint == 'did you mean "strict_traits"?'


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("- a", "settings.file", id="a list"),
        pytest.param("events: all\n---\nevents: all\n", "settings.file", id="two documents"),
        pytest.param("events: [", "yaml.syntax", id="no YAML"),
    ],
)
def test_a_file_of_another_shape_is_refused(tmp_path: Path, text: str, code: str):
    [problem] = refused(tmp_path, text)
    assert problem.code == code
    assert problem.positions


def test_a_file_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(Problem, match="No such file") as caught:
        settings.load(tmp_path / "none.yaml", {})
    assert caught.value.code == "settings.file"


def test_settings_do_not_change():
    with pytest.raises(ValidationError, match="frozen"):
        settings.DEFAULTS.strict_traits = True


def test_the_reference_lists_every_setting():
    text = (pages.ROOT / "docs/reference/settings.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| `?([\w.]*)`? \| (.*?) \|$", text, re.MULTILINE)
    expected = [
        (name, str(field.default).lower(), field.description)
        for name, field in settings.Settings.model_fields.items()
    ]
    assert rows == expected
