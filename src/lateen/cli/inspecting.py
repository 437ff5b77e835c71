"""`debug`: what the steps and components of a workflow evaluated to."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from lateen import hub
from lateen.base import paths, suggest
from lateen.base.problem import Problem
from lateen.cli import connecting, flows, printing
from lateen.cli.forms import Workflows
from lateen.controllers.application import noting
from lateen.cue.engine import Engine

_NONE = frozenset({"suspend", "step-group"})  # have no document


@dataclass(frozen=True)
class Order:
    """What the user asked for; `step` and `focus` are empty for all there is."""

    name: str
    namespace: str
    step: str
    focus: str


async def debug(order: Order, kind: Workflows | None, kubeconfig: str | None) -> None:
    """Print documents; without a step, those there are.

    Raises:
        Problem: `workflow.no-debug` when none are kept; `workflow.unknown-step`, `input.field`.
    """
    async with connecting.plane(kubeconfig) as client:
        flow = await flows.find(client, order.namespace, order.name, kind)
        if not flow.debugged:
            raise _off(flow)
        found = await _documents(client, flow)
    if order.step:
        chosen = {order.step: _chosen(order.step, found, flow)}
    elif order.focus or len(found) == 1:
        chosen = found
    else:
        _list(flow, found)
        return
    for name, text in chosen.items():
        if len(chosen) > 1:
            printing.line_out(f"// {name}")
        await _show(name, text, order.focus)


async def _documents(client: hub.Client, flow: flows.Flow) -> dict[str, str]:
    """Step, else component with its place -> the text that is kept. Those of earlier runs, whose
    steps are not known any more, are left out.
    """
    kept, _ = await client.list("", "v1", "ConfigMap", namespace=flow.owner.namespace)
    texts = {
        noting.subject(flow.owner, str(each["metadata"]["name"])): str(each["data"][noting.KEY])
        for each in kept
        if noting.KEY in (each.get("data") or {})
    }
    steps = {record.id: record.name for record in flow.records() if record.id in texts}
    found = {step: texts[of] for of, step in steps.items()}
    for of in sorted(texts.keys() - steps.keys()):
        if of.partition(".")[0] in flow.components:
            found[f"{of} (component)" if of in found else of] = texts[of]
    return found


def _off(flow: flows.Flow) -> Problem:
    if flow.kind == "WorkflowRun":
        hint = 'annotate it workflowrun.oam.dev/debug: "true", and restart it'
    else:
        hint = "add `- {name: debug, type: debug}` to spec.policies"
    said = f"{flow.owner.name} does not keep what its workflow evaluates to"
    return Problem("workflow.no-debug", said, hint=hint)


def _chosen(step: str, found: dict[str, str], flow: flows.Flow) -> str:
    if step in found:
        return found[step]
    types = {record.name: record.type for record in flow.records()}
    if types.get(step) in _NONE:
        raise Problem("workflow.no-debug", f"a step of type {types[step]} has no document")
    raise Problem(
        "workflow.unknown-step",
        f"no document of {step} is kept",
        hint=suggest.nearest(step, found) or f"there are: {', '.join(found) or 'none yet'}",
    )


def _list(flow: flows.Flow, found: dict[str, str]) -> None:
    if not found:
        printing.stderr().print("No step or component has been looked at since it is debugged.")
        return
    records = {record.name: record for record in flow.records()}
    rows = []
    for name in found:
        record = records.get(name)
        rows.append(
            (
                name,
                record.type if record else "component",
                printing.state(record.phase) if record else "",
                record.message if record else "",
            )
        )
    printing.table(("STEP", "TYPE", "PHASE", "MESSAGE"), rows)
    printing.stderr().print("Add --step NAME to see what it evaluated to.")


async def _show(name: str, text: str, focus: str) -> None:
    """The document, or one value in it.

    Raises:
        Problem: `input.field`.
    """
    if not focus:
        printing.line_out(text.rstrip("\n"))
        return
    try:
        root, *rest = paths.parse(focus)
    except ValueError as error:
        raise Problem("input.field", str(error)) from error
    async with Engine() as engine:
        result = await engine.evaluate(text, [], [str(root)], source=name)
    value = paths.lookup(result.values, (root, *rest))
    if value is paths.MISSING:
        fields = ", ".join(result.values) or "other fields"
        raise Problem("input.field", f"{name} has no {focus}", hint=f"it has {fields}")
    printing.line_out(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())
