"""What rendering a component gives: objects to apply, in stages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lateen.api.application import Component, Trait
from lateen.api.definition import Definition
from lateen.api.manifest import Manifest

PRE = "PreDispatch"
DEFAULT = "DefaultDispatch"
POST = "PostDispatch"
STAGES = (PRE, DEFAULT, POST)


@dataclass(frozen=True)
class Auxiliary:
    """An object beside the main one. `trait` is the index of the trait it comes from, if any."""

    key: str  # its name below `outputs`
    type: str  # trait type, or AuxiliaryWorkload
    manifest: Manifest
    stage: str = DEFAULT
    trait: int | None = None
    control_plane: bool = False  # belongs on the control plane, whatever the placement


@dataclass(frozen=True)
class Attached:
    """A trait of a rendered component with its definition."""

    trait: Trait
    definition: Definition
    pending: bool = False  # PostDispatch, left out of this rendering


@dataclass(frozen=True)
class Rendered:
    """A component as it is to be applied: every manifest stamped, nothing sent yet."""

    component: Component
    definition: Definition
    workload: Manifest
    auxiliaries: tuple[Auxiliary, ...]
    traits: tuple[Attached, ...]
    managed: bool = False  # a trait creates the main object: do not dispatch it
    reads_live: bool = False  # a template looked at the live object, and is to look again

    def staged(self, stage: str) -> list[Manifest]:
        """What one stage applies, the main object first in its own."""
        main = [self.workload] if stage == DEFAULT and not self.managed else []
        return main + [extra.manifest for extra in self.auxiliaries if extra.stage == stage]

    @property
    def manifests(self) -> list[Manifest]:
        """Everything that is applied, in the order of the stages."""
        return [manifest for stage in STAGES for manifest in self.staged(stage)]


def artifacts_of(components: Iterable[Rendered]) -> dict[str, Any]:
    """What policies see of rendered components: `workload`, and `traits.<type>.<resource>`.

    Source: semantics B2.
    """
    found: dict[str, Any] = {}
    for rendered in components:
        traits: dict[str, dict[str, Any]] = {}
        for extra in rendered.auxiliaries:
            traits.setdefault(extra.type, {})[extra.key] = extra.manifest
        found[rendered.component.name] = {"workload": rendered.workload, "traits": traits}
    return found
