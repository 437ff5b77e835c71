"""When an application is looked at, or its workflow run again, though nothing changed (C5). Pure.

`app.oam.dev/restart-workflow` is `true`, a time, or a duration after which to run again and again.
What it asks for is first written into the status; only then is an annotation that counts once
removed. So it is never lost, and never counts twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from lateen.api import names
from lateen.api.application import Application
from lateen.base import clock, durations
from lateen.base.problem import Problem

FIELD: Final = "workflowRestartScheduledAt"
_NOW: Final = "true"
_SECOND: Final = timedelta(seconds=1)
_SHORTEST: Final = 10.0  # seconds between two looks


def interval(app: Application) -> float | None:
    """How many seconds pass at most between two looks at an application; None for any number.

    Source: inventory 1.4.
    """
    try:
        found = durations.seconds(app.annotations.get(names.RECONCILE_INTERVAL, ""))
    except ValueError:
        return None
    return found if found >= _SHORTEST else None


def check(app: Application) -> list[Problem]:
    """What is wrong with the annotations that say when."""
    problems = []
    text = app.annotations.get(names.RESTART_WORKFLOW)
    if text is not None and text != _NOW and _moment(text) is None and _every(text) is None:
        said = f'"{text}" is no time to restart the workflow at'
        hint = "write true, a time such as 2026-01-15T14:30:00Z, or a duration such as 24h"
        problems.append(_wrong(names.RESTART_WORKFLOW, said, hint))
    text = app.annotations.get(names.RECONCILE_INTERVAL)
    if text is not None and interval(app) is None:
        said = f'"{text}" is ignored: it is no duration of at least 10s'
        problems.append(_wrong(names.RECONCILE_INTERVAL, said, "write a duration such as 1m"))
    return problems


def _wrong(annotation: str, said: str, hint: str) -> Problem:
    return Problem("field.value", said, path=f'metadata.annotations["{annotation}"]', hint=hint)


def scheduled(app: Application, status: Mapping[str, Any], now: datetime) -> str:
    """When the workflow is to run again, as the status should say; empty for never."""
    known = str(status.get(FIELD) or "")
    text = app.annotations.get(names.RESTART_WORKFLOW, "")
    ended = _ended(status)
    every = _every(text)
    if text == _NOW:
        # after the end of the last run, which may have been in this very second
        due = max(now, ended + _SECOND) if ended else now
        return known if _noted(app, status, now) else clock.stamp(due)
    if moment := _moment(text):
        return clock.stamp(moment)
    if every is not None and ended:
        return clock.stamp(ended + timedelta(seconds=every))
    return known


def spent(app: Application, status: Mapping[str, Any], now: datetime) -> bool:
    """Whether the annotation counts once, and what it says is in the stored status."""
    text = app.annotations.get(names.RESTART_WORKFLOW, "")
    return (text == _NOW or _moment(text) is not None) and _noted(app, status, now)


def _noted(app: Application, status: Mapping[str, Any], now: datetime) -> bool:
    known = str(status.get(FIELD) or "")
    if not known:
        return False
    text = app.annotations.get(names.RESTART_WORKFLOW, "")
    if text == _NOW:  # what was noted for another day is not this
        return clock.parse(known) <= now + 2 * _SECOND
    moment = _moment(text)
    return moment is not None and clock.stamp(moment) == known


def wait(app: Application, status: Mapping[str, Any], now: datetime) -> float | None:
    """Seconds until the workflow is to run again, 0 for now; None where nothing is due.

    A workflow that has not ended is let go on, and an annotation that counts once has to be gone.
    """
    known, ended = str(status.get(FIELD) or ""), _ended(status)
    text = app.annotations.get(names.RESTART_WORKFLOW, "")
    if not known or ended is None or text == _NOW or _moment(text):
        return None
    due = clock.parse(known)
    return max(0.0, (due - now).total_seconds()) if due > ended else None


def _ended(status: Mapping[str, Any]) -> datetime | None:
    """When the last run ended; None while one goes on."""
    workflow = status.get("workflow") or {}
    if not (workflow.get("finished") and workflow.get("endTime")):
        return None
    return clock.parse(str(workflow["endTime"]))


def _moment(text: str) -> datetime | None:
    try:
        found = clock.parse(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else None


def _every(text: str) -> float | None:
    try:
        found = durations.seconds(text)
    except ValueError:
        return None
    return found if found > 0 else None
