"""`suspend`: wait for a person, or for a time (semantics E6)."""

from __future__ import annotations

from datetime import UTC, timedelta

from lateen.base import clock
from lateen.workflow import options, records
from lateen.workflow.ports import Result, Task

_FIELD = "suspend"


async def run(task: Task) -> Result:
    """Suspend until resumed, or until `duration` has passed."""
    wanted = options.suspend(task.step, task.properties)
    return hold(task, wanted.duration, wanted.message) or Result(records.SUCCEEDED)


def hold(task: Task, duration: float | None = None, message: str = "") -> Result | None:
    """The result of a step that is suspended, or None when it may go on.

    `duration` is in seconds, None for until resumed. Once passed, it stays passed: a step that
    fails afterwards does not ask again.
    """
    memory, step_id = task.memory, task.record.id
    held, passed, resume = (
        f"{step_id}.{_FIELD}.suspendTimeStamp",
        f"{step_id}.{_FIELD}.passed",
        f"{step_id}.resumeTimeStamp",
    )
    if task.tools.rehearsal or memory.value(passed):
        return None
    now = task.tools.clock.now()
    resumed = memory.value(held) and task.record.phase == records.RUNNING
    if duration is not None and not memory.value(resume):
        wake = (now + timedelta(seconds=duration)).astimezone(UTC)
        memory.keep(resume, wake.isoformat().replace("+00:00", "Z"))
    wake_at = clock.parse(memory.value(resume)) if memory.value(resume) else None
    if resumed or (wake_at is not None and wake_at <= now):
        memory.keep(passed, "true")
        return None
    if not memory.value(held):
        memory.keep(held, clock.stamp(now))
    said = message or f"Suspended by field {_FIELD}"
    return Result(records.SUSPENDING, records.SUSPEND, said, wake=wake_at)
