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
from lateen.base.problem import Problem, Problems, every, raise_any
from lateen.cue.engine import Engine
from lateen.cue.templates import Evaluation, Fill
from lateen.definitions import (
    blaming,
    contexts,
    drafting,
    loading,
    parameters,
    stamping,
    templates,
)

PRE = "PreDispatch"
DEFAULT = "DefaultDispatch"
POST = "PostDispatch"
STAGES = (PRE, DEFAULT, POST)

# what changes while traits are rendered; a template that reads none of it can be judged by itself
_GROWING = frozenset({"output", "outputs"})


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
    """Renders components with one engine. Compiled templates and their schemas are kept."""

    def __init__(self, engine: Engine, catalogue: loading.Catalogue) -> None:
        self._catalogue = catalogue
        self._shelf = templates.Shelf(engine)

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
        work = _Rendering(self._shelf, component, app, place, live or Live(), replica_key)
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


@dataclass
class _Rendering:
    """One rendering of one component."""

    shelf: templates.Shelf
    component: Component
    app: contexts.AppFacts
    place: contexts.Place
    live: Live
    replica_key: str

    async def draft(self, body: templates.Part, traits: list[templates.Part]) -> drafting.Draft:
        """Evaluate everything, in the order of the application.

        Templates that do not look at the object are evaluated first, so that one mistake does not
        hide another.
        """
        problems: list[Problem] = []
        results: dict[int, Evaluation] = {}
        alone = [part for part in traits if not _reads_object(part.definition)]
        for part in [body, *alone]:
            try:
                results[part.index] = await self._evaluate(part, None)
            except (Problem, Problems) as error:
                problems += every(error)
        if problems:
            for part in traits:
                problems += () if part in alone else await self._stated(part)
            raise_any(problems)
        draft = drafting.begin(results[body.index], body)
        for part in traits:
            try:
                if part.index not in results and problems:
                    problems += await self._stated(part)  # it would see a half-made object
                    continue
                result = results.get(part.index) or await self._evaluate(part, draft)
                draft.lay(result, part)
            except (Problem, Problems) as error:
                problems += every(error)
        raise_any(problems)
        return draft

    async def _stated(self, part: templates.Part) -> tuple[Problem, ...]:
        try:
            return (await self.shelf.check(part, ())).problems
        except (Problem, Problems) as error:
            return tuple(blaming.compilation(error, part))

    async def _evaluate(self, part: templates.Part, draft: drafting.Draft | None) -> Evaluation:
        """Evaluate one template, `draft` being what a trait sees of the component so far."""
        wanted = contexts.reads(part.definition.text)
        context = contexts.build(
            self.app,
            self.component,
            self.place,
            wanted=wanted,
            replica_key=self.replica_key,
            extra=self._surroundings(part, draft),
        )
        fills = [Fill("context", context, blaming.CONTEXT)]
        if part.properties is not None or not part.is_trait:
            fills.append(Fill("parameter", part.properties or {}, blaming.PARAMETER))
        asked = ("patch", "patchOutputs", "outputs") if part.is_trait else ("output", "outputs")
        try:
            template = await self.shelf.template(part.definition)
            result = await template.evaluate(fills, (*asked, "errs"), marks=asked)
        except (Problem, Problems) as error:
            raise Problems(blaming.compilation(error, part)) from error
        await self._refuse(result, part)
        return result

    def _surroundings(self, part: templates.Part, draft: drafting.Draft | None) -> dict[str, Any]:
        live = self.live.workload
        if not part.is_trait:
            return {} if live is None else {"output": live}
        extra: dict[str, Any] = {"componentType": self.component.type}
        if draft is not None:
            status = (live or {}).get("status")
            extra["output"] = draft.output if status is None else draft.output | {"status": status}
            extra["outputs"] = {each.key: each.value for each in draft.extras}
        return extra

    async def _refuse(self, result: Evaluation, part: templates.Part) -> None:
        """Raise what an evaluation found wrong, said in terms of the application."""
        said = blaming.user_errors(result.values.get("errs"), part)
        found = [p for p in result.problems if paths.parse(p.path)[:1] != ("errs",)]
        if not said and not found:
            return
        hidden = parameters.input_targets(self.component)
        raise_any([*said, *blaming.translate(found, part, await self._stated(part), hidden)])


def _reads_object(definition: Definition) -> bool:
    read = contexts.reads(definition.text)
    return read is None or bool(read & _GROWING)


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
