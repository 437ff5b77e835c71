"""What can be told of an application before anything is rendered or run: what its components, its
override policies and the steps of its workflow are given, against the definitions they name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Sequence
from contextlib import suppress

from lateen.api.application import Application, Component, Step
from lateen.base.problem import Problem, Problems, every
from lateen.controllers.application import running
from lateen.definitions import contexts, rendering, templates
from lateen.definitions.parameters import Findings
from lateen.workflow import options, steps


async def check(
    app: Application,
    route: running.Itinerary | None,
    renderer: rendering.Renderer,
    facts: contexts.AppFacts,
) -> Findings:
    """Everything that is wrong with what is given, the components' first, and what looks like a
    slip. Without a `route` (the workflow cannot be planned) the steps are left out.
    """
    found = Findings()
    for component in app.components:
        findings = await _told(renderer.check(component, facts, _filled(route, component)))
        found += Findings(_certain(findings.problems, app), findings.warnings)
    if route is None:
        return found
    for component in _overridden(app, route):
        found += await _told(renderer.check(component, facts, _filled(route, component)))
    for step in route.plan.every_step:
        definition = route.steps.get(step.type)
        if definition is not None and step.type not in steps.NATIVE:  # whose options the plan reads
            part = templates.Part.of_step(definition, step, step.properties)
            found += await _told(renderer.check_part(part, _awaited(step)))
    return found + Findings(tuple(_misplaced(route)))


async def _told(findings: Awaitable[Findings]) -> Findings:
    """What a check finds, or what keeps it from being made."""
    try:
        return await findings
    except (Problem, Problems) as error:
        return Findings(every(error))


def _deployed(route: running.Itinerary) -> Iterator[Sequence[str]]:
    """The policies of each deploy step."""
    for step in route.plan.every_step:
        if step.type == options.DEPLOY:
            yield step.properties.get("policies") or ()


def _overridden(app: Application, route: running.Itinerary) -> Iterator[Component]:
    """The components as override policies leave them for some delivery."""
    for policies in _deployed(route):
        with suppress(Problem, Problems):  # said of the step
            yield from (c for c in route.policies.components(policies) if c not in app.components)


def _misplaced(route: running.Itinerary) -> Iterator[Problem]:
    """Deploy steps that lead to clusters or change components there are not."""
    for policies in _deployed(route):
        for decide in (route.policies.placements, route.policies.components):
            try:
                decide(policies)
            except (Problem, Problems) as error:
                yield from every(error)


def _awaited(step: Step) -> list[str]:
    """Paths in the application that the inputs of a step set: they are not missing."""
    keys = (str(given.get("parameterKey") or "") for given in step.inputs)
    return [f"{step.path}.properties.{key}" for key in keys if key]


def _filled(route: running.Itinerary | None, component: Component) -> set[str]:
    """Paths in the application that inputs of workflow steps set later: they are not missing."""
    found = set()
    for step in route.plan.every_step if route else ():
        if (step.properties.get("value") or {}).get("name") == component.name:
            for given in step.inputs:
                key = str(given.get("parameterKey") or "")
                found.add(f"{component.path}.{key.removeprefix('value.')}")
    return found


def _certain(problems: Sequence[Problem], app: Application) -> tuple[Problem, ...]:
    """Without what an override policy may still supply; rendering judges that."""
    if any(policy.type == "override" for policy in app.policies):
        return tuple(each for each in problems if each.code != "parameter.missing")
    return tuple(problems)
