"""A dry run: the pipeline of the controller, with a dispatch that only writes down (decision 1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lateen import __version__
from lateen.api import manifest
from lateen.api.application import Application, Component
from lateen.api.manifest import Key, Manifest
from lateen.api.placement import Placement
from lateen.base import paths, suggest
from lateen.base.clock import SystemClock
from lateen.base.problem import Problem, Problems, every, raise_any
from lateen.controllers.application import (
    deliver,
    parsing,
    policing,
    running,
    scheduling,
    scoping,
    stepping,
    waving,
)
from lateen.cue.engine import Engine
from lateen.definitions import contexts, loading, rendering, renditions, templates, tracing, uniting
from lateen.dispatch import applying, preparing
from lateen.dispatch.applying import Desired
from lateen.health import assessing
from lateen.hub import members
from lateen.policies import treating
from lateen.providers import ports
from lateen.providers.packages import Flavour
from lateen.workflow import options, planning, records
from lateen.workflow.ports import Outcome
from lateen.workflow.steps import custom

# Without an API server to ask: the kinds of Kubernetes itself that live in no namespace.
_CLUSTER_WIDE = frozenset(
    {
        "APIService",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "IngressClass",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "RuntimeClass",
        "StorageClass",
        "ValidatingWebhookConfiguration",
    }
)


@dataclass
class Preview:
    """What an application would have applied, in that order.

    `manifests`: component (empty for what a step applies by itself), trait type (None for the main
    object), manifest. `warnings` are what a strict check would refuse, `unrun` the steps that were
    not run to their end.
    """

    manifests: list[tuple[str, str | None, Manifest]] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    unrun: list[str] = field(default_factory=list)


@dataclass
class Nowhere:
    """No objects shared with anybody: external policies and workflows are not known offline."""

    policies: dict[tuple[str, str], Manifest] = field(default_factory=dict)
    workflows: dict[tuple[str, str], Manifest] = field(default_factory=dict)

    def policy(self, namespace: str, name: str) -> Manifest | None:
        return self.policies.get((namespace, name))

    def workflow(self, namespace: str, name: str) -> Manifest | None:
        return self.workflows.get((namespace, name))


@dataclass
class _Paper:
    """Writes down what is dispatched, and shows it as what is there."""

    preview: Preview
    written: dict[tuple[str, Key], Manifest] = field(default_factory=dict)

    async def dispatch(self, wanted: Sequence[Desired]) -> list[Manifest]:
        for each in wanted:
            namespaced = each.manifest["kind"] not in _CLUSTER_WIDE
            sent = preparing.prepare(each.manifest, namespaced=namespaced)
            place = _place(each.manifest)
            if place in self.written and not self._replaces(place, each, sent):
                continue
            self.written[place] = sent
            self.preview.manifests.append((each.component, each.trait or None, sent))
        return [each.manifest for each in wanted]

    async def find(self, wanted: Manifest) -> Manifest | None:
        return self.written.get(_place(wanted))

    async def remove(self, wanted: Manifest) -> None:
        """What runs once is shown as it is sent."""

    def _replaces(self, place: tuple[str, Key], by: Desired, sent: Manifest) -> bool:
        """Whether an object that is there is written again; not for another component."""
        before = self.written[place]
        entry = next(e for e in self.preview.manifests if e[2] is before)
        if entry[0] == by.component:
            self.preview.manifests.remove(entry)
            return True
        if not uniting.same(before, sent):
            raise applying.duplicate(entry[0], by)
        return False


def _place(wanted: Manifest) -> tuple[str, Key]:
    return manifest.cluster(wanted), manifest.key(wanted)


@dataclass
class _Optimist(deliver.Deliverer):
    """Takes everything that was rendered for healthy: nothing runs in a dry run.

    `late` are components that only a real delivery can render: an input takes its value from an
    object that is not there yet.
    """

    late: dict[str, Problem] = field(default_factory=dict)

    async def deliver(self, component: Component, placement: Placement) -> Outcome:
        try:
            return await super().deliver(component, placement)
        except (Problem, Problems) as error:
            blank = _blank(component)
            if not blank or not all(_within(each, blank) for each in every(error)):
                raise
            self.late[component.name] = Problem(
                "parameter.late",
                f"{component.name} cannot be shown: {', '.join(blank)} is known only when "
                "it is delivered",
                path=component.path,
            )
            return Outcome(True, "", None, {})

    async def send(self, rendered: renditions.Rendered) -> str:
        """Everything at once, in the order of the waves: nothing runs that could be waited for."""
        waves = waving.sorted_waves(deliver.desired(rendered, renditions.DEFAULT))
        await self.target.dispatch([each for wave in waves for each in wave])
        return ""

    async def assess(
        self, rendered: renditions.Rendered, reached: Any = renditions.STAGES
    ) -> assessing.ComponentHealth:
        return assessing.ComponentHealth(rendered.component.name, True, True)


def _blank(component: Component) -> list[str]:
    """Paths of values that are null where the author wrote none: inputs without a value yet."""

    def walk(value: Any, at: paths.Path) -> Iterator[str]:
        if value is None:
            yield f"{component.path}.{paths.render(at)}"
        elif isinstance(value, Mapping):
            for name, inner in value.items():
                yield from walk(inner, (*at, name))
        elif isinstance(value, list):
            for index, inner in enumerate(value):
                yield from walk(inner, (*at, index))

    traits = [trait.properties for trait in component.traits]
    return [
        *(walk(component.properties, ("properties",)) if component.properties else ()),
        *(
            found
            for index, properties in enumerate(traits)
            if properties
            for found in walk(properties, ("traits", index, "properties"))
        ),
    ]


def _within(problem: Problem, blank: Sequence[str]) -> bool:
    return any(problem.path.startswith(path) or path.startswith(problem.path) for path in blank)


async def preview(
    app: Application,
    catalogue: loading.Catalogue,
    engine: Engine,
    *,
    externals: parsing.Externals | None = None,
    cluster_version: Mapping[str, Any] | None = None,
    recorder: tracing.Recorder | None = None,
    revision: str = "",
    rules: rendering.Rules | None = None,
    shelf: templates.Shelf | None = None,
    clusters: deliver.Clusters = members.ALONE,
    surroundings: ports.Runtime | None = None,
) -> Preview:
    """Run an application's whole delivery on paper.

    Without a `revision` labels carry the name of a first one, for which it would be is not known
    offline. A `recorder` is told how each object came to be. `rules` say what is an
    error and what a warning. Several previews of one engine do well to share a `shelf`.
    `surroundings` are what templates may ask of others; without any they get by with nothing.

    Raises:
        Problem | Problems: everything that would keep it from being delivered, as far as it can be
            known without a cluster: definitions, parameters, templates, policies, the workflow.
    """
    facts = contexts.AppFacts.of(
        app,
        controller_version=__version__,
        revision=revision or f"{app.name}-v1",
        cluster_version=cluster_version or contexts.UNKNOWN_VERSION,
    )
    renderer = rendering.Renderer(
        engine,
        parsing.seen_by(app, catalogue),
        shelf,
        runtime=surroundings,
        recorder=recorder,
        rules=rules,
    )
    found = Preview()
    problems: list[Problem] = []
    route = None
    changed = await _changed(app, catalogue, facts, engine, shelf)
    app = changed.app
    facts = replace(
        facts,
        labels=app.labels,
        annotations={**facts.annotations, **app.annotations},
        components=app.spec.get("components") or (),
        custom=scoping.custom(changed.records),
    )
    try:
        snapshot = parsing.snapshot(app, catalogue, externals or Nowhere())
        facts = replace(facts, revision_hash=snapshot.hash())
        route = running.itinerary(snapshot, clusters.labels)
    except (Problem, Problems) as error:
        problems += every(error)
    for component in app.components:
        problems += await _checked(app, component, renderer, facts, route, found)
    problems += await _overridden(app, renderer, facts, route, found)
    found.warnings = list(dict.fromkeys(found.warnings))
    problems += _misplaced(route)
    raise_any(problems)
    assert route is not None  # else there was a problem
    paper = _Paper(found)
    deliverer = _Optimist(engine, renderer, facts, paper, clusters, patient=False)
    runtime = stepping.on_paper(app.namespace, app.name, paper)
    done = await running.rehearse(route, deliverer, facts, engine, SystemClock(), runtime)
    found.unrun += _unrun(done)
    found.warnings += [*deliverer.late.values(), *_doubts(route.plan, done)]
    found.warnings += [*treating.read(app).warnings, *scheduling.check(app)]
    await policing.apply(policing.rendering(app, snapshot.definitions), deliverer)
    return found


async def _changed(
    app: Application,
    catalogue: loading.Catalogue,
    facts: contexts.AppFacts,
    engine: Engine,
    shelf: templates.Shelf | None,
) -> scoping.Transformed:
    """The application as policies with the scope `Application` leave it.

    Raises:
        Problem | Problems: what is wrong with one that it names.
    """
    policies = scoping.participants(app, catalogue)
    if not policies:
        return scoping.Transformed(app)
    runtime = ports.Runtime(Flavour.TEMPLATE, namespace=app.namespace)
    known = shelf or templates.Shelf(engine)
    return await scoping.transform(app, policies, facts, known, runtime)


def _unrun(done: running.Pass) -> Iterator[str]:
    """Steps that ask for what only a delivery can give."""
    for raw in done.status.get("steps") or ():
        for record in records.Record.of(raw).walk():
            if record.message == custom.UNRUN:
                yield f"{record.name} ({record.type})"


def _doubts(plan: planning.Plan, done: running.Pass) -> Iterator[Problem]:
    """Steps that never run: no error to the workflow, but hardly what their author wants."""
    written = {step.name: step for step in plan.every_step}
    for raw in done.status.get("steps") or ():
        for record in records.Record.of(raw).walk():
            step, message = written[record.name], record.message
            if record.phase == records.SKIPPED and message.startswith(_CONDITION):
                if step.inputs:  # on paper they have no values that could be compared
                    continue
                yield Problem(
                    "workflow.if",
                    f"step {step.name} is skipped: {message.removeprefix(_CONDITION)}",
                    path=f"{step.path}.if",
                )
            elif record.phase == records.PENDING and message.startswith(_INPUT):
                source = message.removeprefix(_INPUT)
                near = suggest.nearest(source, plan.producers)
                known = f"outputs are {', '.join(plan.producers)}" if plan.producers else ""
                yield Problem(
                    "workflow.input",
                    f'step {step.name} waits for ever: nothing puts out "{source}"',
                    path=f"{step.path}.inputs",
                    hint=near or known or "no step and no component has outputs",
                )


_CONDITION = "pre check error: "
_INPUT = "Pending on Input: "


async def _checked(
    app: Application,
    component: Component,
    renderer: rendering.Renderer,
    facts: contexts.AppFacts,
    route: running.Itinerary | None,
    found: Preview,
) -> list[Problem]:
    """What is wrong with the parameters of one component; warnings go to the preview."""
    try:
        findings = await renderer.check(component, facts, _filled(route, component))
    except (Problem, Problems) as error:
        return list(every(error))
    found.warnings += findings.warnings
    return _certain(findings.problems, app)


async def _overridden(
    app: Application,
    renderer: rendering.Renderer,
    facts: contexts.AppFacts,
    route: running.Itinerary | None,
    found: Preview,
) -> list[Problem]:
    """What is wrong with components as override policies leave them for some delivery."""
    problems: list[Problem] = []
    for step in route.plan.every_step if route else ():
        if route is None or step.type != options.DEPLOY:
            continue
        try:
            components = route.policies.components(step.properties.get("policies") or ())
        except (Problem, Problems):
            continue  # said of the step
        for component in components:
            if component in app.components:
                continue
            try:
                findings = await renderer.check(component, facts, _filled(route, component))
            except (Problem, Problems) as error:
                problems += every(error)
                continue
            found.warnings += findings.warnings
            problems += findings.problems
    return problems


def _misplaced(route: running.Itinerary | None) -> list[Problem]:
    """Deploy steps that lead to clusters or change components there are not."""
    found: list[Problem] = []
    if route is None:
        return found
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


def _certain(problems: Sequence[Problem], app: Application) -> list[Problem]:
    """Without what an override policy may still supply; rendering judges that."""
    if any(policy.type == "override" for policy in app.policies):
        return [problem for problem in problems if problem.code != "parameter.missing"]
    return list(problems)
