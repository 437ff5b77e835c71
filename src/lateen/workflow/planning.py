"""From an application to the steps of its delivery (semantics C4). Pure.

Everything that would make the workflow fail or wait for ever, and can be seen beforehand, is found
here: all of it at once, before anything is delivered.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lateen.api.application import Application, Component, Policy, Step
from lateen.api.manifest import Manifest
from lateen.api.workflowrun import WorkflowRun
from lateen.base import suggest
from lateen.base.problem import Problem, raise_any
from lateen.workflow import graphs, options, validating
from lateen.workflow.graphs import DAG, STEP_BY_STEP


@dataclass(frozen=True)
class Mode:
    """How steps and the steps of groups run: `StepByStep` or `DAG`."""

    steps: str
    sub_steps: str

    def __str__(self) -> str:
        return f"{self.steps}-{self.sub_steps}"


@dataclass(frozen=True)
class Roots:
    """Where an input may begin, beside variables. `context` are the fields there are in it."""

    context: frozenset[str]

    def reach(self, source: str) -> bool:
        root, _, rest = source.partition(".")
        if root == "context":
            field = rest.split(".", 1)[0].split("[", 1)[0]
            return not field or field in self.context or field in _OF_A_STEP
        return root == "parameter"


_OF_A_STEP = frozenset({"stepName", "stepSessionID", "spanID", "stepGroupName"})


@dataclass(frozen=True)
class Plan:
    """A workflow that can be run.

    Attributes:
        components: every component of the application by name.
        producers: variable -> names of the steps that put it out.
        clouds: component types that Terraform makes; `deploy` leaves them out unless it is told.
    """

    mode: Mode
    steps: tuple[Step, ...]
    components: Mapping[str, Component]
    producers: Mapping[str, tuple[str, ...]]
    clouds: frozenset[str] = frozenset()

    @property
    def every_step(self) -> Iterator[Step]:
        for step in self.steps:
            yield from step.walk()


def plan(
    app: Application,
    *,
    given: Sequence[Step],
    policies: Mapping[str, Policy],
    types: Collection[str],
    workflow: Manifest | None = None,
    roots: Roots | None = None,
) -> Plan:
    """Plan the delivery of an application.

    Args:
        given: the steps its author wrote, none when they are to be generated.
        policies: every policy a step may name, inline and external.
        types: the step types that can be run, `step-group` included.
        workflow: the Workflow object the steps were taken from, for its mode.
        roots: where inputs may begin; None for anywhere.

    Raises:
        Problem | Problems: `component.unknown`, `component.cycle`, `policy.unknown`,
            `policy.unsupported`, and `workflow.` `cycle`, `dependency`, `duplicate-step`, `group`,
            `input`, `mode`, `property`, `step-type`, `timeout`; in the order of the application.
    Source: semantics C4, E1, F8.
    """
    if app.workflow is None:
        mode, problems = _GENERATED, list[Problem]()
    else:
        mode, problems = _mode(workflow, app.workflow.get("mode"), "spec.workflow.mode")
    problems += validating.components(app.components)
    steps = tuple(given) or tuple(generate(app))
    problems += validating.steps(steps, types, app.components, policies)
    converted = tuple(_convert(steps, app.components, problems))
    problems += _impossible(steps, app.components, roots)
    return _planned(mode, converted, app.components, problems)


def plan_alone(
    run: WorkflowRun,
    *,
    given: Sequence[Step],
    types: Collection[str],
    workflow: Manifest | None = None,
    roots: Roots | None = None,
) -> Plan:
    """Plan a workflow that belongs to no application.

    Args:
        given: its steps.
        types: the step types that can be run, `step-group` included.
        workflow: the Workflow object the steps were taken from, for its mode.
        roots: where inputs may begin; None for anywhere.

    Raises:
        Problem | Problems: `workflow.application-step` for a step that delivers components, and as
            `plan`.
    """
    mode, problems = _mode(workflow, run.spec.get("mode"), "spec.mode")
    delivering = [each for step in given for each in step.walk() if each.type in options.DELIVERING]
    problems += [alone(each.type, f"{each.path}.type") for each in delivering]
    known = {*types, *options.DELIVERING}
    wrong = validating.steps(given, known, (), {})
    problems += [each for each in wrong if each.code != "policy.unknown"]  # of those just refused
    problems += _impossible(given, (), roots)
    return _planned(mode, tuple(given), (), problems)


def _impossible(
    steps: Sequence[Step], components: Sequence[Component], roots: Roots | None
) -> Iterator[Problem]:
    """Inputs that no step and no component puts out, nor the context has: they never come."""
    if roots is None:
        return
    every = [each for step in steps for each in step.walk()]
    made = {*graphs.producers(every), *graphs.producers(components)}
    items: list[Step | Component] = [*every, *components]
    for item in items:
        for index, given in enumerate(item.inputs):
            source = str(given.get("from") or "")
            if graphs.variable(source) in made or roots.reach(source):
                continue
            near = suggest.nearest(source, made)
            known = f"outputs are {', '.join(sorted(made))}" if made else ""
            yield Problem(
                "workflow.input",
                f'{item.name} would wait for ever: nothing puts out "{source}"',
                path=f"{item.path}.inputs[{index}].from",
                hint=near or known or "no step and no component has outputs",
            )


def alone(what: str, path: str = "") -> Problem:
    """Why something that needs an application cannot be had where there is none."""
    return Problem(
        "workflow.application-step",
        f"{what} works on an application, and a WorkflowRun has none",
        path=path,
        hint="put the step into the workflow of an application, or apply one with apply-object",
    )


def _planned(
    mode: Mode, steps: tuple[Step, ...], components: Sequence[Component], problems: list[Problem]
) -> Plan:
    """Raises: Problem | Problems: those found before, else steps that wait for each other."""
    if not problems:
        problems += validating.waiting(steps, (mode.steps, mode.sub_steps))
    raise_any(problems)
    every = [each for step in steps for each in step.walk()]
    by_name = {component.name: component for component in components}
    return Plan(mode, steps, by_name, graphs.producers(every))


def _mode(
    workflow: Manifest | None, own: Mapping[str, Any] | None, path: str
) -> tuple[Mode, list[Problem]]:
    """The author's own words, which stand at `path`, come before the Workflow's."""
    chosen = {"steps": STEP_BY_STEP, "subSteps": DAG}
    problems = []
    sources = (((workflow or {}).get("mode") or {}, "workflow.mode"), (own or {}, path))
    for written, path in sources:
        for part in chosen:
            if written.get(part):
                problems += validating.mode(str(written[part]), f"{path}.{part}")
                chosen[part] = str(written[part])
    return Mode(chosen["steps"], chosen["subSteps"]), problems


_GENERATED = Mode(DAG, DAG)


def generate(app: Application) -> Iterator[Step]:
    """The steps of an application whose author gave none: one `deploy` for each topology, else one
    for the overrides, else one for each environment of an `env-binding` policy, else each component
    by itself (semantics C4).
    """
    overrides = [policy.name for policy in app.policies if policy.type == "override"]
    topologies = [policy for policy in app.policies if policy.type == "topology"]
    references = any(component.type == "ref-objects" for component in app.components)
    if topologies:
        for topology in topologies:
            chosen = {"policies": [*overrides, topology.name]}
            yield Step(f"deploy-{topology.name}", options.DEPLOY, chosen, path=topology.path)
    elif overrides or references:
        yield Step("deploy", options.DEPLOY, {"policies": overrides}, path="spec.policies")
    elif environments := list(_environments(app)):
        yield from environments
    else:
        for each in app.components:
            yield Step(each.name, options.APPLY, {"component": each.name}, path=each.path)


def _environments(app: Application) -> Iterator[Step]:
    for policy in app.policies:
        if policy.type != "env-binding":
            continue
        for each in (policy.properties or {}).get("envs") or ():
            chosen = {"policy": policy.name, "env": each.get("name")}
            name = f"deploy-{policy.name}-{each.get('name')}"
            yield Step(name, options.ENVIRONMENT, chosen, path=policy.path)


def _convert(
    steps: Iterable[Step], components: Sequence[Component], problems: list[Problem]
) -> Iterator[Step]:
    """Give `apply-component` steps what their components ask for.

    A dependency on a component becomes one on the steps that apply it.
    """
    steps = list(steps)
    every = [each for step in steps for each in step.walk()]
    work = _Conversion(every, components, problems)
    for step in steps:
        yield replace(
            work.convert(step), sub_steps=tuple(work.convert(sub) for sub in step.sub_steps)
        )


class _Conversion:
    def __init__(
        self, every: Sequence[Step], components: Sequence[Component], problems: list[Problem]
    ) -> None:
        self._components = {component.name: component for component in components}
        self._problems = problems
        self._names = {step.name for step in every}
        self._deploys = any(step.type == options.DEPLOY for step in every)
        self._appliers: dict[str, list[str]] = {}
        for step in every:
            if step.type == options.APPLY:
                target = str(step.properties.get("component"))
                self._appliers.setdefault(target, []).append(step.name)

    def convert(self, step: Step) -> Step:
        if step.type != options.APPLY:
            return step
        name = step.properties.get("component")
        component = self._components.get(str(name))
        if component is None:
            self._problems.append(_unknown(step, name, self._components))
            return step
        raw = {k: v for k, v in component.raw.items() if k not in _MOVED}
        inputs = [
            *(_retarget(given, own=_OWN) for given in step.inputs),
            *(_retarget(given) for given in component.inputs),
        ]
        depends_on = [*step.depends_on, *self._dependencies(step, component)]
        return replace(
            step,
            properties={**step.properties, "value": raw},
            inputs=tuple(inputs),
            outputs=(*step.outputs, *component.outputs),
            depends_on=tuple(dict.fromkeys(depends_on)),
        )

    def _dependencies(self, step: Step, component: Component) -> Iterator[str]:
        for index, name in enumerate(component.depends_on):
            if name not in self._components:
                continue  # reported with the components
            if name in self._names:
                yield name
            elif name in self._appliers:
                yield from self._appliers[name]
            elif not self._deploys:  # a deploy step may well bring it; its order is the author's
                self._problems.append(
                    Problem(
                        "workflow.dependency",
                        f"component {component.name} depends on {name}, "
                        "which no step of the workflow applies",
                        path=f"{component.path}.dependsOn[{index}]",
                        hint=f"add a step for {name} before {step.name}",
                    )
                )


_MOVED = frozenset({"inputs", "outputs", "dependsOn"})
_OWN = ("component", "cluster", "namespace", "value")


def _retarget(given: Mapping[str, Any], own: Collection[str] = ()) -> dict[str, Any]:
    """An input of a component as one of its step: the key leads into the component."""
    key = given.get("parameterKey")
    if not key or str(key).split(".")[0].split("[")[0] in own:
        return dict(given)
    return {**given, "parameterKey": f"value.{component_key(str(key))}"}


def component_key(key: str) -> str:
    """Where in a component an input goes: into its properties unless it says otherwise."""
    return key if key.startswith(("properties", "traits[")) else f"properties.{key}"


def _unknown(step: Step, name: object, known: Iterable[str]) -> Problem:
    if not name:
        return Problem(
            "workflow.property",
            f"step {step.name} does not say which component to apply",
            path=f"{step.path}.properties.component",
            hint=f"components are {', '.join(known)}",
        )
    return Problem(
        "component.unknown",
        f"component {name} not found",
        path=f"{step.path}.properties.component",
        hint=suggest.nearest(str(name), known) or f"components are {', '.join(known)}",
    )
