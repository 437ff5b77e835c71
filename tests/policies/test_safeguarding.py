"""When a delivery is given up: the table, and what holds for every course of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lateen.api.application import Policy
from lateen.base.problem import Problem
from lateen.policies import safeguarding
from lateen.policies.safeguarding import Course, Terms, Verdict

TERMS = Terms(within=600, grace=30)
STAY = Verdict()


@pytest.mark.parametrize(
    ("terms", "course", "expected"),
    [
        pytest.param(TERMS, Course("executing", waiting=1), Verdict(after=599), id="on its way"),
        pytest.param(
            TERMS,
            Course("executing", waiting=600),
            Verdict("it was not healthy within 10m"),
            id="it never becomes healthy",
        ),
        pytest.param(TERMS, Course("failed", over=1), Verdict("its workflow failed"), id="failed"),
        pytest.param(TERMS, Course("suspending", waiting=9999), STAY, id="a person is asked"),
        pytest.param(TERMS, Course("terminated", over=1), STAY, id="a person ended it"),
        pytest.param(TERMS, Course("succeeded", over=1), STAY, id="all is well"),
        pytest.param(
            TERMS,
            Course("succeeded", over=100, unhealthy=10),
            Verdict(after=20),
            id="health is lost, perhaps for a moment",
        ),
        pytest.param(
            TERMS,
            Course("succeeded", over=100, unhealthy=30),
            Verdict("its health was lost after it was delivered"),
            id="health is lost for good",
        ),
        pytest.param(
            TERMS,
            Course("succeeded", over=640, unhealthy=40),
            Verdict("its health was lost after it was delivered"),
            id="it was lost in time, though the grace ends later",
        ),
        pytest.param(
            TERMS, Course("succeeded", over=641, unhealthy=40), STAY, id="lost later: not its fault"
        ),
        pytest.param(
            TERMS,
            Course("succeeded", over=100, unhealthy=100),
            Verdict("its health was lost after it was delivered"),
            id="it was never healthy",
        ),
        pytest.param(
            Terms(on_failure=False),
            Course("failed", over=1),
            STAY,
            id="failures are not its matter",
        ),
        pytest.param(
            Terms(on_unhealthy=False),
            Course("executing", waiting=9999),
            STAY,
            id="health is not its matter",
        ),
        pytest.param(
            Terms(on_unhealthy=False),
            Course("succeeded", over=99, unhealthy=99),
            STAY,
            id="nor is its loss",
        ),
    ],
)
def test_what_is_decided(terms, course, expected):
    assert safeguarding.decide(terms, course) == expected


seconds = st.floats(0, 1e6)
all_terms = st.builds(Terms, st.booleans(), st.booleans(), seconds, seconds)
courses = st.one_of(
    st.builds(Course, st.sampled_from(["executing", "suspending"]), waiting=seconds),
    st.builds(Course, st.sampled_from(["failed", "terminated"]), over=seconds),
    seconds.flatmap(
        lambda over: st.builds(
            Course,
            st.just("succeeded"),
            over=st.just(over),
            unhealthy=st.none() | st.floats(0, over),
        )
    ),
)


@given(all_terms, courses)
def test_it_either_goes_back_or_says_when_to_ask_again(terms, course):
    found = safeguarding.decide(terms, course)
    assert not (found.back and found.after is not None)
    assert found.after is None or found.after > 0


@given(all_terms, courses)
def test_when_nothing_happens_the_next_question_settles_it(terms, course):
    """So a controller that looks again when told to never looks for ever."""
    found = safeguarding.decide(terms, course)
    if found.after is None:
        return
    later = found.after * 1.01 + 0.01  # a clock is never early
    then = Course(
        course.state,
        course.waiting + later,
        None if course.over is None else course.over + later,
        None if course.unhealthy is None else course.unhealthy + later,
    )
    assert safeguarding.decide(terms, then).back


@given(all_terms, courses)
def test_nobody_is_sent_back_who_is_well_or_held_by_a_person(terms, course):
    if course.state in ("suspending", "terminated"):
        assert not safeguarding.decide(terms, course).back
    if course.state == "succeeded" and course.unhealthy is None:
        assert not safeguarding.decide(terms, course).back


def policy(**properties):
    return Policy("safe", "rollback", properties, "spec.policies[0]")


def test_what_the_policy_says():
    problems: list[Problem] = []
    found = safeguarding.read([policy(onFailure=False, within="90s", grace="1m30s")], problems)
    assert found == Terms(on_failure=False, on_unhealthy=True, within=90, grace=90)
    assert safeguarding.read([policy()], problems) == Terms()
    assert safeguarding.read([], problems) is None
    assert problems == []


@pytest.mark.parametrize(
    ("properties", "code", "path"),
    [
        pytest.param({"within": "soon"}, "policy.value", "within", id="no duration"),
        pytest.param({"within": "-1s"}, "policy.value", "within", id="before it began"),
        pytest.param({"grace": 30}, "policy.type", "grace", id="a number"),
        pytest.param({"onFailure": "yes"}, "policy.type", "onFailure", id="a word"),
        pytest.param({"wihtin": "1m"}, "policy.unknown-field", "wihtin", id="a typing mistake"),
    ],
)
def test_what_it_cannot_say(properties, code, path):
    problems: list[Problem] = []
    safeguarding.read([policy(**properties)], problems)
    assert [(each.code, each.path) for each in problems] == [
        (code, f"spec.policies[0].properties.{path}")
    ]
