"""What the actions of a step may ask of the application being delivered (semantics E8).

Adapters: the actions know `providers.ports`, the workflow has `workflow.ports`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from lateen.api import manifest, names
from lateen.api.application import Component, Laid, Policy, Step
from lateen.api.manifest import Key, Manifest
from lateen.api.placement import Placement
from lateen.base import suggest
from lateen.base.problem import Problem, raise_any
from lateen.hub.errors import ApiError
from lateen.providers import ports as lent
from lateen.workflow import options, planning, records
from lateen.workflow.ports import Outcome, Task
from lateen.workflow.steps import deploying

_DELIVERING: Final = frozenset({"component-apply", "component-render", "deploy"})
_BOUND: Final = "env-binding"  # whose environments are asked for


def delivers(action: lent.Asked) -> bool:
    """Whether an action delivers components: what it fails with is the application's matter."""
    return action.do in _DELIVERING


Marked = tuple[Mapping[str, Mapping[str, str]], frozenset[str]]
"""Marks by path, and the paths that only hold a default."""


@dataclass(frozen=True)
class Application:
    """Implements `providers.ports.Delivery` for one run of a step. `marked` says what marks the
    text of the step has below a path.
    """

    task: Task
    runtime: lent.Runtime
    marked: Callable[[str], Awaitable[Marked]]

    async def apply(self, wanted: lent.Wanted) -> lent.Delivered:
        component, place = await self._component(wanted)
        return _delivered(await self.task.tools.delivery.deliver(component, place))

    async def render(self, wanted: lent.Wanted) -> lent.Delivered:
        component, place = await self._component(wanted)
        return _delivered(await self.task.tools.delivery.render(component, place))

    async def deploy(self, deployment: lent.Deployment) -> lent.Delivered:
        """What the step `deploy` does, from within another."""
        properties = {
            "inlinePolicies": list(deployment.inline),
            "policies": list(deployment.policies),
            "parallelism": deployment.parallelism,
            "ignoreTerraformComponent": deployment.ignore_terraform,
        }
        step = Step(self.task.step.name, options.DEPLOY, properties, path=self.task.step.path)
        result = await deploying.run(replace(self.task, step=step, properties=properties))
        return lent.Delivered(result.phase == records.SUCCEEDED, result.message)

    async def components(
        self, app: str, override: Mapping[str, Any] | None = None
    ) -> Sequence[Mapping[str, Any]]:
        if not app:
            laid = () if override is None else (Policy(_BOUND, "override", dict(override), _BOUND),)
            policies = self.task.tools.policies.including(laid)
            return [component.raw for component in policies.components(p.name for p in laid)]
        return list((await self._other(app)).get("spec", {}).get("components") or ())

    async def policies(self, app: str) -> Sequence[Mapping[str, Any]]:
        name = app or str(self.task.context.get("appName") or "")
        if not name:
            raise planning.alone("what asks for policies")
        return list((await self._other(name)).get("spec", {}).get("policies") or ())

    async def _other(self, app: str) -> Manifest:
        """An application of the same namespace, as it is stored."""
        objects = self.runtime.objects
        if objects is None:
            raise Problem("provider.unavailable", "other applications cannot be read here")
        group, version = manifest.split_version(names.V1BETA1)
        key = Key(group, "Application", self.runtime.namespace, app, version)
        try:
            return await objects.get("", key)
        except ApiError as error:
            raise_any(error.problems())
            raise

    async def _component(self, wanted: lent.Wanted) -> tuple[Component, Placement]:
        raw = dict(wanted.component)
        name = str(raw.get("name") or "")
        known = self.task.plan.components
        if name not in known and not raw.get("type"):
            raise Problem(
                "component.unknown",
                f"component {name} not found",
                hint=suggest.nearest(name, known) or f"components are {', '.join(known)}",
            )
        path = known[name].path if name in known else ""
        component = Component.of(raw, path)
        if wanted.patch:
            laid = Laid(wanted.patch, *await self.marked(wanted.patch_path))
            component = replace(component, laid=laid)
        return component, Placement(wanted.cluster, wanted.namespace)


@dataclass(frozen=True)
class Clusters:
    """Implements `providers.ports.Clusters`."""

    task: Task

    def names(self) -> Sequence[str]:
        return self.task.tools.policies.clusters

    async def placements(self, policies: Sequence[str]) -> Sequence[Placement]:
        return self.task.tools.policies.placements(policies)


def _delivered(outcome: Outcome) -> lent.Delivered:
    return lent.Delivered(outcome.healthy, outcome.message, outcome.output, outcome.outputs)
