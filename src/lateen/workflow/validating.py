"""What can be wrong with a workflow before it starts. Pure; problems are given, not raised."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from lateen.api.application import Component, Policy, Step
from lateen.base import durations, suggest
from lateen.base.problem import Problem
from lateen.workflow import graphs, options


def mode(value: str, path: str) -> list[Problem]:
    if value in (graphs.DAG, graphs.STEP_BY_STEP):
        return []
    return [
        Problem(
            "workflow.mode",
            f'"{value}" is not one of {graphs.STEP_BY_STEP}, {graphs.DAG}',
            path=path,
            hint=suggest.nearest(value, (graphs.DAG, graphs.STEP_BY_STEP)),
        )
    ]


def components(items: Sequence[Component]) -> list[Problem]:
    """Dependencies on components that do not exist, and components that wait for each other."""
    problems = list(_unknown_components(items))
    found = graphs.cycle(graphs.components(items))
    if found:
        first = next(item for item in items if item.name == found[0])
        field = "dependsOn" if found[1 % len(found)] in first.depends_on else "inputs"
        problems.append(
            Problem(
                "component.cycle",
                f"components wait for each other: {' -> '.join([*found, found[0]])}",
                path=f"{first.path}.{field}",
                hint="remove one of these dependencies",
            )
        )
    return problems


def _unknown_components(items: Sequence[Component]) -> Iterator[Problem]:
    names = [item.name for item in items]
    for item in items:
        for index, name in enumerate(item.depends_on):
            if name not in names:
                others = [each for each in names if each != item.name]
                yield Problem(
                    "component.unknown",
                    f"component {name} not found, which is depended by {item.name}",
                    path=f"{item.path}.dependsOn[{index}]",
                    hint=suggest.nearest(name, others) or f"components are {', '.join(names)}",
                )


def steps(
    items: Sequence[Step],
    types: Collection[str],
    known: Sequence[Component],
    policies: Mapping[str, Policy],
) -> list[Problem]:
    """Everything wrong with steps as written, but that they may wait for each other."""
    problems: list[Problem] = []
    every = [each for item in items for each in item.walk()]
    names = {step.name: step for step in reversed(every)}
    written = {component.name for component in known}
    for item in items:
        for step in item.walk():
            problems += _name(step, names)
            problems += _type(step, types, nested=step is not item)
            problems += _timeout(step)
            problems += _dependencies(step, names, written)
            problems += options.check(step, step.properties)
            if step.type == options.DEPLOY:
                problems += _policies(step, policies)
    return problems


def _name(step: Step, first: Mapping[str, Step]) -> Iterator[Problem]:
    holder = first[step.name]
    if holder is not step:
        yield Problem(
            "workflow.duplicate-step",
            f'the step name "{step.name}" is taken by {holder.path}',
            path=f"{step.path}.name",
            hint="give each step a name of its own, in groups as well",
        )


def _type(step: Step, types: Collection[str], *, nested: bool) -> Iterator[Problem]:
    path = f"{step.path}.type"
    if step.type not in types:
        hint = suggest.nearest(step.type, types) or f"types are {', '.join(sorted(types))}"
        said = f'there is no step type "{step.type}"'
        yield Problem("workflow.step-type", said, path=path, hint=hint)
    elif nested and step.type == options.GROUP:
        hint = "move its steps one level up"
        yield Problem("workflow.group", "a group cannot be in a group", path=path, hint=hint)
    if step.sub_steps and step.type != options.GROUP:
        yield Problem(
            "workflow.group",
            f"a step of type {step.type} has no subSteps",
            path=f"{step.path}.subSteps",
            hint=f"`type: {options.GROUP}` has them",
        )
    if step.mode:
        yield from mode(step.mode, f"{step.path}.mode")


def _timeout(step: Step) -> Iterator[Problem]:
    try:
        if step.timeout:
            durations.seconds(step.timeout)
    except ValueError as error:
        yield Problem("workflow.timeout", str(error), path=f"{step.path}.timeout")


def _dependencies(
    step: Step, names: Collection[str], components: Collection[str]
) -> Iterator[Problem]:
    for index, name in enumerate(step.depends_on):
        if name not in names:
            hint = suggest.nearest(name, names) or f"steps are {', '.join(sorted(names))}"
            if name in components:
                hint = f"{name} is a component: name the step that applies it"
            yield Problem(
                "workflow.dependency",
                f"step {name} not found, which is depended by {step.name}",
                path=f"{step.path}.dependsOn[{index}]",
                hint=hint,
            )


def _policies(step: Step, policies: Mapping[str, Policy]) -> Iterator[Problem]:
    names = step.properties.get("policies")
    for index, name in enumerate(names if isinstance(names, list) else ()):
        path = f"{step.path}.properties.policies[{index}]"
        if name not in policies:
            yield Problem(
                "policy.unknown",
                f"failed to parsePolicies: external policy {name} not found",
                path=path,
                hint=suggest.nearest(str(name), policies)
                or "name a policy of the application or a Policy object in its namespace",
                retry=True,  # the Policy object may come
            )


def waiting(items: Sequence[Step], modes: tuple[str, str]) -> list[Problem]:
    """Steps that would wait for each other for ever."""
    found = graphs.cycle(graphs.moments(items, modes))
    if not found:
        return []
    names = list(dict.fromkeys(name for name, _ in found))
    by_name = {step.name: step for item in items for step in item.walk()}
    first = by_name[names[0]]
    hint = "remove one of these dependencies"
    if graphs.STEP_BY_STEP in (*modes, *(item.mode for item in items)):
        hint += f"; in mode {graphs.STEP_BY_STEP} a step also waits for the one before it"
    return [
        Problem(
            "workflow.cycle",
            f"steps wait for each other: {' -> '.join([*names, names[0]])}",
            path=first.path,
            hint=hint,
        )
    ]
