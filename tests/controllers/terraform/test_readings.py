"""What Terraform says, as people are told it."""

from __future__ import annotations

import orjson
import pytest

from lateen.controllers.terraform import readings
from lateen.controllers.terraform.readings import Change, Fault, Reading


def read(*lines: str) -> Reading:
    found = Reading()
    for line in lines:
        found.take(line)
    found.end()
    return found


def written(file: str, line: int) -> str:
    return f"spec.{file}[{line}]" if file == "ours" else ""


def test_an_error_in_a_file_of_ours_is_one_of_the_field_it_is_from() -> None:
    place = {"filename": "ours", "start": {"line": 4, "column": 7}}
    error = {"severity": "error", "summary": "No", "detail": "Not at all", "range": place}
    found = Reading(written)
    found.take(said("diagnostic", "Error: No", diagnostic=error))
    assert found.faults == [Fault("spec.ours[4]", "No: Not at all")]
    assert found.error == "spec.ours[4]: No: Not at all"


def test_what_comes_before_errors_is_left_out() -> None:
    text = """\
Error: Terraform encountered problems during initialisation, including problems
with the configuration, described below.

Error: Unsupported backend type

  on ours line 2, in terraform:
   2:   backend "nope" {

There is no backend type named "nope".
"""
    found = Reading(written)
    for line in text.splitlines():
        found.take(line)
    found.end()
    message = 'Unsupported backend type: There is no backend type named "nope".'
    assert found.faults == [Fault("spec.ours[2]", message)]
    assert found.error == f"spec.ours[2]: {message}"


def said(kind: str, message: str, **more: object) -> str:
    return orjson.dumps({"@message": message, "type": kind, **more}).decode()


def change(action: str) -> dict[str, object]:
    return {"resource": {"addr": "x.y"}, "action": action}


def test_the_lines_of_a_plan() -> None:
    found = read(
        said("version", "Terraform 1.15"),
        said("resource_drift", "x.y: Drift detected (update)", change=change("update")),
        said("planned_change", "x.y: Plan to replace", change=change("replace")),
        said("change_summary", "Plan: 1 to add, 0 to change, 1 to destroy."),
    )
    assert found.lines == [
        "x.y: Drift detected (update)",
        "x.y: Plan to replace",
        "Plan: 1 to add, 0 to change, 1 to destroy.",
    ]
    assert (found.drift, found.changes) == ([Change("x.y", "update")], [Change("x.y", "replace")])
    assert found.changes[0].destructive
    assert found.summary == found.lines[-1]


def test_errors_have_their_place_and_warnings_are_none() -> None:
    place = {"filename": "main.tf", "start": {"line": 4, "column": 7}}
    error = {"severity": "error", "summary": "No", "detail": "Not\n at all", "range": place}
    warning = {"severity": "warning", "summary": "Old"}
    found = read(
        said("diagnostic", "Error: No", diagnostic=error | {"address": "x.y"}),
        said("diagnostic", "Warning: Old", diagnostic=warning),
        said("diagnostic", "Error: No", diagnostic=error | {"address": "x.y"}),
    )
    assert found.error == "main.tf:4:7: x.y: No: Not at all"
    assert "Warning: Old" in found.lines


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "╷\n│ Error: Failed to query\n│ \n│ Could not reach\n│ the registry\n╵\n",
            "Failed to query: Could not reach the registry",
            id="in a box",
        ),
        pytest.param(
            "Error: Bad\n\n  on main.tf line 3, in terraform:\n   3: x = 1\n\nDo not.\n",
            "main.tf:3: Bad: Do not.",
            id="with an excerpt",
        ),
        pytest.param(
            "Initializing\n\x1b[31mError: One\x1b[0m\nWarning: w\nError: Two\n",
            "One\nTwo",
            id="several, in colour, with a warning between",
        ),
        pytest.param("all is well\n", "", id="none"),
    ],
)
def test_plain_errors(text: str, expected: str) -> None:
    assert read(*text.splitlines()).error == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("a text", "a text"), (5, "5"), (True, "true"), ({"a": [1]}, '{"a":[1]}')],
)
def test_how_outputs_are_written(value: object, expected: str) -> None:
    assert readings.written(value) == expected
