"""Steering a workflow by hand: suspend, resume, restart, terminate (semantics E3).

Pure: a `status.workflow` in, a new one out. Whoever calls writes it, and the next pass of the
controller acts on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lateen.base import suggest
from lateen.base.problem import Problem
from lateen.workflow import graphs, records
from lateen.workflow.planning import Plan
from lateen.workflow.records import Ledger, Record
from lateen.workflow.remembering import Memory

Status = Mapping[str, Any]


def suspend(status: Status, step: str = "") -> dict[str, Any]:
    """Hold the workflow, and the steps that are running or the one that is named.

    Raises:
        Problem: `workflow.not-running`, `workflow.unknown-step`, `workflow.step-not-running`.
    """
    ledger = _running(status)
    if step:
        chosen = [_step(ledger, step)]
        if chosen[0].phase not in (records.RUNNING, records.SUSPENDING):
            raise Problem(
                "workflow.step-not-running",
                f"step {step} is {chosen[0].phase or records.PENDING}, only a running step "
                "can be suspended",
            )
    else:
        chosen = list(ledger.walk())
    for record in chosen:
        for each in record.walk():
            if each.phase == records.RUNNING:
                each.phase = records.SUSPENDING
    ledger.suspend = True
    return ledger.to_map()


def resume(status: Status, step: str = "") -> dict[str, Any]:
    """Let the workflow go on, or only the named step.

    Raises:
        Problem: `workflow.not-running`, `workflow.not-suspended`, `workflow.unknown-step`.
    """
    ledger = _running(status)
    if not ledger.suspend:
        raise Problem(
            "workflow.not-suspended",
            "the workflow is not suspended",
            hint="`lateen status` shows what it waits for",
        )
    chosen = [_step(ledger, step)] if step else list(ledger.walk())
    if step and chosen[0].phase != records.SUSPENDING:
        raise Problem("workflow.not-suspended", f"step {step} is not suspended")
    for record in chosen:
        for each in record.walk():
            if each.phase == records.SUSPENDING:
                each.phase = records.RUNNING
    for group in ledger.steps:  # a group is suspended as long as one of its steps is
        held = any(sub.phase == records.SUSPENDING for sub in group.subs)
        if group.subs and group.phase == records.SUSPENDING and not held:
            group.phase = records.RUNNING
    ledger.suspend = any(record.phase == records.SUSPENDING for record in ledger.walk())
    return ledger.to_map()


def terminate(status: Status) -> dict[str, Any]:
    """End the workflow where it is. What has not begun is skipped by the next pass.

    Raises:
        Problem: `workflow.not-running`.
    """
    ledger = _running(status)
    for record in ledger.walk():
        if record.phase in (records.RUNNING, records.SUSPENDING):
            record.phase, record.reason = records.FAILED, records.TERMINATE
        elif record.phase == records.FAILED and record.reason not in (
            records.EXHAUSTED,
            records.TIMEOUT,
        ):
            record.reason = records.TERMINATE
    ledger.terminated, ledger.suspend = True, False
    return ledger.to_map()


def restart(status: Status) -> dict[str, Any]:
    """Start over: an empty status, which the controller takes for a workflow that never ran.

    Raises:
        Problem: `workflow.not-running` when it never did run.
    """
    if not status:
        raise Problem("workflow.not-running", "the workflow has not been started yet")
    return {}


def restart_from(status: Status, step: str, plan: Plan, memory: Memory) -> dict[str, Any]:
    """Run a failed step again, and every step that waited for it. `memory` forgets what they set.

    Raises:
        Problem: `workflow.unknown-step`, `workflow.step-not-failed`.
    """
    ledger = Ledger(status)
    failed = _step(ledger, step)
    if failed.phase != records.FAILED:
        raise Problem(
            "workflow.step-not-failed",
            f"step {step} is {failed.phase or records.PENDING}, only a failed step "
            "can be restarted from",
            hint="without --step the whole workflow is restarted",
        )
    modes = (plan.mode.steps, plan.mode.sub_steps)
    gone = {step, *(sub.name for sub in failed.subs)}
    gone |= graphs.dependents(step, plan.steps, modes)
    outputs = (output for each in plan.every_step if each.name in gone for output in each.outputs)
    memory.drop(str(output.get("name")) for output in outputs)
    memory.forget({record.id for record in ledger.walk() if record.name in gone})
    ledger.steps = [record for record in ledger.steps if record.name not in gone]
    for group in ledger.steps:
        kept = [sub for sub in group.subs if sub.name not in gone]
        if len(kept) < len(group.subs):
            group.subs = kept
            group.phase, group.reason, group.message = records.RUNNING, "", ""
            group.first = ""
    ledger.reopen()
    return ledger.to_map()


def _running(status: Status) -> Ledger:
    ledger = Ledger(status)
    if not ledger.started:
        raise Problem("workflow.not-running", "the workflow has not been started yet")
    if ledger.finished or ledger.terminated:
        ended = ledger.state if ledger.finished else "terminated"
        raise Problem(
            "workflow.not-running",
            f"the workflow is over: it {_ENDINGS.get(ended, 'has ended')}",
            hint="`lateen workflow restart` runs it again",
        )
    return ledger


_ENDINGS = {"succeeded": "succeeded", "failed": "failed", "terminated": "was terminated"}


def _step(ledger: Ledger, name: str) -> Record:
    found = ledger.find(name)
    if found is None:
        known = [record.name for record in ledger.walk()]
        raise Problem(
            "workflow.unknown-step",
            f"the workflow has come to no step {name}",
            hint=suggest.nearest(name, known) or f"steps so far are {', '.join(known)}",
        )
    return found
