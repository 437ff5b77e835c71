"""A dry run: the pipeline of the controller, with a dispatch that only writes down (decision 1)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lateen import __version__
from lateen.api.application import Application
from lateen.api.manifest import Manifest
from lateen.base import suggest
from lateen.base.clock import SystemClock
from lateen.base.problem import Problem, Problems, every, raise_any
from lateen.controllers.application import (
    deliver,
    parsing,
    policing,
    prechecking,
    pretending,
    referring,
    running,
    scheduling,
    scoping,
    stepping,
)
from lateen.cue.engine import Engine
from lateen.definitions import contexts, loading, rendering, templates, tracing
from lateen.hub import members
from lateen.policies import treating
from lateen.providers import ports
from lateen.providers.packages import Flavour
from lateen.workflow import planning, records
from lateen.workflow.steps import custom

Referred = Callable[[Application], Awaitable[Iterable[Manifest]]]
"""Copies of what an application refers to; see `referring`."""


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
    changed: scoping.Transformed | None = None  # by policies with the scope `Application`


@dataclass
class Nowhere:
    """No objects shared with anybody: external policies and workflows are not known offline."""

    policies: dict[tuple[str, str], Manifest] = field(default_factory=dict)
    workflows: dict[tuple[str, str], Manifest] = field(default_factory=dict)

    def policy(self, namespace: str, name: str) -> Manifest | None:
        return self.policies.get((namespace, name))

    def workflow(self, namespace: str, name: str) -> Manifest | None:
        return self.workflows.get((namespace, name))


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
    referred: Referred | None = None,
) -> Preview:
    """Run an application's whole delivery on paper.

    Without a `revision` labels carry the name of a first one, for which it would be is not known
    offline. A `recorder` is told how each object came to be. `rules` say what is an
    error and what a warning. Several previews of one engine do well to share a `shelf`.
    `surroundings` are what templates may ask of others; without any they get by with nothing.
    `referred` finds what components refer to; without it they are not shown.

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
    found.changed = changed
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
        if referred is not None:
            snapshot = replace(snapshot, referred=tuple(await referred(app)))
        facts = replace(facts, revision_hash=snapshot.hash())
        route = running.itinerary(snapshot, clusters.labels)
    except (Problem, Problems) as error:
        problems += every(error)
    findings = await prechecking.check(app, route, renderer, facts)
    found.warnings = list(dict.fromkeys(findings.warnings))
    raise_any((*problems, *findings.problems))
    assert route is not None  # else there was a problem
    paper = pretending.Paper(found.manifests)
    deliverer = pretending.Optimist(
        engine, renderer, facts, paper, clusters, patient=False, referred=snapshot.referred
    )
    if referred is None:
        deliverer.unread = frozenset(each.name for each in referring.refers(app))
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
