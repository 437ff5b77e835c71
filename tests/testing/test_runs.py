"""Workflow steps and policies: what they ask for, and what they come to."""

from __future__ import annotations

from pathlib import Path

import pytest

from lateen import testing

HERE = Path(__file__).parent / "definitions"


@pytest.fixture(scope="module")
def wait():
    return testing.load(HERE / "wait.cue")


def test_a_step_asks_for_what_it_needs_first(wait):
    run = wait.run({"name": "notes"}, context={"stepName": "first"})
    assert run.action("read")["value"]["metadata"] == {"name": "notes"}
    assert [(each.path, each.do) for each in run.actions] == [("read", "read"), ("write", "apply")]
    assert run.open == ("read", "write")
    assert run.values["told"] == "first of web"


def test_answers_lead_on(wait):
    answers = {"read": {"value": {"data": {"say": "hello"}}}, "write": {}}
    run = wait.run({"name": "notes"}, answers=answers)
    assert run.action("write")["value"]["data"] == {"said": "hello"}
    assert run.open == ()


def test_an_answer_to_nothing_is_a_mistake_of_the_test(wait):
    with pytest.raises(LookupError, match='no action "reed" to answer; there are: read, write'):
        wait.run({"name": "notes"}, answers={"reed": {}})
    with pytest.raises(AssertionError, match=r'no action "apply"; there are: read \(read\)'):
        wait.run({"name": "notes"}).action("apply")


def test_parameters_are_checked(wait):
    with pytest.raises(testing.Refused) as raised:
        wait.run({"name": 1})
    assert [problem.path for problem in raised.value.problems] == ["name"]


def test_an_answer_that_does_not_fit(wait):
    with pytest.raises(testing.Refused):
        wait.run({"name": "notes"}, answers={"read": {"value": "a text"}})


def test_a_policy_comes_to_its_objects():
    run = testing.load(HERE / "stage.cue").run({"suffix": "new"})
    assert run.values["output"]["metadata"] == {"name": "shop-new"}
