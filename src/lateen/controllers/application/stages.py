"""The stages of a pass over one application: where what is pure meets the cluster."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lateen import __version__
from lateen.api import manifest, names, returns, tracker
from lateen.api.application import Application
from lateen.api.definition import Definition
from lateen.api.manifest import Manifest
from lateen.api.revision import Revision
from lateen.base.clock import Clock
from lateen.base.problem import Problem, Problems, every, raise_any
from lateen.controllers import caches, observing, settings, tidings
from lateen.controllers.application import (
    announcing,
    beginning,
    changing,
    closing,
    collecting,
    deliver,
    following,
    identities,
    judging,
    keep,
    parsing,
    policing,
    returning,
    revise,
    running,
    scheduling,
    scoping,
    sessions,
    stepping,
    targets,
)
from lateen.controllers.application.report import Next, Report
from lateen.cue.engine import Engine
from lateen.definitions import contexts, loading, rendering, templates
from lateen.dispatch import applying, recording
from lateen.gc import recycling
from lateen.health import assessing
from lateen.hub import client, clusters, errors
from lateen.policies import safeguarding, treating
from lateen.providers import ports
from lateen.sources import obtaining

_LOOK_AGAIN = 3.0  # seconds; what is being deleted also tells by its watch


@dataclass(frozen=True)
class Result:
    """What the workflow came to in this pass, and what it delivered through."""

    progress: running.Pass
    route: running.Itinerary
    ledger: recording.Ledger
    deliverer: deliver.Deliverer
    governance: treating.Governance
    revision: Revision
    runtime: ports.Runtime
    verdict: safeguarding.Verdict = safeguarding.STAY

    @property
    def definitions(self) -> Sequence[Definition]:
        return self.revision.definitions

    @property
    def next(self) -> Next:
        times = (self.progress.next_after, self.verdict.after)
        return Next(min((each for each in times if each is not None), default=None))


class Stages:
    """The stages with their collaborators; one for all applications of a control plane."""

    def __init__(
        self,
        hub: client.Client,
        engine: Engine,
        cached: caches.Caches,
        known: clusters.Clusters,
        live: observing.Fleet,
        clock: Clock,
        http: ports.Http | None = None,
        chosen: settings.Settings = settings.DEFAULTS,
        *,
        tidings: tidings.Tidings,
        sources: obtaining.Sources | None = None,
    ) -> None:
        self.tidings = tidings
        self._hub = hub
        self._engine = engine
        self._caches = cached
        self._clusters = known
        self._live = live
        self._clock = clock
        self._sessions = sessions.Sessions()
        self._shelf = templates.Shelf(engine, own=cached.packages)
        self._runs = running.Runs(hub, engine, clock, chosen)
        self._settings = chosen
        self.bin = recycling.Bin(hub, clock, chosen.recycle_days, chosen.recycle_secrets)
        self._collector = collecting.Collector(hub, live, cached, self.bin, chosen)
        self._rules = rendering.Rules(
            strict_parameters=chosen.strict_parameters, strict_traits=chosen.strict_traits
        )
        self.herald = announcing.Herald(hub, clock, chosen.events)
        self.world = stepping.World(known.clients, cached, http, cached.packages, sources, tidings)
        self._changer = changing.Changer(hub, cached, known, self._shelf, self.world)

    def settled(self, app: Application) -> bool:
        """Whether nothing changed since a pass that found nothing left to do."""
        session = self._sessions.of(app)
        settled = session.settled
        spent = scheduling.spent(app, app.status, self._clock.now())
        news = self.tidings.waiting(app.namespace, app.name)
        if not settled or spent or news or self.due(app, app.status) == 0:
            return False
        others = [
            *self._caches.external_versions(app),
            *self._clusters.states,
            *_inventories(self._caches.trackers(app)),
        ]
        now = sessions.fingerprint(app, app.status, self._owned_versions(app), others)
        return settled == now

    def due(self, app: Application, status: Mapping[str, Any]) -> float | None:
        """Seconds until it is to be looked at though nothing changed, 0 for now; None for never."""
        waits = [scheduling.wait(app, status, self._clock.now())]
        if every := scheduling.interval(app):
            looked = self._sessions.of(app).looked
            waits.append(max(0.0, looked + every - self._clock.monotonic()))
        return min((each for each in waits if each is not None), default=None)

    def interrupt(self, old: Manifest | None, new: Manifest | None) -> None:
        """End the pass under way where what it does is not wanted any more: its workflow was
        terminated or restarted, its text changed, or it is deleted.
        """
        if old is None or new is None:
            return
        before, after = Application(old), Application(new)
        was, now = (each.status.get("workflow") or {} for each in (before, after))
        ended = now.get("terminated") and not was.get("terminated")
        begun_anew = was and not now
        if ended or begun_anew or after.deleting or before.generation != after.generation:
            self._sessions.of(after).interrupt()

    async def claim(self, app: Application) -> Application:
        """Hold the application until what it brought is cleaned up (semantics C9)."""
        self._sessions.of(app).looked = self._clock.monotonic()
        if names.APP_FINALIZER in app.finalizers:
            return app
        meta = {
            "finalizers": [*app.finalizers, names.APP_FINALIZER],
            "resourceVersion": app.metadata["resourceVersion"],
        }
        held = await self._hub.patch(app.key, {"metadata": meta})
        self._caches.observe_application(held)
        return Application(held)

    async def schedule(self, app: Application) -> Application:
        """Remove an annotation that has done its part, and forget a workflow that is to run again.

        By itself, before anything else: a step that sets the annotation ends the pass it runs in.
        Source: semantics C5.
        """
        now = self._clock.now()
        meta: dict[str, Any] = {"resourceVersion": app.metadata["resourceVersion"]}
        if scheduling.spent(app, app.status, now):
            meta["annotations"] = {names.RESTART_WORKFLOW: None}
            changed = await self._hub.patch(app.key, {"metadata": meta})
        elif scheduling.wait(app, app.status, now) == 0:
            anew = {scheduling.FIELD: None, "workflow": None}
            body = {"metadata": meta, "status": anew}
            changed = await self._hub.patch(app.key, body, subresource="status")
        else:
            return app
        self._caches.observe_application(changed)
        return Application(changed)

    async def revise(self, app: Application, report: Report) -> Revision:
        """The revision the application is at, stored when it is a new one (C2, C3)."""
        report.enter("Parsed")
        session = self._sessions.of(app)
        session.externals = self._caches.external_versions(app)
        session.clusters = self._clusters.states
        stored = self._caches.revisions(app)
        raise_any(parsing.exclusive(app))
        revision = revise.pinned(app, stored)
        then = None if revision else returning.sent_to(app, stored)
        if then is not None and then.publish_version == app.publish_version:
            revision = then
        if revision is None:
            if then is not None:
                snapshot = returning.published_again(app, then)
            else:
                changed = await self._changer.changed(app, stored, session)
                known = revise.remembering(changed.app, stored, self._caches)
                snapshot = changed.into(parsing.snapshot(changed.app, known, self._caches))
            report.passed("Parsed")
            report.enter("Revision")
            revision = revise.choose(snapshot, stored)
            if revision is None:
                revision = await revise.store(
                    snapshot, stored, self._hub, self._caches.observe_revision
                )
        revision = returning.instead(app, revision, stored)
        report.passed("Parsed")
        report.passed("Revision")
        report.status["latestRevision"] = {
            "name": revision.name,
            "revision": revision.number,
            "revisionHash": revision.hash,
        }
        await self._changer.account(app, revision, report)
        return revision

    async def run(self, app: Application, revision: Revision, report: Report) -> Result:
        """Advance the workflow of the revision by one pass (semantics C5, E2)."""
        report.enter("Policy")
        declared = scoping.seen(revision.of(app), revision.scoped)
        session = self._sessions.of(app)
        run = beginning.run(
            app,
            declared.publish_version,
            revision,
            report.status,
            self._caches.revisions(app),
            lambda: self.tidings.news(app.namespace, app.name),
        )
        revision, books = await self._begin(app, declared, revision, run, report)
        governance = treating.read(declared)
        deliverer, ledger = self._deliverer(declared, revision, session, books, governance)
        report.enter("Policy")
        await self._govern(declared, revision, deliverer, session)
        report.passed("Policy", _doubts(declared, governance))
        report.enter("Render")
        route = running.itinerary(revision, self._clusters.labels)
        if run.resumes and (old := returning.ending(revision, route.plan, books[0], self._clock)):
            report.status["workflow"] = old.workflow
            session.resume(old.workflow, old.memory)
        report.passed("Render")
        report.enter("Workflow")
        runtime = self.world.runtime(
            declared, revision.definitions, deliverer.target, ledger, identities.of(app)
        )
        progress = await self._runs.advance(
            declared,
            route,
            report.status.get("workflow") or {},
            deliverer,
            running.context_of(deliverer.facts),
            session,
            runtime,
            debug=any(policy.type == "debug" for policy in declared.policies),
        )
        result = Result(progress, route, ledger, deliverer, governance, revision, runtime)
        await self._tell(app, result, report)
        return result

    async def _begin(
        self,
        app: Application,
        declared: Application,
        revision: Revision,
        run: beginning.Run,
        report: Report,
    ) -> tuple[Revision, tuple[tracker.Tracker, tracker.Tracker]]:
        """Begin another run where one is due; the inventories of the run, its own and the root."""
        session = self._sessions.of(app)
        trackers = self._caches.trackers(app)
        known = run.goes_on or run.resumes
        current = tracker.current(trackers, declared, revision.name, running=known, run=run.news)
        # without its inventory nothing of what it delivered would be kept, or ever removed
        lost = current is None and "appliedResources" in report.status
        if not run.goes_on:
            await self._supersede(app)
            if returns.quarantine(revision):  # it is wanted again: another chance
                revision = await self._mark(app, revision, None)
        session.enter(run.name)
        if not run.goes_on or lost:
            report.restart(run.name)
            session.restart()
            self.tidings.begin(app.namespace, app.name)
        inventory = current or tracker.fresh(declared, revision.name, run.news)
        return revision, (inventory, tracker.root(trackers, app, revision.name))

    async def _tell(self, app: Application, result: Result, report: Report) -> None:
        """Put into the status, and where it is over into the revision, how far the run is."""
        progress = result.progress
        report.status["workflow"] = progress.status
        if moment := scheduling.scheduled(app, report.status, self._clock.now()):
            report.status[scheduling.FIELD] = moment
        ending = closing.ended(result.revision, progress.status, self._sessions.of(app).memory)
        if stored := await closing.write(result.revision, ending, self._hub):
            self._caches.observe_revision(stored)
        _report_services(report, result.deliverer)
        _report_resources(report, result)
        report.phase = progress.phase
        if progress.succeeded:
            report.passed("Workflow")
        elif progress.problem is not None:
            report.fail(progress.problem)
        else:
            report.under_way()

    async def _supersede(self, app: Application) -> None:
        """Note how far the run has come that another one takes the place of (semantics C5)."""
        old = closing.left_behind(app, self._caches.revisions(app))
        if old is None:
            return
        ending = closing.superseded(old, app.status.get("workflow") or {})
        if stored := await closing.write(old, ending, self._hub):
            self._caches.observe_revision(stored)

    async def _mark(
        self, app: Application, revision: Revision, mark: returns.Quarantine | None
    ) -> Revision:
        """Quarantine a revision, or end that."""
        stored = await returning.put_aside(app, revision, mark, self._hub)
        self._caches.observe_revision(stored)
        return Revision(stored)

    async def _govern(
        self,
        app: Application,
        revision: Revision,
        deliverer: deliver.Deliverer,
        session: sessions.Session,
    ) -> None:
        """What policies render is applied once for a run; from then on it is kept."""
        if not session.governed:
            await policing.apply(policing.rendering(app, revision.definitions), deliverer)
            session.governed = True

    async def keep(self, app: Application, result: Result, report: Report) -> None:
        """Once delivered, stay as declared: drift is put back, health is looked at again (C8)."""
        if not result.progress.settled:
            return
        report.enter("StateKeep")
        session = self._sessions.of(app)
        await self._live.watch(result.ledger.resources)
        session.owned = self._owned_versions(app)
        broken: list[Problem] = []
        try:
            treat = result.governance.treatment
            keeper = keep.Keeper(self._live, app.owner, identities.of(app), treat, session.clean)
            await keeper.keep(result.ledger)
        except (Problem, Problems) as problem:
            broken += every(problem)  # what cannot be put back does not hide how the rest is
        broken += await self._follow(app, result, report)
        await self._look_again(app, result, report)
        raise_any(broken)
        report.kept()
        if result.progress.succeeded:
            report.enter("Ready")
            report.ready()

    async def _follow(self, app: Application, result: Result, report: Report) -> list[Problem]:
        """Deliver to where policies lead by now, and no longer look at where they do not.

        Returns what was wrong with it.
        """
        leading = following.lead(result.route, result.progress.status, result.ledger.resources)
        wrong = list(leading.troubles)
        for step in leading.missing:
            context = running.context_of(result.deliverer.facts)
            try:
                await self._runs.again(
                    step,
                    result.route,
                    result.deliverer,
                    context,
                    self._sessions.of(app),
                    result.runtime,
                )
            except (Problem, Problems) as error:
                wrong += every(error)
        delivered = result.deliverer.delivered
        for slot in [slot for slot in delivered if leading.left(slot[0], slot[1])]:
            del delivered[slot]
        report.leave(leading.left)
        _report_resources(report, result)
        return wrong

    async def _look_again(self, app: Application, result: Result, report: Report) -> None:
        """The health of everything that was delivered, as it is now."""
        if result.progress.succeeded:
            await self._recall(app, result)
        for slot in list(result.deliverer.delivered):
            await result.deliverer.refresh(slot)
        _report_services(report, result.deliverer)
        if result.progress.succeeded:
            fine = report.healthy or policing.judges_health(app, result.definitions)
            report.phase = "running" if fine else "unhealthy"

    async def judge(self, app: Application, result: Result, report: Report) -> Result:
        """Whether the delivery is given up for the last good one, as its policy says."""
        known = self._caches.revisions(app)
        found = judging.judge(app, result, known, report, self._clock.now())
        if found.aside is not None:
            await self._mark(app, result.revision, found.aside)
        return replace(result, verdict=found.verdict)

    async def collect(self, app: Application, result: Result, report: Report) -> None:
        """Delete what is no longer declared, once what is declared stands (semantics C9)."""
        governance = result.governance
        if result.verdict.back:
            return  # what is no longer declared is about to be declared again
        if not result.progress.succeeded and not (
            governance.despite_failure and result.progress.failed
        ):
            return
        in_use = revise.in_use(app, report.status, self._caches.revisions(app))
        leading = following.lead(result.route, result.progress.status, result.ledger.resources)
        swept = await self._collector.collect(app, result.ledger, governance, in_use, leading.left)
        _report_resources(report, result)
        report.held(swept.held)
        if swept.at_rest and result.verdict.after is None:
            # as this pass found it all, not as it is by now: what changed since is another's to see
            session = self._sessions.of(app)
            others = [*session.externals, *session.clusters, *_inventories(swept.books)]
            session.settled = sessions.fingerprint(app, report.status, session.owned, others)

    async def finalise(self, app: Application, report: Report) -> Next:
        """Clean up after an application that is being deleted, then let it go (semantics C9)."""
        if names.APP_FINALIZER not in app.finalizers:
            return Next()
        report.phase = "deleting"
        report.enter("Ready")
        left = await self._collector.remove(app)
        if left:
            report.waiting("Deleting", collecting.waiting(left))
            return Next(_LOOK_AGAIN)
        ours = (names.APP_FINALIZER, names.APP_ORPHAN)
        kept = [name for name in app.finalizers if name not in ours]
        try:
            await self._hub.patch(app.key, {"metadata": {"finalizers": kept}})
        except errors.ApiError as error:
            if not error.not_found:
                raise
        self._sessions.forget(app.namespace, app.name)
        self.tidings.forget(app.namespace, app.name)
        report.abandon()
        return Next()

    async def commit(self, app: Application, report: Report) -> None:
        """Write the status, once, if it says anything new (design, decision 7)."""
        if not report.changed:
            return
        current = self._caches.application(app.namespace, app.name)
        if current is None or current.uid != app.uid:
            return
        version = app.metadata["resourceVersion"]
        meta = {"resourceVersion": version}
        body = {"metadata": meta, "status": report.patch()}
        stored = await self._hub.patch(app.key, body, subresource="status")
        self._caches.observe_application(stored)
        await self.herald.tell(app, app.status, report.status)

    def _deliverer(
        self,
        app: Application,
        revision: Revision,
        session: sessions.Session,
        books: tuple[tracker.Tracker, tracker.Tracker],
        governance: treating.Governance,
    ) -> tuple[deliver.Deliverer, recording.Ledger]:
        facts = contexts.AppFacts.of(
            app,
            controller_version=__version__,
            revision=revision.name,
            revision_hash=revision.hash,
            cluster_version=self._clusters.local_version,
        )
        facts = replace(facts, custom=scoping.custom(revision.scoped))
        ledger = recording.Ledger(self._hub, *books, self._caches.observe_tracker)
        treat = governance.treatment
        dispatcher = applying.Dispatcher(self._live, ledger, app.owner, identities.of(app), treat)
        catalogue = loading.Layered(loading.Recorded(revision.definitions), self._caches)
        return (
            deliver.Deliverer(
                self._engine,
                rendering.Renderer(
                    self._engine,
                    catalogue,
                    self._shelf,
                    runtime=self.world.templates(app, identities.of(app)),
                    rules=self._rules,
                ),
                facts,
                targets.Fleet(dispatcher, self._live, treat),
                self._clusters,
                session.delivered,
            ),
            ledger,
        )

    async def _recall(self, app: Application, result: Result) -> None:
        """Find out again what was delivered, when a controller starts: nothing is applied."""
        session = self._sessions.of(app)
        if session.complete:
            return
        silent = replace(result.deliverer, target=targets.Shown(result.deliverer.target))
        await running.rehearse(
            result.route,
            silent,
            silent.facts,
            self._engine,
            self._clock,
            stepping.on_paper(app.namespace, app.name, silent.target, self._caches.packages),
            copy.deepcopy(session.memory),
        )
        session.complete = True

    def _owned_versions(self, app: Application) -> sessions.Versions:
        found = (manifest.metadata(each) for _, each in self._live.owned_by(app.owner))
        return [(str(meta["uid"]), str(meta["resourceVersion"])) for meta in found]


def _doubts(app: Application, governance: treating.Governance) -> str:
    """What is not right with policies and annotations, and keeps nothing from being delivered."""
    doubtful = [*governance.warnings, *scheduling.check(app)]
    return "; ".join(f"{each.path}: {each.message}" for each in doubtful)


def _inventories(trackers: Iterable[tracker.Tracker]) -> list[tuple[str, str]]:
    """Those that are stored: an application without objects has none."""
    named = ((each.name, str(each.raw["metadata"].get("uid", ""))) for each in trackers)
    return [(name, uid) for name, uid in named if uid]


def _report_resources(report: Report, result: Result) -> None:
    policies = {policy.name for policy in result.revision.application.policies}
    report.resources(result.ledger.resources, policies)


def _report_services(report: Report, deliverer: deliver.Deliverer) -> None:
    """The health of every component at every placement; copies of one are told as one."""
    entries: dict[tuple[str, ...], dict[str, Any]] = {}
    for (*place, _), each in deliverer.delivered.items():
        entry = assessing.status_entry(each.health, each.placement, deliverer.facts)
        before = entries.get(tuple(place))
        entries[tuple(place)] = assessing.joined(before, entry) if before else entry
    for component, placement, why in deliverer.missing:
        unknown = {"apiVersion": "", "kind": ""}
        health = assessing.ComponentHealth(
            component.name, False, False, why, workload_definition=unknown
        )
        entry = assessing.status_entry(health, placement, deliverer.facts)
        entries[component.name, placement.cluster, placement.namespace] = entry
    for entry in entries.values():
        report.service(entry)
