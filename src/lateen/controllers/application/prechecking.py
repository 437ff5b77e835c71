"""What can be told of an application before anything is rendered or run: what its components, its
override policies and the steps of its workflow are given, against the definitions they name.
"""

from __future__ import annotations

from collections.abc import Sequence

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
        findings = await _component(component, renderer, facts, _filled(route, component))
        found += Findings(_certain(findings.problems, app), findings.warnings)
    if route is None:
        return found
    for component in _overridden(app, route):
        found += await _component(component, renderer, facts, _filled(route, component))
    for step in route.plan.every_step:
        found += await _step(step, route, renderer)
    return found + Findings(tuple(_misplaced(route)))


async def _component(
    component: Component,
    renderer: rendering.Renderer,
    facts: contexts.AppFacts,
    filled: set[str],
) -> Findings:
    try:
        return await renderer.check(component, facts, filled)
    except (Problem, Problems) as error:
        return Findings(every(error))


def _overridden(app: Application, route: running.Itinerary) -> list[Component]:
    """The components as override policies leave them for some delivery."""
    found: list[Component] = []
    for step in route.plan.every_step:
        if step.type != options.DEPLOY:
            continue
        try:
            components = route.policies.components(step.properties.get("policies") or ())
        except (Problem, Problems):
            continue  # said of the step
        found += [each for each in components if each not in app.components]
    return found


async def _step(step: Step, route: running.Itinerary, renderer: rendering.Renderer) -> Findings:
    definition = route.steps.get(step.type)
    if definition is None or step.type in steps.NATIVE:  # whose options the plan has read
        return Findings()
    properties = dict(step.properties)
    part = templates.Part(definition, step.type, step.path, properties, -1)
    keys = (str(given.get("parameterKey") or "") for given in step.inputs)
    filled = [f"{step.path}.properties.{key}" for key in keys if key]
    try:
        return await renderer.check_part(part, filled)
    except (Problem, Problems) as error:
        return Findings(every(error))


def _misplaced(route: running.Itinerary) -> list[Problem]:
    """Deploy steps that lead to clusters or change components there are not."""
    found: list[Problem] = []
    for step in route.plan.every_step:
        if step.type != options.DEPLOY:
            continue
        for decide in (route.policies.placements, route.policies.components):
            try:
                decide(step.properties.get("policies") or ())
            except (Problem, Problems) as error:
                found += every(error)
    return found


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
