"""From an Application to everything it is rendered with: definitions, external objects (C2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Protocol

from lateen.api import names
from lateen.api.application import Application, Component, Step
from lateen.api.definition import Definition, DefinitionKind
from lateen.api.manifest import Manifest
from lateen.api.revision import Snapshot
from lateen.base.problem import Problem, Problems, every, raise_any
from lateen.definitions import loading
from lateen.workflow import planning

# Policies that steer the pipeline itself and render nothing (semantics C2).
BUILTIN_POLICIES = frozenset(
    {
        "garbage-collect",
        "apply-once",
        "shared-resource",
        "take-over",
        "read-only",
        "resource-update",
        "env-binding",
        "topology",
        "override",
        "replication",
        "debug",
        "rollback",
    }
)
BUILTIN_STEPS = frozenset({"apply-component", "deploy", "suspend", "step-group"})


class Externals(Protocol):
    """Objects an application may refer to by name."""

    def policy(self, namespace: str, name: str) -> Manifest | None: ...
    def workflow(self, namespace: str, name: str) -> Manifest | None: ...


def snapshot(app: Application, catalogue: loading.Catalogue, externals: Externals) -> Snapshot:
    """Gather what a revision of the application is made of.

    Raises:
        Problem | Problems: `definition.unknown`, `definition.auto-update`, `component.duplicate`,
            `policy.empty`, `workflow.unknown`, `workflow.ref-and-steps`; all
            that are found, in the order written.
    Source: semantics C2.
    """
    catalogue = seen_by(app, catalogue)
    problems = [*exclusive(app), *_duplicates(app.components), *_empty_policies(app)]
    workflow = None
    try:
        workflow = _workflow(app, externals)
    except Problem as problem:
        problems.append(problem)
    steps = list(steps_of(app, workflow)) or list(planning.generate(app))
    found = defined(_references(app, steps), catalogue, app.namespace, problems)
    policies = dict(_external_policies(app, steps, externals))
    raise_any(problems)
    return Snapshot(app, found, policies, workflow)


Reference = tuple[DefinitionKind, str, str]
"""A type, as it is written, and where."""


def defined(
    references: Iterable[Reference],
    catalogue: loading.Catalogue,
    namespace: str,
    problems: list[Problem],
) -> tuple[Definition, ...]:
    """The definition of each type; those there are none of go to `problems`."""
    found: dict[tuple[DefinitionKind, str], Definition] = {}
    for kind, name, path in references:
        if (kind, name) in found:
            continue
        try:
            looked_up = loading.lookup(catalogue, kind, name, namespace, path)
            found[kind, name] = replace(looked_up, asked=name if "@" in name else "")
        except (Problem, Problems) as error:
            problems.extend(every(error))
    return tuple(found.values())


def seen_by(app: Application, catalogue: loading.Catalogue) -> loading.Catalogue:
    """The catalogue as the application sees it: to one that follows, `@v1` is a range (A4)."""
    return loading.Following(catalogue) if app.auto_update else catalogue


def exclusive(app: Application) -> Iterator[Problem]:
    """An application cannot both follow its definitions and stay at a version (semantics C4)."""
    if app.auto_update and app.publish_version:
        yield Problem(
            "definition.auto-update",
            "an application with app.oam.dev/publishVersion cannot follow its definitions",
            path=f'metadata.annotations["{names.AUTO_UPDATE}"]',
            hint="remove one of the two annotations",
        )


def steps_of(app: Application, workflow: Manifest | None) -> Iterator[Step]:
    """The steps the author gave, inline or by reference; none when they are to be generated."""
    if workflow is not None:
        raws, path = workflow.get("steps") or (), "workflow.steps"
    else:
        raws, path = (app.workflow or {}).get("steps") or (), "spec.workflow.steps"
    for i, raw in enumerate(raws):
        yield Step.of(raw, f"{path}[{i}]", f"step-{i}")


def _references(app: Application, steps: Iterable[Step]) -> Iterator[Reference]:
    for component in app.components:
        yield DefinitionKind.COMPONENT, component.type, f"{component.path}.type"
        for trait in component.traits:
            yield DefinitionKind.TRAIT, trait.type, f"{trait.path}.type"
    for policy in app.policies:
        if policy.type not in BUILTIN_POLICIES:
            yield DefinitionKind.POLICY, policy.type, f"{policy.path}.type"
        elif policy.type == "override":
            yield from _overridden(policy.properties or {}, f"{policy.path}.properties")
        elif policy.type == "env-binding":
            for index, each in enumerate((policy.properties or {}).get("envs") or ()):
                here = f"{policy.path}.properties.envs[{index}].patch"
                yield from _overridden(each.get("patch") or {}, here)
    yield from step_types(steps)


def step_types(steps: Iterable[Step]) -> Iterator[Reference]:
    """The types of steps that are not native, those in groups included."""
    for step in steps:
        for each in step.walk():
            if each.type not in BUILTIN_STEPS:
                yield DefinitionKind.STEP, each.type, f"{each.path}.type"


def _overridden(properties: Manifest, path: str) -> Iterator[Reference]:
    for i, component in enumerate(properties.get("components") or ()):
        here = f"{path}.components[{i}]"
        if component.get("type"):
            yield DefinitionKind.COMPONENT, component["type"], f"{here}.type"
        for j, trait in enumerate(component.get("traits") or ()):
            if trait.get("type") and not trait.get("disable"):
                yield DefinitionKind.TRAIT, trait["type"], f"{here}.traits[{j}].type"


def _external_policies(
    app: Application, steps: Iterable[Step], externals: Externals
) -> Iterator[tuple[str, Manifest]]:
    """Policies that a `deploy` step names and the application does not hold (semantics F11)."""
    inline = {policy.name for policy in app.policies}
    for step in steps:
        for name in step.properties.get("policies") or () if step.type == "deploy" else ():
            if name in inline:
                continue
            found = externals.policy(app.namespace, str(name))
            if found is not None:  # one that is nowhere is reported when the workflow is planned
                yield f"{app.namespace}/{name}", found


def _workflow(app: Application, externals: Externals) -> Manifest | None:
    declared = app.workflow or {}
    name = declared.get("ref")
    if not name:
        return None
    if declared.get("steps"):
        raise Problem(
            "workflow.ref-and-steps",
            "cannot set steps and ref in workflow at the same time",
            path="spec.workflow.ref",
            hint="keep the one that you mean",
        )
    found = externals.workflow(app.namespace, str(name))
    if found is None:
        raise Problem(
            "workflow.unknown",
            f'there is no Workflow "{name}" in namespace {app.namespace}',
            path="spec.workflow.ref",
            hint="create it first, or write the steps into the application",
            retry=True,
        )
    return found


def _duplicates(components: Iterable[Component]) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for component in components:
        if component.name in first:
            yield Problem(
                "component.duplicate",
                f'the name "{component.name}" is given twice, first at {first[component.name]}',
                path=f"{component.path}.name",
                hint="give every component of an application a name of its own",
            )
        first.setdefault(component.name, component.path)


def _empty_policies(app: Application) -> Iterator[Problem]:
    for policy in app.policies:
        if policy.properties is None and policy.type != "debug":
            yield Problem(
                "policy.empty",
                f"failed to parsePolicies: policy {policy.type} named {policy.name} "
                "must not have empty properties",
                path=policy.path,
                hint="give the policy its properties; `properties: {}` when it needs none",
            )
