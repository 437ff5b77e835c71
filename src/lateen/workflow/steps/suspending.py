"""`suspend`: wait for a person, or for a time (semantics E6)."""

from __future__ import annotations

from datetime import UTC, timedelta

from lateen.base import clock
from lateen.workflow import options, records, remembering
from lateen.workflow.ports import Result, Task

FIELD = "suspend"


async def run(task: Task) -> Result:
    """Suspend until resumed, or until `duration` has passed."""
    wanted = options.suspend(task.step, task.properties)
    return hold(task, wanted.duration, wanted.message) or Result(records.SUCCEEDED)


def hold(
    task: Task, duration: float | None = None, message: str = "", field: str = FIELD
) -> Result | None:
    """The result of a step that is suspended, or None when it may go on.

    `duration` is in seconds, None for until resumed; `field` names the pause where a step has
    several. Once passed, it stays passed: a step that fails afterwards does not ask again.
    """
    memory, step_id = task.memory, task.record.id
    held, passed = (
        remembering.key(step_id, field, "suspendTimeStamp"),
        remembering.key(step_id, field, "passed"),
    )
    resume = remembering.key(step_id, *([] if field == FIELD else [field]), "resumeTimeStamp")
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
    said = message or f"Suspended by field {field}"
    return Result(records.SUSPENDING, records.SUSPEND, said, wake=wake_at)
