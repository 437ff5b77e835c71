"""Render one component and its traits into the manifests to apply (semantics B1 to B6).

The template of the component gives the main object and its auxiliaries; each trait in turn patches
the main object, or adds objects of its own. One engine call for each template, no other I/O.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from lateen.api import names
from lateen.api.application import Component, Trait
from lateen.api.definition import Definition, DefinitionKind
from lateen.api.manifest import Manifest
from lateen.base import paths
from lateen.base.problem import Problem, Problems, raise_any
from lateen.cue.engine import Engine
from lateen.definitions import (
    blaming,
    contexts,
    drafting,
    evaluating,
    loading,
    parameters,
    stamping,
    templates,
)

PRE = "PreDispatch"
DEFAULT = "DefaultDispatch"
POST = "PostDispatch"
STAGES = (PRE, DEFAULT, POST)


@dataclass(frozen=True)
class Live:
    """What a component's objects look like in the cluster, as far as is known."""

    workload: Manifest | None = None


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

    def staged(self, stage: str) -> list[Manifest]:
        """What one stage applies, the main object first in its own."""
        main = [self.workload] if stage == DEFAULT and not self.managed else []
        return main + [extra.manifest for extra in self.auxiliaries if extra.stage == stage]

    @property
    def manifests(self) -> list[Manifest]:
        """Everything that is applied, in the order of the stages."""
        return [manifest for stage in STAGES for manifest in self.staged(stage)]


class Renderer:
    """Renders components with the definitions of one catalogue.

    `shelf` keeps the schemas of parameters; renderers of one engine do well to share it.
    """

    def __init__(
        self,
        engine: Engine,
        catalogue: loading.Catalogue,
        shelf: templates.Shelf | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._shelf = shelf or templates.Shelf(engine)

    async def check(
        self, component: Component, app: contexts.AppFacts, filled: Collection[str] = ()
    ) -> parameters.Findings:
        """Check the properties of a component and its traits against their definitions.

        `filled` are paths in the application that workflow inputs set later; those the component
        names as its own inputs are known without.

        Raises:
            Problem, Problems: a definition is unknown or does not compile.
        """
        parts = self._parts(component, app)
        known = {*filled, *parameters.input_targets(component)}
        findings = parameters.Findings()
        errors: list[Problem] = []
        for part in parts:
            try:
                findings += await self._shelf.check(part, known)
            except (Problem, Problems) as error:
                errors += blaming.compilation(error, part)
        raise_any(errors)
        return findings

    async def render(
        self,
        component: Component,
        app: contexts.AppFacts,
        place: contexts.Place,
        *,
        live: Live | None = None,
        post: bool = False,
        replica_key: str = "",
    ) -> Rendered:
        """Render a component for one placement.

        PostDispatch traits are left out until `post`, when the component is healthy and `live` has
        its main object (semantics B5).

        Raises:
            Problem, Problems: `definition.unknown`, `parameter.*`, `template.*`, `patch.*`, each
                with the path in the application it came from.
        Source: semantics B1 to B6.
        """
        body, *traits = self._parts(component, app)
        workload = live.workload if live else None
        work = evaluating.Evaluating(self._shelf, component, app, place, workload, replica_key)
        chosen = [part for part in traits if post or part.definition.stage != POST]
        draft = await work.draft(body, chosen)
        attached = tuple(
            Attached(trait, part.definition, part not in chosen)
            for trait, part in zip(component.traits, traits, strict=True)
        )
        return _stamp(draft, component, body.definition, attached, app, place)

    def _parts(self, component: Component, app: contexts.AppFacts) -> list[templates.Part]:
        """The component and its traits with their definitions; every unknown one is named."""
        parts: list[templates.Part] = []
        unknown: list[Problem] = []
        wanted = [
            (DefinitionKind.COMPONENT, component.type, component.path, component.properties, -1),
            *(
                (DefinitionKind.TRAIT, trait.type, trait.path, trait.properties, index)
                for index, trait in enumerate(component.traits)
            ),
        ]
        for kind, type_name, path, properties, index in wanted:
            try:
                definition = loading.lookup(
                    self._catalogue, kind, type_name, app.namespace, f"{path}.type"
                )
            except Problem as problem:
                unknown.append(problem)
                continue
            parts.append(templates.Part(definition, type_name, path, properties, index))
        raise_any(unknown)
        return parts


def _stamp(
    draft: drafting.Draft,
    component: Component,
    definition: Definition,
    traits: tuple[Attached, ...],
    app: contexts.AppFacts,
    place: contexts.Place,
) -> Rendered:
    problems = [
        *_malformed(draft.output, "output", component.path),
        *(
            problem
            for extra in draft.extras
            for problem in _malformed(
                extra.value,
                f"outputs.{extra.key}",
                component.path if extra.trait is None else traits[extra.trait].trait.path,
            )
        ),
    ]
    raise_any(problems)
    workload = stamping.workload(draft.output, app, component.name, component.type, place)
    return Rendered(
        component,
        definition,
        workload,
        tuple(_auxiliary(extra, workload, component, traits, app, place) for extra in draft.extras),
        traits,
        managed=any(t.definition.spec.get("manageWorkload") for t in traits if not t.pending),
    )


def _malformed(value: Any, where: str, path: str) -> list[Problem]:
    if isinstance(value, Mapping) and value.get("apiVersion") and value.get("kind"):
        return []
    message = f'"{where}" is no Kubernetes object: it needs apiVersion and kind'
    return [Problem("template.object", message, path)]


def _auxiliary(
    extra: drafting.Extra,
    workload: Manifest,
    component: Component,
    traits: tuple[Attached, ...],
    app: contexts.AppFacts,
    place: contexts.Place,
) -> Auxiliary:
    if extra.trait is None:
        manifest = stamping.auxiliary(
            extra.value, app, component.name, names.AUXILIARY, extra.key, place
        )
        return Auxiliary(extra.key, names.AUXILIARY, manifest)
    attached = traits[extra.trait]
    spec = attached.definition.spec
    here = bool(spec.get("controlPlaneOnly"))
    manifest = stamping.auxiliary(
        extra.value,
        app,
        component.name,
        attached.trait.type,
        extra.key,
        Here(app.namespace) if here else place,
        manages_workload=bool(spec.get("manageWorkload")),
    )
    if reference := spec.get("workloadRefPath"):
        named = {
            "apiVersion": workload["apiVersion"],
            "kind": workload["kind"],
            "name": workload["metadata"]["name"],
        }
        manifest = paths.assign(manifest, paths.parse(reference), named)
    return Auxiliary(
        extra.key,
        attached.trait.type,
        manifest,
        attached.definition.stage,
        extra.trait,
        control_plane=here,
    )


@dataclass(frozen=True)
class Here:
    """The control plane's own cluster."""

    namespace: str
    cluster: str = names.LOCAL
