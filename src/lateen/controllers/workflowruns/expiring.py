"""Which finished WorkflowRuns have been kept long enough. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from lateen.api import names
from lateen.api.workflowrun import WorkflowRun
from lateen.base import clock


def group(run: WorkflowRun) -> str:
    """What a run is one of several runs of; empty for one by itself."""
    pipeline = run.labels.get(names.PIPELINE)
    return f"pipeline {pipeline}" if pipeline else run.workflow_ref


def doomed(
    runs: Iterable[WorkflowRun], now: datetime, *, count: int, age: timedelta
) -> list[WorkflowRun]:
    """Those of the finished runs of one namespace that are to be deleted.

    Of the runs of one Workflow, or one pipeline, the last `count` are kept, and for `age`; the very
    last one always. Of those by themselves only the age counts. Zero is no limit.
    """
    groups: dict[str, list[WorkflowRun]] = {}
    for run in runs:
        if run.finished and not run.deleting:
            groups.setdefault(group(run), []).append(run)
    found = []
    for name, members in groups.items():
        members.sort(key=_order, reverse=True)
        for place, run in enumerate(members):
            old = bool(age) and _ended(run) + age <= now
            many = bool(count) and place >= count and bool(name)
            if (old and (place > 0 or not name)) or many:
                found.append(run)
    return found


def _order(run: WorkflowRun) -> tuple[datetime, int]:
    """Several may end within one second."""
    return _ended(run), int(run.metadata.get("resourceVersion") or 0)


def _ended(run: WorkflowRun) -> datetime:
    return clock.parse(str(run.status.get("endTime") or run.metadata["creationTimestamp"]))


def next_after(run: WorkflowRun, now: datetime, age: timedelta) -> float | None:
    """Seconds until a finished run has its age; None where none is set."""
    return max(0.0, (_ended(run) + age - now).total_seconds()) if age else None
