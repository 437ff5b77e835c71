"""The `rollback` policy: when a delivery is given up for the last good one.

Pure. What it is asked is how things are; who asks again, and what follows, is the controller's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lateen.api.application import Policy
from lateen.base import durations
from lateen.base.problem import Problem
from lateen.policies import decoding

TYPE = "rollback"
_FIELDS = ("onFailure", "onUnhealthy", "within", "grace")


@dataclass(frozen=True)
class Terms:
    """What the policy says. Durations are in seconds.

    Attributes:
        within: how long a step may wait for health, and for how long after the end of the workflow
            a loss of health counts.
        grace: how long health may be lost before it counts.
    """

    on_failure: bool = True
    on_unhealthy: bool = True
    within: float = 600.0
    grace: float = 30.0


@dataclass(frozen=True)
class Course:
    """How a delivery stands. Everything that is counted, is in seconds until now.

    Attributes:
        state: that of the workflow: executing, suspending, succeeded, failed or terminated.
        waiting: how long the step that is under way longest has been.
        over: how long ago the workflow ended, None where it has not.
        unhealthy: for how long what it delivered has not been healthy, None where it is.
    """

    state: str
    waiting: float = 0.0
    over: float | None = None
    unhealthy: float | None = None


@dataclass(frozen=True)
class Verdict:
    """`back`: why the delivery is given up, empty where it is not. `after`: in how many seconds
    another verdict may be due though nothing happens; None for never.
    """

    back: str = ""
    after: float | None = None


STAY = Verdict()


def decide(terms: Terms, course: Course) -> Verdict:
    """Whether to go back now. What a person holds or ends is that person's matter."""
    match course.state:
        case "failed" if terms.on_failure:
            return Verdict("its workflow failed")
        case "executing" if terms.on_unhealthy:
            if course.waiting >= terms.within:
                return Verdict(f"it was not healthy within {durations.short(terms.within)}")
            return Verdict(after=terms.within - course.waiting)
        case "succeeded" if terms.on_unhealthy:
            return _lost(terms, course)
    return STAY


def _lost(terms: Terms, course: Course) -> Verdict:
    if course.unhealthy is None or course.over is None:
        return STAY  # a change of health is told by watches
    if course.over - course.unhealthy > terms.within:
        return STAY  # it was well for long enough
    if course.unhealthy >= terms.grace:
        return Verdict("its health was lost after it was delivered")
    return Verdict(after=terms.grace - course.unhealthy)


def read(policies: Iterable[Policy], problems: list[Problem]) -> Terms | None:
    """The terms of an application; of several such policies the first counts (semantics F1)."""
    found = [_terms(policy, problems) for policy in policies if policy.type == TYPE]
    return found[0] if found else None


def _terms(policy: Policy, problems: list[Problem]) -> Terms:
    fields = decoding.properties(policy, _FIELDS, problems)
    return Terms(
        on_failure=fields.flag("onFailure", default=True),
        on_unhealthy=fields.flag("onUnhealthy", default=True),
        within=fields.duration("within", Terms.within),
        grace=fields.duration("grace", Terms.grace),
    )
