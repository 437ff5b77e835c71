"""`deploy`: components as policies change them, where policies place them (semantics F8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import anyio

from lateen.api.application import Component, Step
from lateen.api.placement import Placement
from lateen.base import paths
from lateen.base.problem import Problem, Problems, every, raise_any
from lateen.workflow import binding, options, overlapping, planning, records
from lateen.workflow.ports import Outcome, Result, Task
from lateen.workflow.remembering import Memory
from lateen.workflow.steps import applying, suspending


async def run(task: Task) -> Result:
    """Deliver every component to every placement; running until all are healthy.

    Raises:
        Problem | Problems: what any delivery failed with; the others went ahead.
    """
    wanted = options.deploy(task.step, task.properties)
    if not wanted.auto:
        held = suspending.hold(task)
        if held is not None:
            return held
    policies = task.tools.policies.including(wanted.inline)
    placements = policies.placements(wanted.named)
    components = [
        each
        for each in policies.components(wanted.named)
        if not (wanted.ignore_terraform and each.type in task.plan.clouds)
    ]
    sites = [_Site(task, place, components) for place in placements]
    reasons = await _deliver(sites, wanted.parallelism)
    if reasons:
        return Result(records.RUNNING, records.WAIT, ",".join(reasons))
    return Result(records.SUCCEEDED)


async def _deliver(sites: Sequence[_Site], parallelism: int) -> list[str]:
    """Deliver round by round: what is healthy lets those that wait for it go in the next."""
    limit = anyio.CapacityLimiter(parallelism)
    problems: list[Problem] = []
    while ready := [(site, slot) for site in sites for slot in site.ready()]:

        async def one(site: _Site, slot: Slot) -> None:
            async with limit:
                try:
                    await site.deliver(slot)
                except (Problem, Problems) as error:
                    problems.extend(every(error))

        await overlapping.each(one, ready)
    raise_any(problems)
    return [reason for site in sites for reason in site.reasons()]


Slot = tuple[str, str]
"""A component and the key of its copy, which is empty where there is only one."""


def _slot(component: Component) -> Slot:
    return component.name, component.replica_key


@dataclass
class _Site:
    """The components at one placement. Dependencies and inputs never cross placements."""

    task: Task
    place: Placement
    components: Sequence[Component]
    outcomes: dict[Slot, Outcome] = field(default_factory=dict)
    tried: set[Slot] = field(default_factory=set)
    faults: dict[Slot, str] = field(default_factory=dict)
    outputs: dict[str, Memory] = field(default_factory=dict)  # of each copy

    def ready(self) -> list[Slot]:
        """The components that wait for nothing and were not delivered in this pass."""
        return [
            _slot(component)
            for component in self.components
            if _slot(component) not in self.tried and self._may_go(component)
        ]

    def _may_go(self, component: Component) -> bool:
        slots = (slot for name in component.depends_on for slot in self._awaited(name, component))
        return all(self._healthy(slot) for slot in slots) and all(
            self._known(str(given.get("from")), component) for given in component.inputs
        )

    def _awaited(self, name: str, by: Component) -> list[Slot]:
        """What a dependency means here: the copy of the same key, else every copy there is.

        A component that is not part of this step is another step's matter.
        """
        slots = [_slot(each) for each in self.components if each.name == name]
        return [slot for slot in slots if slot[1] == by.replica_key] or slots

    def _healthy(self, slot: Slot) -> bool:
        found = self.outcomes.get(slot)
        return found is not None and found.healthy

    def _known(self, source: str, by: Component) -> bool:
        return any(binding.found(source, each, self._scope) for each in self._memories(by))

    @property
    def _scope(self) -> dict[str, Any]:
        return {"context": self.task.context}

    def _memories(self, by: Component) -> list[Memory]:
        """Where a component finds its inputs: put out by a copy of its key, by any, by steps."""
        own = self.outputs.get(by.replica_key)
        return [*([own] if own else ()), *self.outputs.values(), self.task.memory]

    async def deliver(self, slot: Slot) -> None:
        """Deliver one component, its inputs set, and take its outputs once it is healthy."""
        self.tried.add(slot)
        component = next(each for each in self.components if _slot(each) == slot)
        outcome = await self.task.tools.delivery.deliver(self._filled(component), self.place)
        self.outcomes[slot] = outcome
        if not outcome.healthy:
            return
        document = {**applying.document(outcome), "context": self.task.context}
        expressions = self.task.tools.expressions
        for output in component.outputs:
            source = str(output.get("valueFrom"))
            try:
                value = await expressions.evaluate(source, document)
            except Problem as problem:
                if not self.task.tools.rehearsal:
                    self.faults[slot] = problem.message
                    continue
                value = None
            self.outputs.setdefault(slot[1], Memory()).put(str(output.get("name")), value)

    def _filled(self, component: Component) -> Component:
        if not component.inputs:
            return component
        raw: Any = component.raw
        blamed = Step(component.name, "", {}, path=component.path)
        for index, given in enumerate(component.inputs):
            key = given.get("parameterKey")
            if key:
                value = self._value(str(given.get("from")), component)
                key = planning.component_key(str(key))
                raw = binding.assign(raw, key, value, blamed, index)
        made = Component.of(raw, component.path)
        written = {trait.type: trait.path for trait in component.traits}
        traits = (replace(each, path=written.get(each.type, each.path)) for each in made.traits)
        return replace(
            made,
            traits=tuple(traits),
            overlays=component.overlays,
            replica_key=component.replica_key,
        )

    def _value(self, source: str, by: Component) -> Any:
        for memory in self._memories(by):
            value = binding.find(source, memory, self._scope)
            if value is not paths.MISSING:
                return value
        return None

    def reasons(self) -> list[str]:
        """Why this placement is not done, in the order of the components."""
        found = []
        for component in self.components:
            slot = _slot(component)
            who = "/".join((self.place.cluster, self.place.namespace, slot[1], slot[0]))
            if slot not in self.tried:
                found.append(f"{who} is waiting dependents")
            elif not self._healthy(slot):
                found.append(f"{who} is not healthy")
            elif slot in self.faults:
                found.append(f"{who} has no output yet: {self.faults[slot]}")
        return found
