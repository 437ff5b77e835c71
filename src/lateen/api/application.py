"""The Application as its author wrote it: typed views over the raw map. Unknown fields survive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from lateen.api import metadata, names
from lateen.api.manifest import Key


@dataclass(frozen=True)
class Trait:
    type: str
    properties: dict[str, Any] | None
    path: str = ""  # field path in the application: spec.components[0].traits[1]


@dataclass(frozen=True)
class Overlay:
    """Values a policy laid over properties: they are in the component, but written elsewhere."""

    at: str  # the properties they were laid over: spec.components[0].properties
    path: str  # where they stand: spec.policies[0].properties.components[0].properties
    values: Mapping[str, Any]
    policy: str  # its name


@dataclass(frozen=True)
class Laid:
    """What a step lays over the objects of a component, once all its traits are done: `workload`,
    and `traits.<name>`. `marks` and `soft` are those its text has, by path in `patch`.
    """

    patch: Mapping[str, Any]
    marks: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    soft: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Component:
    """One entry of `spec.components`. `raw` is what the author wrote, with what `overlays` say."""

    name: str
    type: str
    properties: dict[str, Any] | None
    traits: tuple[Trait, ...]
    depends_on: tuple[str, ...]
    inputs: tuple[dict[str, Any], ...]
    outputs: tuple[dict[str, Any], ...]
    raw: dict[str, Any]
    path: str = ""  # spec.components[0]
    # in the order they were laid; of no weight: what they say is in the component
    overlays: tuple[Overlay, ...] = field(default=(), compare=False)
    replica_key: str = ""  # which of several copies it is (semantics F4)
    laid: Laid | None = None

    @classmethod
    def of(cls, raw: Mapping[str, Any], path: str = "") -> Component:
        traits = raw.get("traits") or ()
        return cls(
            name=str(raw.get("name") or ""),
            type=str(raw.get("type") or ""),
            properties=raw.get("properties"),
            traits=tuple(
                Trait(str(t.get("type") or ""), t.get("properties"), f"{path}.traits[{i}]")
                for i, t in enumerate(traits)
            ),
            depends_on=tuple(raw.get("dependsOn") or ()),
            inputs=tuple(raw.get("inputs") or ()),
            outputs=tuple(raw.get("outputs") or ()),
            raw=dict(raw),
            path=path,
        )


@dataclass(frozen=True)
class Policy:
    name: str
    type: str
    properties: dict[str, Any] | None
    path: str = ""  # spec.policies[0]


@dataclass(frozen=True)
class Step:
    """A workflow step, or a step of a step-group (`sub_steps` empty then)."""

    name: str
    type: str
    properties: dict[str, Any]
    condition: str = ""  # `if`
    timeout: str = ""
    depends_on: tuple[str, ...] = ()
    inputs: tuple[dict[str, Any], ...] = ()
    outputs: tuple[dict[str, Any], ...] = ()
    mode: str = ""
    sub_steps: tuple[Step, ...] = ()
    path: str = ""  # spec.workflow.steps[0]

    @classmethod
    def of(cls, raw: Mapping[str, Any], path: str, default_name: str) -> Step:
        subs = raw.get("subSteps") or ()
        return cls(
            name=str(raw.get("name") or default_name),
            type=str(raw.get("type") or ""),
            properties=raw.get("properties") or {},
            condition=str(raw.get("if") or ""),
            timeout=str(raw.get("timeout") or ""),
            depends_on=tuple(raw.get("dependsOn") or ()),
            inputs=tuple(raw.get("inputs") or ()),
            outputs=tuple(raw.get("outputs") or ()),
            mode=str(raw.get("mode") or ""),
            sub_steps=tuple(
                Step.of(sub, f"{path}.subSteps[{i}]", f"{default_name}-{i}")
                for i, sub in enumerate(subs)
            ),
            path=path,
        )

    def walk(self) -> Iterator[Step]:
        yield self
        yield from self.sub_steps


@dataclass(frozen=True)
class Application(metadata.View):
    """A view of one Application object. The map itself is never changed."""

    raw: dict[str, Any]

    @property
    def owner(self) -> tuple[str, str]:
        """Namespace and name: what its objects are labelled with."""
        return (self.namespace, self.name)

    @property
    def key(self) -> Key:
        return Key(names.GROUP, "Application", self.namespace, self.name, "v1beta1")

    @property
    def may_delete_data(self) -> bool:
        """Its author consents to the deletion of what holds data."""
        return self.annotations.get(names.DELETE_DATA) == "true"

    @property
    def skips_hooks(self) -> bool:
        """It goes without what its charts want run before and after."""
        return self.annotations.get(names.SKIP_HOOKS) == "true"

    @property
    def publish_version(self) -> str:
        return self.annotations.get(names.PUBLISH_VERSION, "")

    @property
    def auto_update(self) -> bool:
        """It follows its definitions as they change (semantics A4, C3)."""
        return self.annotations.get(names.AUTO_UPDATE) == "true"

    @property
    def auto_revision(self) -> bool:
        """It follows the policies that change it, as these change (semantics F12)."""
        return self.annotations.get(names.AUTO_REVISION) == "true"

    @property
    def skips_global(self) -> bool:
        """No policy that its author has not named is to change it (semantics F12)."""
        return self.annotations.get(names.SKIP_GLOBAL) == "true"

    @property
    def required_controller(self) -> str:
        """The only version of the controller that is to look at it; empty for any (A3)."""
        return self.annotations.get(names.REQUIRED_CONTROLLER, "")

    @cached_property
    def components(self) -> tuple[Component, ...]:
        return tuple(
            Component.of(raw, f"spec.components[{i}]")
            for i, raw in enumerate(self.spec.get("components") or ())
        )

    @cached_property
    def policies(self) -> tuple[Policy, ...]:
        """Policies in order; unnamed ones get `<type>-auto-gen-<index>` (semantics C2)."""
        return tuple(
            Policy(
                str(raw.get("name") or f"{raw.get('type', '')}-auto-gen-{i}"),
                str(raw.get("type") or ""),
                raw.get("properties"),
                f"spec.policies[{i}]",
            )
            for i, raw in enumerate(self.spec.get("policies") or ())
        )

    @property
    def workflow(self) -> dict[str, Any] | None:
        return self.spec.get("workflow")

    def with_spec(self, spec: Mapping[str, Any]) -> Application:
        return Application({**self.raw, "spec": dict(spec)})
