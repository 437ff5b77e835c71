"""One pass over a workflow (semantics E2, E3).

A pass goes on where the last one stopped: everything it needs to know is in `status.workflow` and
in the memory. What a step does is its runner's matter, when it may is `skipping`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lateen.api.application import Step
from lateen.workflow import executing, graphs, options, overlapping, records, skipping
from lateen.workflow.executing import Branch
from lateen.workflow.planning import Plan
from lateen.workflow.ports import Tools
from lateen.workflow.records import Ledger, Record
from lateen.workflow.remembering import Memory
from lateen.workflow.waiting import Attempts

EXECUTING, SUSPENDED = "executing", "suspending"
SUCCEEDED, FAILED, TERMINATED = "succeeded", "failed", "terminated"


@dataclass(frozen=True)
class Progress:
    """How a pass ended.

    Attributes:
        state: executing, suspending, succeeded, failed or terminated.
        status: the new `status.workflow`; equal to the old one when nothing happened.
        memory_changed: the memory has something to store, before the status is.
        next_after: seconds until the next pass if nothing happens before; None for never.
        rests: there is nothing to look at but the end of its time: somebody has to act.
    """

    state: str
    status: dict[str, Any]
    memory_changed: bool
    next_after: float | None
    rests: bool = False

    @property
    def over(self) -> bool:
        return self.state in (SUCCEEDED, FAILED, TERMINATED)


async def advance(
    plan: Plan, status: Mapping[str, Any], memory: Memory, attempts: Attempts, tools: Tools
) -> Progress:
    """Run one pass. `memory` and `attempts` are updated, `status` is not.

    Independent steps of a DAG run at the same time. A step that fails does not raise: it is
    recorded, tried again, and given up in the end.

    Source: semantics E2, E3.
    """
    ledger = Ledger(status)
    now = tools.clock.now()
    if not ledger.started or ledger.start_time is None:
        ledger.start(str(plan.mode), now)
    # what a run that was restarted by hand had set is no longer true, whoever still remembers it
    memory.drop(
        name for name, makers in plan.producers.items() if not any(map(ledger.done, makers))
    )
    work = _Pass(plan, ledger, memory, attempts, tools)
    work.watch_the_time()
    work.close_groups()
    if not ledger.finished and not _ended(plan, ledger) and not _held(ledger):
        await work.run(Branch(plan.steps, plan.mode.steps))
        ledger.suspend = any(r.phase == records.SUSPENDING for r in ledger.walk())
    state = _state(plan, ledger)
    ledger.close(state, now)
    after = work.next_after() if state in (EXECUTING, SUSPENDED) else None
    left = work.time_left() if state in (EXECUTING, SUSPENDED) else None
    first = min((each for each in (after, left) if each is not None), default=None)
    return Progress(state, ledger.to_map(), memory.changed, first, rests=after is None)


def _ended(plan: Plan, ledger: Ledger) -> bool:
    return all(ledger.done(step.name) for step in plan.steps)


def _held(ledger: Ledger) -> bool:
    """Suspended by hand. What suspended itself is looked at again: its time may have come."""
    return ledger.suspend and not any(
        record.phase == records.SUSPENDING and record.reason == records.SUSPEND
        for record in ledger.walk()
    )


def _state(plan: Plan, ledger: Ledger) -> str:
    if _ended(plan, ledger):
        failed = any(record.phase == records.FAILED for record in ledger.steps)
        if not failed and not ledger.terminated:
            return SUCCEEDED
        ledger.terminated = True
        return TERMINATED if skipping.cancelled(ledger) and not ledger.expired else FAILED
    return SUSPENDED if ledger.suspend else EXECUTING


class _Pass:
    def __init__(
        self, plan: Plan, ledger: Ledger, memory: Memory, attempts: Attempts, tools: Tools
    ) -> None:
        self._plan = plan
        self._ledger = ledger
        self._attempts = attempts
        self._tools = tools
        self._steps = executing.Execution(plan, ledger, memory, attempts, tools)

    def watch_the_time(self) -> None:
        """End a workflow whose time is over: what runs times out, what has not begun is skipped."""
        left = self.time_left()
        limit = self._tools.limits.timeout
        if left == 0 and limit is not None and not self._ledger.finished:
            self._ledger.expire(limit)

    def time_left(self) -> float | None:
        """Seconds until the workflow's time is over; None when it never is, or has been."""
        end = self._steps.workflow_end
        if end is None or self._ledger.expired:
            return None
        return max(0.0, (end - self._tools.clock.now()).total_seconds())

    def close_groups(self) -> None:
        """Skip what had not begun in a group that was ended by hand: others may wait for it."""
        for group in self._plan.steps:
            record = self._ledger.find(group.name)
            for sub in group.sub_steps if record is not None and record.finished else ():
                inner = self._ledger.touch(sub, record, self._tools.ids)
                if not inner.finished:
                    self._steps.skip(sub, inner, "")

    async def run(self, branch: Branch) -> None:
        """Take the steps as far as they go now."""
        if branch.mode == graphs.DAG:
            await self._run_graph(branch)
        else:
            await self._run_in_order(branch)

    async def _run_in_order(self, branch: Branch) -> None:
        for step in branch.steps:
            if self._ledger.done(step.name):
                continue
            if self._waits(step, branch) or (branch.held and not self._begun(step)):
                return
            record = await self._visit(step, branch)
            if not record.finished:
                return

    async def _run_graph(self, branch: Branch) -> None:
        """Run what can run, then what could not before, until nothing more can.

        A step is visited once. A group is visited again after any step has finished: those inside
        may have waited for it.
        """
        visited: dict[str, int] = {}
        while True:
            finished = sum(record.finished for record in self._ledger.walk())
            now = replace(branch, held=branch.held or self._suspended(branch.steps))
            wave = [
                step
                for step in branch.steps
                if not self._ledger.done(step.name)
                and (step.name not in visited or (step.sub_steps and visited[step.name] < finished))
                and (self._begun(step) or not (now.held or self._steps.pending(step, now)))
            ]
            if not wave:
                break
            visited.update((step.name, finished) for step in wave)
            for step in wave:  # in the order of the plan, whichever is done first
                self._ledger.touch(step, now.group, self._tools.ids)
            work = [(step, now) for step in wave]
            await overlapping.each(self._visit, work, self._tools.parallel)
        for step in branch.steps:
            self._waits(step, branch)

    async def _visit(self, step: Step, branch: Branch) -> Record:
        """Run a step once, if it may run."""
        record = self._ledger.touch(step, branch.group, self._tools.ids)
        if not await self._steps.may_run(step, record, branch):
            return record
        if step.type != options.GROUP:
            await self._steps.run(step, record, branch)
            return record
        if not record.first:
            record.put(records.RUNNING, "", "", self._tools.clock.now())
        mode = step.mode or self._plan.mode.sub_steps
        await self.run(Branch(step.sub_steps, mode, record, branch.held))
        await self._steps.close_group(step, record)
        return record

    def _suspended(self, steps: Sequence[Step]) -> bool:
        found = (self._ledger.find(step.name) for step in steps)
        return any(record.phase == records.SUSPENDING for record in found if record)

    def _begun(self, step: Step) -> bool:
        record = self._ledger.find(step.name)
        return record is not None and record.begun

    def _waits(self, step: Step, branch: Branch) -> bool:
        """Record what a step that has not begun waits for, if it does."""
        message = "" if self._begun(step) else self._steps.pending(step, branch)
        if message:
            record = self._ledger.touch(step, branch.group, self._tools.ids)
            record.put(records.PENDING, "", message, self._tools.clock.now())
        return bool(message)

    def next_after(self) -> float | None:
        """Seconds until something can be different without anything happening in the cluster."""
        if _held(self._ledger):
            return None
        every = {step.name: step for step in self._plan.every_step}
        ends = list(self._steps.wakes)
        trying = []
        for record in self._ledger.walk():
            step = every.get(record.name)
            if step is None or not record.begun or record.finished:
                continue
            if record.paused_by_hand and step.type != options.GROUP:
                continue
            trying.append(record.id)
            end = self._steps.deadline(step, record)
            if end is not None and end != self._steps.workflow_end:
                ends.append(end)
        now = self._tools.clock.now()
        waits = [max(0.0, (end - now).total_seconds()) for end in ends]
        due = self._attempts.next(trying, self._tools.clock.monotonic())
        return min([*waits, *([] if due is None else [due])], default=None)
