"""What templates gave becomes objects to apply: well-formed, stamped, each of them once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.application import Component
from lateen.api.definition import Definition
from lateen.api.manifest import Manifest
from lateen.api.placement import Placement
from lateen.base import paths
from lateen.base.problem import Position, Problem, raise_any
from lateen.definitions import blaming, contexts, drafting, renditions, stamping, uniting


def assemble(
    draft: drafting.Draft,
    component: Component,
    definition: Definition,
    traits: tuple[renditions.Attached, ...],
    app: contexts.AppFacts,
    place: contexts.Place,
) -> renditions.Rendered:
    """The component as it is to be applied, of what its templates and those of its traits gave.

    Raises:
        Problem, Problems: `template.object` where it is none, `template.duplicate` where two
            templates contradict each other.
    Source: semantics B3 to B6.
    """
    raise_any(_malformed(draft, component, definition, traits))
    workload = stamping.workload(draft.output, app, component.name, component.type, place)
    return _united(
        renditions.Rendered(
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


def _united(rendered: renditions.Rendered) -> renditions.Rendered:
    """With one manifest for each object, whichever templates give it.

    Raises:
        Problem, Problems: `template.duplicate` where they contradict each other.
    """
    whole: dict[tuple[str, ...], Manifest] = {}
    first: dict[tuple[str, ...], renditions.Auxiliary | None] = {}
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
    first: renditions.Auxiliary | None,
    second: renditions.Auxiliary | None,
    rendered: renditions.Rendered,
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


def _giver(
    extra: renditions.Auxiliary | None, rendered: renditions.Rendered
) -> tuple[str, str, tuple[Position, ...]]:
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
    traits: tuple[renditions.Attached, ...],
) -> Iterator[Problem]:
    """What a template gives and is no object, with where it gives it."""
    for problem in stamping.malformed(draft.output, "output", component.path):
        yield replace(problem, positions=blaming.declared(definition, "output", ""))
    for extra in draft.extras:
        own = None if extra.trait is None else traits[extra.trait]
        path, source = (own.trait.path, own.definition) if own else (component.path, definition)
        for problem in stamping.malformed(extra.value, f"outputs.{extra.key}", path):
            yield replace(problem, positions=blaming.declared(source, "outputs", ""))


def _auxiliary(
    extra: drafting.Extra,
    workload: Manifest,
    component: Component,
    traits: tuple[renditions.Attached, ...],
    app: contexts.AppFacts,
    place: contexts.Place,
) -> renditions.Auxiliary:
    if extra.trait is None:
        manifest = stamping.auxiliary(
            extra.value, app, component.name, names.AUXILIARY, extra.key, place
        )
        return renditions.Auxiliary(extra.key, names.AUXILIARY, manifest)
    attached = traits[extra.trait]
    spec = attached.definition.spec
    here = bool(spec.get("controlPlaneOnly"))
    manifest = stamping.auxiliary(
        extra.value,
        app,
        component.name,
        attached.trait.type,
        extra.key,
        Placement(names.LOCAL, app.namespace) if here else place,
        manages_workload=bool(spec.get("manageWorkload")),
    )
    if reference := spec.get("workloadRefPath"):
        named = {
            "apiVersion": workload["apiVersion"],
            "kind": workload["kind"],
            "name": workload["metadata"]["name"],
        }
        manifest = paths.assign(manifest, paths.parse(reference), named)
    return renditions.Auxiliary(
        extra.key,
        attached.trait.type,
        manifest,
        attached.definition.stage,
        extra.trait,
        control_plane=here,
    )
