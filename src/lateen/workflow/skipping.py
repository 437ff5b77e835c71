"""May a step run now, does it have to wait, or is it skipped? Pure decisions (semantics E2, E3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from lateen.api.application import Step
from lateen.workflow import binding, graphs, records
from lateen.workflow.planning import Plan
from lateen.workflow.records import Ledger, Record
from lateen.workflow.remembering import Memory

ALWAYS = "always"


def pending(
    step: Step, plan: Plan, ledger: Ledger, memory: Memory, scope: Mapping[str, Any]
) -> str:
    """What a step waits for, as its message says it; empty when it waits for nothing.

    An input that no finished step has set will never come: it is null then, so that the workflow
    does not hang after a failure. An input that nothing sets is waited for until the end of the
    run (semantics E4, surprise 10).
    """
    for name in step.depends_on:
        if not ledger.done(name):
            return f"Pending on DependsOn: {name}"
    for given in step.inputs:
        source = str(given.get("from") or "")
        if binding.found(source, memory, scope):
            continue
        makers = plan.producers.get(graphs.variable(source), ())
        if not makers and ledger.terminated:
            continue
        if not makers or not all(ledger.done(maker) for maker in makers):
            return f"Pending on Input: {source}"
    return ""


def cancelled(ledger: Ledger) -> bool:
    """Ended by hand, not by a failure: what has not begun will not, unless its `if` asks for it."""
    if not ledger.terminated:
        return False
    return all(
        record.reason == records.TERMINATE
        for record in ledger.walk()
        if record.phase == records.FAILED
    )


def ended(ledger: Ledger) -> bool:
    """A step ended the workflow with what it had come to, which was as it should be."""
    return any(
        record.phase == records.SUCCEEDED and record.reason == records.TERMINATE
        for record in ledger.walk()
    )


def follows(step: Step, siblings: Sequence[Step], mode: str, ledger: Ledger) -> bool:
    """Whether a step without an `if` runs, after what came before it.

    Named dependencies decide alone, and only they themselves, not what is behind them. Without
    any, in StepByStep, no step before this one may have failed.
    """
    if cancelled(ledger) or ended(ledger) or ledger.expired:
        return False
    if step.depends_on:
        return all(_phase(ledger.find(name)) == records.SUCCEEDED for name in step.depends_on)
    if mode == graphs.DAG:
        return True
    before = siblings[: [each.name for each in siblings].index(step.name)]
    return all(
        _phase(ledger.find(each.name)) in (records.SUCCEEDED, records.SKIPPED) for each in before
    )


def _phase(record: Record | None) -> str:
    return record.phase if record else records.PENDING


def statuses(plan: Plan, ledger: Ledger) -> dict[str, dict[str, Any]]:
    """`status` as an `if` sees it: every step of the plan, by its name, and by the name of what it
    delivers where no step is called that.
    """
    found: dict[str, dict[str, Any]] = {}
    aliases: dict[str, dict[str, Any]] = {}
    for step in plan.every_step:
        record = ledger.find(step.name) or Record("", step.name, step.type, phase=records.PENDING)
        found[step.name] = {
            **record.to_map(),
            "message": record.message,
            "reason": record.reason,
            "failed": record.phase == records.FAILED,
            "succeeded": record.phase == records.SUCCEEDED,
            "skipped": record.phase == records.SKIPPED,
            "timeout": record.reason == records.TIMEOUT,
            "failedAfterRetries": record.reason == records.EXHAUSTED,
            "terminate": record.reason == records.TERMINATE,
        }
        for key in ("name", "component"):
            alias = step.properties.get(key)
            if isinstance(alias, str):
                aliases.setdefault(alias, found[step.name])
    return {**aliases, **found}


def not_boolean(value: Any) -> str:
    """The message of a step whose `if` gives something else than true or false."""
    kind = {str: "string", int: "int", float: "float", list: "list", dict: "struct"}
    shown = orjson.dumps(value).decode()
    return (
        f"pre check error: if: cannot use value {shown} "
        f"(type {kind.get(type(value), 'null')}) as bool"
    )
