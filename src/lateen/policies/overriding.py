"""Override policies: components as they differ in one delivery (semantics F3).

Pure: components in, components out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lateen.api.application import Component, Overlay, Policy, Trait
from lateen.base import merge, suggest
from lateen.base.problem import Problem, raise_any
from lateen.policies import decoding, patterns

TYPE = "override"

_FIELDS = ("components", "selector")
_COMPONENT_FIELDS = ("name", "type", "properties", "traits", "externalRevision")
_TRAIT_FIELDS = ("type", "properties", "disable")


@dataclass(frozen=True)
class TraitPatch:
    type: str
    properties: Mapping[str, Any] | None
    disable: bool
    path: str


@dataclass(frozen=True)
class Patch:
    """What an override does to the components it is for: those whose name matches, or all of its
    type, or all.
    """

    name: str
    pattern: patterns.Pattern | None
    type: str
    properties: Mapping[str, Any] | None
    traits: tuple[TraitPatch, ...]
    external_revision: str
    path: str  # spec.policies[0].properties.components[0]
    policy: str  # its name


@dataclass(frozen=True)
class Override:
    """One override policy. `selector` None keeps every component, an empty one keeps none."""

    name: str
    patches: tuple[Patch, ...]
    selector: frozenset[str] | None
    path: str


def decode(policy: Policy) -> Override:
    """Read one policy.

    Raises:
        Problem | Problems: `policy.unknown-field`, `policy.type`, `policy.pattern`,
            `policy.trait-type`.
    """
    problems: list[Problem] = []
    fields = decoding.properties(policy, _FIELDS, problems)
    patches = tuple(
        _patch(raw, path, policy.name, problems) for raw, path in fields.items("components")
    )
    selector = frozenset(fields.texts("selector")) if fields.given("selector") else None
    raise_any(problems)
    return Override(policy.name, patches, selector, f"{policy.path}.properties")


def _patch(raw: Any, path: str, policy: str, problems: list[Problem]) -> Patch:
    fields = decoding.Fields(raw, path, _COMPONENT_FIELDS, problems, "an overridden component")
    name = fields.text("name")
    pattern = None
    if name:
        try:
            pattern = patterns.Pattern(name)
        except ValueError as error:
            problems.append(
                Problem(
                    "policy.pattern",
                    f'cannot use "{name}" as a name pattern: {error}',
                    path=f"{path}.name",
                    hint="an RE2 regular expression; `*` alone means anything",
                )
            )
    return Patch(
        name=name,
        pattern=pattern,
        type=fields.text("type"),
        properties=fields.map("properties") if fields.given("properties") else None,
        traits=tuple(_trait(item, at, problems) for item, at in fields.items("traits")),
        external_revision=fields.text("externalRevision"),
        path=path,
        policy=policy,
    )


def _trait(raw: Any, path: str, problems: list[Problem]) -> TraitPatch:
    fields = decoding.Fields(raw, path, _TRAIT_FIELDS, problems, "an overridden trait")
    if not fields.given("type"):
        problems.append(Problem("policy.trait-type", "a trait needs its type", path=f"{path}.type"))
    properties = fields.map("properties") if fields.given("properties") else None
    return TraitPatch(fields.text("type"), properties, fields.flag("disable"), path)


def apply(components: Sequence[Component], overrides: Sequence[Override]) -> list[Component]:
    """The components as the overrides leave them, in the order of the application.

    Each override sees what the ones before it left. Maps merge, lists and scalars replace,
    `disable: true` takes a trait away, a name that matches nothing adds a component.

    Raises:
        Problem: `override.unknown-component` when a patch matches no component and has no type to
            make one of.
    Source: semantics F3.
    """
    patched = list(components)
    for override in overrides:
        for patch in override.patches:
            patched = _patched(patched, patch)
        if override.selector is not None:
            patched = [each for each in patched if each.name in override.selector]
    return patched


def _patched(components: Sequence[Component], patch: Patch) -> list[Component]:
    matches = _matcher(patch)
    if patch.name and not any(matches(each) for each in components):
        return [*components, *_added(components, patch)]
    return [
        _merged(component, patch) if matches(component) else component for component in components
    ]


def _matcher(patch: Patch) -> Callable[[Component], bool]:
    pattern = patch.pattern
    if pattern is not None:
        return lambda component: pattern.matches(component.name)
    return lambda component: patch.type in ("", component.type)


def _added(components: Sequence[Component], patch: Patch) -> list[Component]:
    """A name is a pattern first; only one that could name a component makes a new one."""
    if not re.fullmatch(r"[a-z0-9.-]*[a-z][a-z0-9.-]*", patch.name):
        return []
    if not patch.type:
        known = [component.name for component in components]
        raise Problem(
            "override.unknown-component",
            f'no component matches "{patch.name}", and without a type none can be added',
            path=f"{patch.path}.name",
            hint=suggest.nearest(patch.name, known) or f"components are {', '.join(known)}",
        )
    return [_replaced(patch.name, patch)]


def _replaced(name: str, patch: Patch) -> Component:
    raw: dict[str, Any] = {"name": name, "type": patch.type}
    if patch.properties is not None:
        raw["properties"] = dict(patch.properties)
    kept = [trait for trait in patch.traits if not trait.disable]
    if kept:
        raw["traits"] = [_trait_raw(trait.type, trait.properties) for trait in kept]
    if patch.external_revision:
        raw["externalRevision"] = patch.external_revision
    return _component(raw, patch.path, [trait.path for trait in kept])


def _merged(component: Component, patch: Patch) -> Component:
    if patch.type and patch.type != component.type:
        return _replaced(component.name, patch)
    raw = dict(component.raw)
    if patch.properties is not None:
        raw["properties"] = merge.deep(component.properties or {}, patch.properties)
    if patch.external_revision:
        raw["externalRevision"] = patch.external_revision
    traits = _merged_traits(component.traits, patch.traits)
    if traits:
        raw["traits"] = [_trait_raw(trait.type, trait.properties) for trait in traits]
    else:
        raw.pop("traits", None)
    overlays = (*component.overlays, *_overlays(component, patch))
    return _component(raw, component.path, [trait.path for trait in traits], overlays)


def _overlays(component: Component, patch: Patch) -> Iterator[Overlay]:
    """What a patch lays over properties that are there; what it adds has its own path anyway."""
    if patch.properties:
        at, path = f"{component.path}.properties", f"{patch.path}.properties"
        yield Overlay(at, path, patch.properties, patch.policy)
    for trait in patch.traits:
        for under in component.traits:
            if trait.properties and trait.type == under.type and not trait.disable:
                at, path = f"{under.path}.properties", f"{trait.path}.properties"
                yield Overlay(at, path, trait.properties, patch.policy)


def _merged_traits(traits: Sequence[Trait], patches: Sequence[TraitPatch]) -> list[Trait]:
    """Traits by type: merged, taken away, or added after the others."""
    result = list(traits)
    for patch in patches:
        if patch.disable:
            result = [trait for trait in result if trait.type != patch.type]
        elif any(trait.type == patch.type for trait in result):
            result = [_merged_trait(t, patch) if t.type == patch.type else t for t in result]
        else:
            properties = None if patch.properties is None else dict(patch.properties)
            result.append(Trait(patch.type, properties, patch.path))
    return result


def _merged_trait(trait: Trait, patch: TraitPatch) -> Trait:
    if patch.properties is None:
        return trait
    return Trait(trait.type, merge.deep(trait.properties or {}, patch.properties), trait.path)


def _trait_raw(type_name: str, properties: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"type": type_name, **({} if properties is None else {"properties": properties})}


def _component(
    raw: dict[str, Any],
    path: str,
    trait_paths: Sequence[str],
    overlays: tuple[Overlay, ...] = (),
) -> Component:
    """A component whose traits keep the paths of where they were written."""
    made = Component.of(raw, path)
    traits = tuple(
        Trait(trait.type, trait.properties, at)
        for trait, at in zip(made.traits, trait_paths, strict=True)
    )
    return Component(
        name=made.name,
        type=made.type,
        properties=made.properties,
        traits=traits,
        depends_on=made.depends_on,
        inputs=made.inputs,
        outputs=made.outputs,
        raw=made.raw,
        path=path,
        overlays=overlays,
    )
