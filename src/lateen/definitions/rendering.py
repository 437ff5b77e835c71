"""Render one component and its traits into the manifests to apply (semantics B1 to B6).

The template of the component gives the main object and its auxiliaries; each trait in turn patches
the main object, or adds objects of its own. One engine call for each template, no other I/O.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lateen.api.application import Component, Policy
from lateen.api.definition import DefinitionKind
from lateen.api.manifest import Manifest
from lateen.base.problem import Problem, Problems, every, raise_any
from lateen.cue.engine import Engine
from lateen.definitions import (
    assembling,
    blaming,
    contexts,
    drafting,
    evaluating,
    fitting,
    governing,
    loading,
    parameters,
    renditions,
    templates,
    tracing,
)
from lateen.providers import ports
from lateen.providers.packages import Flavour


@dataclass(frozen=True)
class Live:
    """What a component's objects look like in the cluster, as far as is known."""

    workload: Manifest | None = None


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
                findings += await self.check_part(part, known)
            except (Problem, Problems) as error:
                errors += every(error)
        raise_any(errors)
        misfits = tuple(fitting.check(parts[0], parts[1:]))
        strict = self._rules.strict_traits
        findings += parameters.Findings(*((misfits, ()) if strict else ((), misfits)))
        return parameters.Findings(
            tuple(blaming.written(findings.problems, component)),
            tuple(blaming.written(findings.warnings, component)),
        )

    async def check_part(
        self, part: templates.Part, filled: Collection[str] = ()
    ) -> parameters.Findings:
        """Check what one part, or a step of a workflow, is given against its definition; `filled`
        as in `check`.

        Raises:
            Problem, Problems: the definition does not compile.
        """
        try:
            return await self._shelf.check(part, filled, strict=self._rules.strict_parameters)
        except (Problem, Problems) as error:
            raise Problems(blaming.compilation(error, part)) from error

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
    ) -> renditions.Rendered:
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
    ) -> renditions.Rendered:
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
        chosen = [part for part in traits if post or part.definition.stage != renditions.POST]
        draft = await _drafted(work, body, chosen)
        attached = tuple(
            renditions.Attached(trait, part.definition, part not in chosen)
            for trait, part in zip(component.traits, traits, strict=True)
        )
        rendered = replace(
            assembling.assemble(draft, component, body.definition, attached, app, place),
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

        `artifacts` are the rendered components, where there are any, as
        `renditions.artifacts_of` gives them.

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


async def _drafted(
    work: evaluating.Evaluating, body: templates.Part, traits: list[templates.Part]
) -> drafting.Draft:
    """Evaluate everything; where a patch does not fit once more, to tell where both sides stand."""
    try:
        draft = await work.draft(body, traits)
    except (Problem, Problems) as error:
        if work.traced or not any(each.code.startswith("patch.") for each in every(error)):
            raise
        draft = await replace(work, traced=True).draft(body, traits)
    if work.component.laid is not None:
        draft.finish(work.component.laid)
    return draft


def _record(
    recorder: tracing.Recorder,
    draft: drafting.Draft,
    rendered: renditions.Rendered,
    app: contexts.AppFacts,
    place: contexts.Place,
) -> None:
    scene = tracing.Scene(rendered.component, app, place)
    recorder.keep(tracing.Story(scene, None, tuple(draft.history), rendered.workload))
    for extra, auxiliary in zip(draft.extras, rendered.auxiliaries, strict=True):
        story = tracing.Story(scene, auxiliary.type, tuple(extra.history), auxiliary.manifest)
        recorder.keep(story)
