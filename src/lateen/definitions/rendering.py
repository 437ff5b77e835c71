"""Render one component and its traits into the manifests to apply (semantics B1 to B6).

The template of the component gives the main object and its auxiliaries; each trait in turn patches
the main object, or adds objects of its own. One engine call for each template, no other I/O.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.application import Component, Policy, Trait
from lateen.api.definition import Definition, DefinitionKind
from lateen.api.manifest import Manifest
from lateen.base import paths
from lateen.base.problem import Position, Problem, Problems, every, raise_any
from lateen.cue.engine import Engine
from lateen.definitions import (
    blaming,
    contexts,
    drafting,
    evaluating,
    fitting,
    governing,
    loading,
    parameters,
    stamping,
    templates,
    tracing,
    uniting,
)
from lateen.providers import ports
from lateen.providers.packages import Flavour

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
    reads_live: bool = False  # a template looked at the live object, and is to look again

    def staged(self, stage: str) -> list[Manifest]:
        """What one stage applies, the main object first in its own."""
        main = [self.workload] if stage == DEFAULT and not self.managed else []
        return main + [extra.manifest for extra in self.auxiliaries if extra.stage == stage]

    @property
    def manifests(self) -> list[Manifest]:
        """Everything that is applied, in the order of the stages."""
        return [manifest for stage in STAGES for manifest in self.staged(stage)]


@dataclass(frozen=True)
class Rules:
    """What is a mistake and what only a warning."""

    strict_parameters: bool = False  # parameters that no definition declares
    strict_traits: bool = (
        False  # traits where `appliesToWorkloads`, `conflictsWith` say they are not
    )


class Renderer:
    """Renders components with the definitions of one catalogue.

    `shelf` keeps the schemas of parameters; renderers of one engine do well to share it. `runtime`
    is what templates may use that ask for work; without it only what needs nobody else is done.
    """

    def __init__(
        self,
        engine: Engine,
        catalogue: loading.Catalogue,
        shelf: templates.Shelf | None = None,
        *,
        runtime: ports.Runtime | None = None,
        rules: Rules | None = None,
        recorder: tracing.Recorder | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._shelf = shelf or templates.Shelf(engine)
        self._runtime = runtime or ports.Runtime(Flavour.TEMPLATE)
        self._rules = rules or Rules()
        self._recorder = recorder

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
                findings += await self._shelf.check(
                    part, known, strict=self._rules.strict_parameters
                )
            except (Problem, Problems) as error:
                errors += blaming.compilation(error, part)
        raise_any(errors)
        misfits = tuple(fitting.check(parts[0], parts[1:]))
        strict = self._rules.strict_traits
        findings += parameters.Findings(*((misfits, ()) if strict else ((), misfits)))
        return parameters.Findings(
            tuple(blaming.written(findings.problems, component)),
            tuple(blaming.written(findings.warnings, component)),
        )

    async def _insist(self, component: Component, parts: list[templates.Part]) -> None:
        """Refuse what is only a warning elsewhere."""
        found = list(fitting.check(parts[0], parts[1:])) if self._rules.strict_traits else []
        if self._rules.strict_parameters:
            known = parameters.input_targets(component)
            for part in parts:
                stated = await self._shelf.check(part, known, strict=True)
                found += [each for each in stated.problems if each.code == "parameter.unknown"]
        raise_any(found)

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
        with blaming.where_written(component):
            return await self._render(
                component, app, place, live, post=post, key=replica_key or component.replica_key
            )

    async def _render(
        self,
        component: Component,
        app: contexts.AppFacts,
        place: contexts.Place,
        live: Live | None,
        *,
        post: bool,
        key: str,
    ) -> Rendered:
        body, *traits = parts = self._parts(component, app)
        if self._rules != Rules():
            await self._insist(component, parts)
        workload = live.workload if live else None
        traced = self._recorder is not None
        work = evaluating.Evaluating(
            self._shelf,
            component,
            app,
            place,
            workload,
            key,
            replace(self._runtime, namespace=app.namespace),
            traced,
        )
        post = post or contexts.is_read(component, app)
        chosen = [part for part in traits if post or part.definition.stage != POST]
        draft = await _drafted(work, body, chosen)
        attached = tuple(
            Attached(trait, part.definition, part not in chosen)
            for trait, part in zip(component.traits, traits, strict=True)
        )
        rendered = replace(
            _stamp(draft, component, body.definition, attached, app, place),
            reads_live=any(
                contexts.reads_live(part.definition.text, trait=part.is_trait)
                for part in (body, *chosen)
            ),
        )
        if self._recorder is not None:
            _record(self._recorder, draft, rendered, app, place)
        return rendered

    async def render_policy(
        self,
        policy: Policy,
        app: contexts.AppFacts,
        artifacts: Mapping[str, Any] | None = None,
    ) -> list[Manifest]:
        """Render a policy of a type that is not built in, its objects ready to be applied.

        `artifacts` are the rendered components, where there are any (see `artifacts_of`).

        Raises:
            Problem, Problems: as `render`.
        Source: semantics B1, B6.
        """
        path = policy.path
        kind = DefinitionKind.POLICY
        definition = loading.lookup(
            self._catalogue, kind, policy.type, app.namespace, f"{path}.type"
        )
        part = templates.Part(definition, policy.type, path, policy.properties, -1)
        runtime = replace(self._runtime, namespace=app.namespace)
        return await governing.render(part, policy.name, app, self._shelf, runtime, artifacts)

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


async def _drafted(
    work: evaluating.Evaluating, body: templates.Part, traits: list[templates.Part]
) -> drafting.Draft:
    """Evaluate everything; where a patch does not fit once more, to tell where both sides stand."""
    try:
        return await work.draft(body, traits)
    except (Problem, Problems) as error:
        if work.traced or not any(each.code.startswith("patch.") for each in every(error)):
            raise
    return await replace(work, traced=True).draft(body, traits)


def _stamp(
    draft: drafting.Draft,
    component: Component,
    definition: Definition,
    traits: tuple[Attached, ...],
    app: contexts.AppFacts,
    place: contexts.Place,
) -> Rendered:
    raise_any(_malformed(draft, component, definition, traits))
    workload = stamping.workload(draft.output, app, component.name, component.type, place)
    return _united(
        Rendered(
            component,
            definition,
            workload,
            tuple(
                _auxiliary(extra, workload, component, traits, app, place) for extra in draft.extras
            ),
            traits,
            managed=any(t.definition.spec.get("manageWorkload") for t in traits if not t.pending),
        )
    )


def _united(rendered: Rendered) -> Rendered:
    """With one manifest for each object, whichever templates give it.

    Raises:
        Problem, Problems: `template.duplicate` where they contradict each other.
    """
    whole: dict[tuple[str, ...], Manifest] = {}
    first: dict[tuple[str, ...], Auxiliary | None] = {}
    problems = []
    givers = [] if rendered.managed else [(rendered.workload, None)]
    for given, extra in [*givers, *((extra.manifest, extra) for extra in rendered.auxiliaries)]:
        identity = uniting.identity(given)
        if not identity or identity not in whole:
            whole[identity], first[identity] = given, extra
            continue
        try:
            whole[identity] = uniting.unite(whole[identity], given)
        except Problem as problem:
            problems.append(_contradiction(problem, given, first[identity], extra, rendered))
    raise_any(problems)
    if len(whole) == len(givers) + len(rendered.auxiliaries):
        return rendered
    return replace(
        rendered,
        workload=_whole(rendered.workload, whole),
        auxiliaries=tuple(
            replace(extra, manifest=_whole(extra.manifest, whole)) for extra in rendered.auxiliaries
        ),
    )


def _whole(given: Manifest, whole: Mapping[tuple[str, ...], Manifest]) -> Manifest:
    identity = uniting.identity(given)
    return whole.get(identity, given) if identity else given


def _contradiction(
    problem: Problem,
    given: Manifest,
    first: Auxiliary | None,
    second: Auxiliary | None,
    rendered: Rendered,
) -> Problem:
    """What contradicts what, at the path of the later one in the application."""
    sides = [_giver(each, rendered) for each in (first, second)]
    (one, _, _), (other, path, _) = sides
    return Problem(
        "template.duplicate",
        f"{one} and {other} give one object, {manifests.key(given)}, and contradict each other at "
        f"{problem.path}: {problem.message}",
        path,
        tuple(where for _, _, found in sides for where in found),
        hint="leave one of them out, have them say the same, or give one object another name",
    )


def _giver(extra: Auxiliary | None, rendered: Rendered) -> tuple[str, str, tuple[Position, ...]]:
    """Which template that is, its path in the application, and where it gives the object."""
    component = rendered.component
    field = "output" if extra is None else "outputs"
    if extra is None or extra.trait is None:
        where = blaming.declared(rendered.definition, field, "given here")
        return f'component "{component.name}"', component.path, where
    attached = rendered.traits[extra.trait]
    where = blaming.declared(attached.definition, field, "given here")
    return f'trait "{attached.trait.type}"', attached.trait.path, where


def _malformed(
    draft: drafting.Draft,
    component: Component,
    definition: Definition,
    traits: tuple[Attached, ...],
) -> Iterator[Problem]:
    """What a template gives and is no object, with where it gives it."""
    for problem in stamping.malformed(draft.output, "output", component.path):
        yield replace(problem, positions=blaming.declared(definition, "output", ""))
    for extra in draft.extras:
        own = None if extra.trait is None else traits[extra.trait]
        path, source = (own.trait.path, own.definition) if own else (component.path, definition)
        for problem in stamping.malformed(extra.value, f"outputs.{extra.key}", path):
            yield replace(problem, positions=blaming.declared(source, "outputs", ""))


def _record(
    recorder: tracing.Recorder,
    draft: drafting.Draft,
    rendered: Rendered,
    app: contexts.AppFacts,
    place: contexts.Place,
) -> None:
    scene = tracing.Scene(rendered.component, app, place)
    recorder.keep(tracing.Story(scene, None, tuple(draft.history), rendered.workload))
    for extra, auxiliary in zip(draft.extras, rendered.auxiliaries, strict=True):
        story = tracing.Story(scene, auxiliary.type, tuple(extra.history), auxiliary.manifest)
        recorder.keep(story)


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
