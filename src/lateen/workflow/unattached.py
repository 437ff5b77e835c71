"""What the steps of a WorkflowRun find in place of an application: nothing, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lateen.api.application import Component, Policy
from lateen.api.placement import Placement
from lateen.workflow import planning
from lateen.workflow.ports import Outcome


class Unattached:
    """Implements `workflow.ports.Delivery` and `workflow.ports.Policies`.

    Raises:
        Problem: `workflow.application-step` for all that needs components or policies.
    """

    async def deliver(self, component: Component, placement: Placement) -> Outcome:
        raise planning.alone(f"component {component.name}")

    async def render(self, component: Component, placement: Placement) -> Outcome:
        raise planning.alone(f"component {component.name}")

    @property
    def clusters(self) -> list[str]:
        return []

    @property
    def placed(self) -> bool:
        return False

    def placements(self, policies: Iterable[str]) -> list[Placement]:
        for name in policies:
            raise planning.alone(f"policy {name}")
        return [Placement("", "")]

    def including(self, inline: Sequence[Policy]) -> Unattached:
        return self

    def components(self, policies: Iterable[str]) -> list[Component]:
        raise planning.alone("what asks for components")
