"""What steps and components evaluate to, kept for people who ask why (semantics E7, F9).

Texts are CUE: each field with its value as JSON, or why it has none. What was read from Secrets is
hidden in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from lateen.api.application import Component
from lateen.api.placement import Placement
from lateen.base.problem import Problem, Problems, every
from lateen.cue.engine import Engine, Fill
from lateen.providers.packages import Packages
from lateen.workflow import ports, redacting
from lateen.workflow.ports import Notes, Outcome, Result, Runner, Task

_LARGEST: Final = 800_000  # characters; an object of Kubernetes takes about a million


def text(fields: Mapping[str, Any], faults: Iterable[Problem], secrets: redacting.Secrets) -> str:
    """Fields one after the other, with what is wrong as comments."""
    secrets.learn_objects(fields)
    lines = [f"// {line}" for each in faults for line in secrets.hide(str(each)).splitlines()]
    for name, value in fields.items():
        shown = orjson.dumps(secrets.conceal(value), option=orjson.OPT_INDENT_2).decode()
        lines.append(f"{_label(name)}: {shown}")
    found = "\n".join(lines) + "\n"
    return found if len(found) <= _LARGEST else f"{found[:_LARGEST]}\n// too large: cut off here\n"


def _label(name: str) -> str:
    return name if name.isidentifier() else orjson.dumps(name).decode()


async def document(
    engine: Engine, text_: str, fills: list[Fill], source: str, packages: Packages
) -> tuple[dict[str, Any], list[Problem]]:
    """Every top-level field of a document that has a value, and why others have none."""
    try:
        outline = await engine.outline(text_, source=source)
        names = dict.fromkeys(field.name for field in outline.fields)
        result = await engine.evaluate(
            text_, fills, [_label(name) for name in names], source=source, packages=packages
        )
    except (Problem, Problems) as error:
        return {fill.path: fill.value for fill in fills}, list(every(error))
    values = {name: result.values[_label(name)] for name in names if _label(name) in result.values}
    return values, list(result.problems)


def shown(run: Runner) -> Runner:
    """A native step whose document is kept, also when it fails."""

    async def shown_run(task: Task) -> Result:
        notes = task.tools.notes
        if notes is None:
            return await run(task)
        fields = {"context": task.context, "parameter": task.properties}
        try:
            result = await run(task)
        except (Problem, Problems) as error:
            found = text(fields, every(error), redacting.of(task.memory))
            await notes.keep(task.record.id, found)
            raise
        told = {**fields, **result.document}
        await notes.keep(task.record.id, text(told, (), redacting.of(task.memory)))
        return result

    return shown_run


@dataclass
class Shown:
    """A delivery that keeps what components come to. Implements `workflow.ports.Delivery`."""

    delivery: ports.Delivery
    notes: Notes
    memory: redacting.Variables

    async def deliver(self, component: Component, placement: Placement) -> Outcome:
        fields = {"context": _place(placement), "parameter": component.properties}
        try:
            outcome = await self.delivery.deliver(component, placement)
        except (Problem, Problems) as error:
            await self._keep(component, placement, fields, every(error))
            raise
        found = {**fields, "healthy": outcome.healthy, "message": outcome.message}
        found |= {"output": outcome.output, "outputs": dict(outcome.outputs)}
        await self._keep(component, placement, found)
        return outcome

    async def render(self, component: Component, placement: Placement) -> Outcome:
        return await self.delivery.render(component, placement)

    async def _keep(
        self,
        component: Component,
        placement: Placement,
        fields: Mapping[str, Any],
        faults: Iterable[Problem] = (),
    ) -> None:
        name = ".".join(_named(component, placement))
        await self.notes.keep(name, text(fields, faults, redacting.of(self.memory)))


def _named(component: Component, placement: Placement) -> Iterator[str]:
    """The application's own place goes without saying."""
    yield component.name
    yield from filter(None, (component.replica_key, placement.cluster, placement.namespace))


def _place(placement: Placement) -> dict[str, str]:
    return {"cluster": placement.cluster, "namespace": placement.namespace}
