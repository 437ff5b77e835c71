"""Running single steps: whether one runs now, its body, and what became of it (E3, E4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from lateen.api.application import Step
from lateen.base import clock, durations
from lateen.base.problem import Problem, Problems, told
from lateen.workflow import binding, graphs, options, records, skipping
from lateen.workflow.planning import Plan
from lateen.workflow.ports import Result, Task, Tools
from lateen.workflow.records import Ledger, Record
from lateen.workflow.remembering import Memory
from lateen.workflow.waiting import Attempts


@dataclass(frozen=True)
class Branch:
    """Steps that run together: those of the workflow, or those of one group.

    While `held`, because something beside them is suspended, none of them begins.
    """

    steps: Sequence[Step]
    mode: str
    group: Record | None = None
    held: bool = False


class Execution:
    """The steps of one pass. `wakes` are the times at which suspended steps go on."""

    def __init__(
        self, plan: Plan, ledger: Ledger, memory: Memory, attempts: Attempts, tools: Tools
    ) -> None:
        self._plan = plan
        self._ledger = ledger
        self._memory = memory
        self._attempts = attempts
        self._tools = tools
        self.wakes: list[datetime] = []

    def pending(self, step: Step, branch: Branch) -> str:
        """What a step that has not begun waits for, empty for nothing."""
        scope = self._scope(step, None, branch.group)
        return skipping.pending(step, self._plan, self._ledger, self._memory, scope)

    async def may_run(self, step: Step, record: Record, branch: Branch) -> bool:
        """Whether the step goes on, or begins. Where not, its record says why."""
        if record.paused_by_hand and step.type != options.GROUP:
            return False
        if record.begun:
            if self._timed_out(step, record):
                await self._expire(step, record, branch)
                return False
            retry = record.phase != records.FAILED or step.type == options.GROUP
            return retry or self._attempts.due(record.id, self._monotonic)
        try:
            reason = await self._skip_reason(step, branch)
        except Problem as problem:  # the evaluator failed, not the expression: ask again
            record.put(records.PENDING, "", f"if: {problem.message}", self._now)
            self.wakes.append(self._now + timedelta(seconds=1))
            return False
        if reason is not None:
            self.skip(step, record, reason)
        return reason is None

    async def _skip_reason(self, step: Step, branch: Branch) -> str | None:
        """The message of a step that is skipped, None for one that runs."""
        scope = self._scope(step, None, branch.group)
        for given in step.inputs:
            source = str(given.get("from"))
            if self._never(source, scope):
                return f"input {source} was never set"
        if not step.condition:
            runs = skipping.follows(step, branch.steps, branch.mode, self._ledger)
            return None if runs else ""
        if step.condition == skipping.ALWAYS:
            return None
        scope |= {
            "status": skipping.statuses(self._plan, self._ledger),
            "inputs": binding.inputs(step, self._memory, scope),
        }
        try:
            value = await self._tools.expressions.evaluate(step.condition, scope)
        except Problem as problem:
            if problem.retry:
                raise
            return f"pre check error: invalid if value: if: {problem.message}"
        if isinstance(value, bool):
            return None if value else ""
        return skipping.not_boolean(value)

    def _never(self, source: str, scope: Mapping[str, Any]) -> bool:
        made = graphs.variable(source) in self._plan.producers
        return not made and not binding.found(source, self._memory, scope)

    def skip(self, step: Step, record: Record, message: str) -> None:
        record.put(records.SKIPPED, records.SKIP, message, self._now)
        binding.withhold(step, self._memory)
        for sub in step.sub_steps:
            self.skip(sub, self._ledger.touch(sub, record, self._tools.ids), "")

    async def run(self, step: Step, record: Record, branch: Branch) -> None:
        """Run the body of a step once and record what it gave."""
        try:
            executed = await self._execute(step, record, branch)
            if executed is not None:
                await self._take(step, record, executed)
        except (Problem, Problems) as error:
            self._fail(step, record, told(error))

    async def _execute(self, step: Step, record: Record, branch: Branch) -> Result | None:
        """The result of a body, with the document its outputs are taken from."""
        scope = self._scope(step, record, branch.group)
        lost = binding.lost(step, self._memory, scope)
        if lost:
            self._give_up(step, record, records.INPUT, lost)
            return None
        try:
            properties = binding.fill(step, self._memory, scope)
        except Problem as problem:
            self._give_up(step, record, records.RENDERING, told(problem))
            return None
        scope["parameter"] = properties
        due = self._attempts.due(record.id, self._monotonic)
        context = scope["context"]
        task = Task(step, properties, context, record, self._plan, self._memory, self._tools, due)
        result = await self._tools.runners[step.type](task)
        return replace(result, document={**scope, **result.document})

    async def _publish(self, step: Step, result: Result) -> list[str]:
        """Set the variables of a step that is over; says for each that could not be, why."""
        expressions = result.values or self._tools.expressions
        return await binding.publish(
            step, result.document, self._memory, expressions, secret=result.secret
        )

    async def _take(self, step: Step, record: Record, result: Result) -> None:
        """Record what a run gave. The outputs come first: their failure is the step's."""
        message = result.message
        if result.phase == records.FAILED and result.reason in ("", records.EXECUTE):
            self._fail(step, record, message)
            return
        if result.phase in (records.SUCCEEDED, records.FAILED):
            faults = await self._publish(step, result)
            if not self._tools.rehearsal:
                message = "; ".join(filter(None, [message, *faults]))
        record.put(result.phase, result.reason, message, self._now)
        if result.wake is not None:
            self.wakes.append(result.wake)
        if record.finished:
            self._attempts.forget(record.id)
            self._ledger.terminated |= result.phase == records.FAILED
        elif result.phase == records.RUNNING:
            self._attempts.waited(record.id, message, self._monotonic)

    async def close_group(self, step: Step, record: Record) -> None:
        """Record what became of a group, now that its steps went as far as they could."""
        phase, reason = records.summary(step, record.subs)
        record.put(phase, reason, "", self._now)
        if not record.finished:
            return
        document = self._scope(step, record, None)
        try:
            faults = await binding.publish(step, document, self._memory, self._tools.expressions)
        except Problem as problem:
            faults = [problem.message]
            binding.withhold(step, self._memory)
        record.put(phase, reason, "; ".join(faults), self._now)

    def _fail(self, step: Step, record: Record, message: str) -> None:
        """An error while executing: tried again later, until it has been often enough."""
        retries = self._tools.limits.retries
        if self._attempts.failed(record.id, message, self._monotonic, retries):
            self._give_up(step, record, records.EXHAUSTED, message)
        else:
            record.put(records.FAILED, records.EXECUTE, message, self._now)

    def _give_up(self, step: Step, record: Record, reason: str, message: str) -> None:
        record.put(records.FAILED, reason, message, self._now)
        self._ledger.terminated = True
        self._attempts.forget(record.id)
        binding.withhold(step, self._memory)

    def deadline(self, step: Step, record: Record) -> datetime | None:
        """When a step that has begun runs out of time; None when it does not."""
        if not record.first or record.finished:
            return None
        ends = [self._own_end(step, record), self._end_with_the_workflow(record)]
        return min((end for end in ends if end is not None), default=None)

    def _own_end(self, step: Step, record: Record) -> datetime | None:
        if not step.timeout:
            return None
        return clock.parse(record.first) + timedelta(seconds=durations.seconds(step.timeout))

    def _end_with_the_workflow(self, record: Record) -> datetime | None:
        """What begins only after the workflow's time, to clean up, is given as much again."""
        end, limit = self.workflow_end, self._tools.limits.timeout
        if end is None or limit is None:
            return None
        first = clock.parse(record.first)
        return end if first < end else first + timedelta(seconds=limit)

    @property
    def workflow_end(self) -> datetime | None:
        """When the time of the whole workflow is over; None when it never is."""
        limit, start = self._tools.limits.timeout, self._ledger.start_time
        return start + timedelta(seconds=limit) if limit and start else None

    def _timed_out(self, step: Step, record: Record) -> bool:
        end = self.deadline(step, record)
        return end is not None and end <= self._now

    async def _expire(self, step: Step, record: Record, branch: Branch) -> None:
        """Its time is over. A step others take values from runs once more, to have them."""
        if step.outputs and step.type != options.GROUP:
            try:
                executed = await self._execute(step, record, branch)
                if executed is not None:
                    await self._publish(step, executed)
            except (Problem, Problems) as error:
                self._fail(step, record, told(error))
        own = self._own_end(step, record)
        message = "" if own is not None and own <= self._now else self._ledger.message
        self._give_up(step, record, records.TIMEOUT, message)
        for sub in step.sub_steps:
            inner = self._ledger.touch(sub, record, self._tools.ids)
            if not inner.finished:
                self._give_up(sub, inner, records.TIMEOUT, message)

    def _scope(self, step: Step, record: Record | None, group: Record | None) -> dict[str, Any]:
        """What expressions of a step see, before any result of its own (semantics B2)."""
        context = {**self._tools.context, "stepName": step.name}
        if record is not None:
            context |= {"stepSessionID": record.id, "spanID": record.id}
        if group is not None:
            context["stepGroupName"] = group.name
        return {"context": context, "parameter": step.properties}

    @property
    def _now(self) -> datetime:
        return self._tools.clock.now()

    @property
    def _monotonic(self) -> float:
        return self._tools.clock.monotonic()
