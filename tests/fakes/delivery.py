"""A delivery into memory: components get well when a test says so, or at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from lateen.api.application import Component
from lateen.api.placement import Placement
from lateen.base.problem import Problem
from lateen.workflow.ports import Outcome

Slot = tuple[str, str, str]  # cluster, namespace, component


class MemoryDelivery:
    """Implements `workflow.ports.Delivery`.

    Attributes:
        sick: components, by name, that are not healthy yet.
        broken: component -> the message its delivery fails with.
        live: (cluster, namespace, component) -> what was delivered last.
        log: (cluster, namespace, component) in the order of delivery, repeats included.
        during: awaited in the middle of each delivery, to hold or to watch it.
    """

    def __init__(self, *, sick: set[str] | None = None) -> None:
        self.sick = sick if sick is not None else set()
        self.broken: dict[str, str] = {}
        self.live: dict[Slot, Component] = {}
        self.log: list[Slot] = []
        self.during: Callable[[str], Awaitable[None]] | None = None
        self.kinds: dict[str, str] = {}

    async def deliver(self, component: Component, placement: Placement) -> Outcome:
        slot = (placement.cluster, placement.namespace, component.name)
        self.log.append(slot)
        if self.during is not None:
            await self.during(component.name)
        if component.name in self.broken:
            raise Problem("delivery.failed", self.broken[component.name], retry=True)
        self.live[slot] = component
        healthy = component.name not in self.sick
        return Outcome(healthy, "" if healthy else "Ready:0/1", self._manifest(component), {})

    async def render(self, component: Component, placement: Placement) -> Outcome:
        return Outcome(False, "", self._manifest(component), {})

    def _manifest(self, component: Component) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": self.kinds.get(component.name, "ConfigMap"),
            "metadata": {"name": component.name},
            "data": dict(component.properties or {}),
        }

    @property
    def order(self) -> list[str]:
        """Component names in the order of their first delivery."""
        return list(dict.fromkeys(name for _, _, name in self.log))
