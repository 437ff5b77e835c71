"""What a dry run has in the place of a cluster: it writes down, and takes all for healthy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lateen.api import manifest
from lateen.api.application import Component
from lateen.api.manifest import Key, Manifest
from lateen.api.placement import Placement
from lateen.base import paths
from lateen.base.problem import Problem, Problems, every
from lateen.controllers.application import deliver, waving
from lateen.definitions import renditions, uniting
from lateen.dispatch import applying, preparing
from lateen.dispatch.applying import Desired
from lateen.health import assessing
from lateen.workflow.ports import Outcome

# Without an API server to ask: the kinds of Kubernetes itself that live in no namespace.
_CLUSTER_WIDE = frozenset(
    {
        "APIService",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "IngressClass",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "RuntimeClass",
        "StorageClass",
        "ValidatingWebhookConfiguration",
    }
)


@dataclass
class Paper:
    """Writes down what is dispatched, and shows it as what is there.

    `manifests`: component (empty for what a step applies by itself), trait type (None for the main
    object), manifest; in the order of dispatch.
    """

    manifests: list[tuple[str, str | None, Manifest]]
    written: dict[tuple[str, Key], Manifest] = field(default_factory=dict)

    async def dispatch(self, wanted: Sequence[Desired]) -> list[Manifest]:
        for each in wanted:
            namespaced = each.manifest["kind"] not in _CLUSTER_WIDE
            sent = preparing.prepare(each.manifest, namespaced=namespaced)
            place = _place(each.manifest)
            if place in self.written and not self._replaces(place, each, sent):
                continue
            self.written[place] = sent
            self.manifests.append((each.component, each.trait or None, sent))
        return [each.manifest for each in wanted]

    async def find(self, wanted: Manifest) -> Manifest | None:
        return self.written.get(_place(wanted))

    async def remove(self, wanted: Manifest) -> None:
        """What runs once is shown as it is sent."""

    def _replaces(self, place: tuple[str, Key], by: Desired, sent: Manifest) -> bool:
        """Whether an object that is there is written again; not for another component."""
        before = self.written[place]
        entry = next(e for e in self.manifests if e[2] is before)
        if entry[0] == by.component:
            self.manifests.remove(entry)
            return True
        if not uniting.same(before, sent):
            raise applying.duplicate(entry[0], by)
        return False


def _place(wanted: Manifest) -> tuple[str, Key]:
    return manifest.cluster(wanted), manifest.key(wanted)


@dataclass
class Optimist(deliver.Deliverer):
    """Takes everything that was rendered for healthy: nothing runs in a dry run.

    `late` are components that only a real delivery can render: an input takes its value from an
    object that is not there yet.
    """

    late: dict[str, Problem] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()  # components whose objects nobody can look up

    async def deliver(self, component: Component, placement: Placement) -> Outcome:
        if component.name in self.unread:
            self.late[component.name] = Problem(
                "parameter.late",
                f"{component.name} cannot be shown: what it refers to is known to a control plane",
                path=component.path,
            )
            return Outcome(True, "", None, {})
        try:
            return await super().deliver(component, placement)
        except (Problem, Problems) as error:
            blank = _blank(component)
            if not blank or not all(_within(each, blank) for each in every(error)):
                raise
            self.late[component.name] = Problem(
                "parameter.late",
                f"{component.name} cannot be shown: {', '.join(blank)} is known only when "
                "it is delivered",
                path=component.path,
            )
            return Outcome(True, "", None, {})

    async def send(self, rendered: renditions.Rendered) -> str:
        """Everything at once, in the order of the waves: nothing runs that could be waited for."""
        waves = waving.sorted_waves(deliver.desired(rendered, renditions.DEFAULT))
        await self.target.dispatch([each for wave in waves for each in wave])
        return ""

    async def assess(
        self, rendered: renditions.Rendered, reached: Any = renditions.STAGES
    ) -> assessing.ComponentHealth:
        return assessing.ComponentHealth(rendered.component.name, True, True)


def _blank(component: Component) -> list[str]:
    """Paths of values that are null where the author wrote none: inputs without a value yet."""

    def walk(value: Any, at: paths.Path) -> Iterator[str]:
        if value is None:
            yield f"{component.path}.{paths.render(at)}"
        elif isinstance(value, Mapping):
            for name, inner in value.items():
                yield from walk(inner, (*at, name))
        elif isinstance(value, list):
            for index, inner in enumerate(value):
                yield from walk(inner, (*at, index))

    traits = [trait.properties for trait in component.traits]
    return [
        *(walk(component.properties, ("properties",)) if component.properties else ()),
        *(
            found
            for index, properties in enumerate(traits)
            if properties
            for found in walk(properties, ("traits", index, "properties"))
        ),
    ]


def _within(problem: Problem, blank: Sequence[str]) -> bool:
    return any(problem.path.startswith(path) or path.startswith(problem.path) for path in blank)
