"""Whether a delivery is given up, and the condition `Stable`, which says how that stands.

Pure. The condition keeps since when health is lost; everything else it is asked stands in the
status already, so it does not matter which controller looks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from lateen.api import conditions, returns
from lateen.api.application import Application
from lateen.api.revision import Revision
from lateen.base import clock
from lateen.controllers.application.report import Report
from lateen.controllers.application.running import Itinerary, Pass
from lateen.policies import safeguarding
from lateen.policies.safeguarding import Course, Verdict
from lateen.policies.treating import Governance
from lateen.workflow import records

_AT_ONCE = 0.05  # seconds
_LOST = "Unhealthy"


class Delivery(Protocol):
    """What a pass has come to."""

    @property
    def progress(self) -> Pass: ...
    @property
    def route(self) -> Itinerary: ...
    @property
    def governance(self) -> Governance: ...
    @property
    def revision(self) -> Revision: ...


@dataclass(frozen=True)
class Judgement:
    """`aside`: what is to be written on the revision that is given up."""

    verdict: Verdict = safeguarding.STAY
    aside: returns.Quarantine | None = None


def judge(
    app: Application,
    delivery: Delivery,
    revisions: Sequence[Revision],
    report: Report,
    now: datetime,
) -> Judgement:
    """Judge what is delivered, and report it.

    What is delivered in the place of another revision is not judged: there is one way back, to
    what was good, and none from there.
    """
    if (aside := returns.put_aside(app, revisions)) is not None:
        held = returns.quarantine(aside)
        assert held is not None
        said = f"{aside.name} is quarantined: {held.reason}; {held.instead} is delivered in its "
        report.stable("RolledBack", f"{said}place until the application is changed")
        return Judgement()
    terms = delivery.governance.rollback
    if terms is None:
        report.unjudged()
        return Judgement()
    verdict = safeguarding.decide(terms, _course(delivery, report, now))
    if not verdict.back:
        return Judgement(verdict)
    good = returns.good(revisions, [delivery.revision.name])
    if good is None:
        said = f"{verdict.back}, and there is no revision that was delivered well to go back to"
        report.stable("NothingToReturnTo", said)
        return Judgement()
    reason = f"{verdict.back}{_why(delivery, report)}"
    mark = returns.Quarantine(app.generation, good.name, reason, clock.stamp(now))
    return Judgement(Verdict(verdict.back, _AT_ONCE), mark)


def _course(delivery: Delivery, report: Report, now: datetime) -> Course:
    progress = delivery.progress
    ended = progress.status.get("endTime")
    over = (now - clock.parse(ended)).total_seconds() if ended else None
    if not progress.succeeded:
        return Course(progress.state, waiting=_waiting(delivery, now), over=over)
    if report.phase != "unhealthy":
        report.stable("Healthy")
        return Course(progress.state, over=over)
    known = conditions.find(report.status.get("conditions") or [], "Stable") or {}
    report.stable(_LOST, "what was delivered is not healthy")
    lost = 0.0
    if known.get("reason") == _LOST:
        lost = (now - clock.parse(str(known["lastTransitionTime"]))).total_seconds()
    return Course(progress.state, over=over, unhealthy=lost)


def _waiting(delivery: Delivery, now: datetime) -> float:
    """For how long the step that is under way longest has been; what a person held counts not."""
    by_hand = {
        step.name
        for step in delivery.route.plan.every_step
        if step.type == "deploy" and step.properties.get("auto") is False
    }
    begun = [
        clock.parse(each.last if each.name in by_hand else each.first)
        for each in _leaves(delivery.progress.status)
        if not each.finished and each.phase != records.PENDING and each.first
    ]
    return max(((now - moment).total_seconds() for moment in begun), default=0.0)


def _leaves(workflow: dict[str, Any]) -> Iterator[records.Record]:
    for raw in workflow.get("steps") or ():
        yield from (each for each in records.Record.of(raw).walk() if not each.subs)


def _why(delivery: Delivery, report: Report) -> str:
    """What the steps, or the components that are not healthy, have to say."""
    if delivery.progress.failed:
        return f" ({delivery.progress.failure().message})"
    said = [
        f"{entry.get('name')}: {entry.get('message') or 'not healthy'}"
        for entry in report.status.get("services") or ()
        if not entry.get("healthy")
    ]
    return f" ({'; '.join(said)})" if said else ""
