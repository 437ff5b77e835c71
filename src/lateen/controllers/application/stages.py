"""The stages of a pass over one application: where what is pure meets the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lateen.api import names, returns, tracker
from lateen.api.application import Application
from lateen.api.manifest import Manifest
from lateen.api.revision import Revision
from lateen.base.clock import Clock
from lateen.base.problem import raise_any
from lateen.controllers import caches, observing, settings, tidings
from lateen.controllers.application import (
    announcing,
    beginning,
    changing,
    chronicling,
    collecting,
    deliver,
    following,
    identities,
    judging,
    outfitting,
    parsing,
    policing,
    resting,
    returning,
    revise,
    running,
    scheduling,
    scoping,
    sessions,
    stepping,
    upkeeping,
)
from lateen.controllers.application.report import Next, Report
from lateen.controllers.application.results import Result
from lateen.cue.engine import Engine
from lateen.definitions import borrowing, rendering, templates
from lateen.gc import recycling
from lateen.hub import client, clusters, errors
from lateen.policies import treating
from lateen.providers import ports
from lateen.sources import obtaining

_LOOK_AGAIN = 3.0  # seconds; what is being deleted also tells by its watch


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
        self._caches = cached
        self._clusters = known
        self._live = live
        self._clock = clock
        self._sessions = sessions.Sessions()
        self._rest = resting.Rest(self._sessions, cached, known, live, tidings, clock)
        self._runs = running.Runs(hub, engine, clock, chosen)
        self._upkeep = upkeeping.Upkeep(live, cached, self._runs, engine, clock)
        self._chronicle = chronicling.Chronicle(hub, cached)
        self.bin = recycling.Bin(hub, clock, chosen.recycle_days, chosen.recycle_secrets)
        self._collector = collecting.Collector(hub, live, cached, self.bin, chosen, clock)
        self.herald = announcing.Herald(hub, clock, chosen.events)
        self.world = stepping.World(known.clients, cached, http, cached.packages, sources, tidings)
        modules = borrowing.Modules(sources, hub.get) if sources else None
        shelf = templates.Shelf(engine, own=cached.packages, modules=modules)
        rules = rendering.Rules(
            strict_parameters=chosen.strict_parameters, strict_traits=chosen.strict_traits
        )
        self._changer = changing.Changer(hub, cached, known, shelf, self.world)
        self.outfitter = outfitting.Outfitter(
            hub, engine, cached, known, live, shelf, self.world, rules
        )

    def settled(self, app: Application) -> bool:
        """Whether nothing changed since a pass that found nothing left to do."""
        return self._rest.settled(app)

    def due(self, app: Application, status: Mapping[str, Any]) -> float | None:
        """Seconds until it is to be looked at though nothing changed, 0 for now; None for never."""
        return self._rest.due(app, status)

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
                snapshot = await revise.referring_to(
                    snapshot, stored, lambda: self.world.lookup(identities.of(app))
                )
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
        deliverer, ledger = self.outfitter.outfit(declared, revision, session, books, governance)
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
            declared,
            revision.definitions,
            deliverer.target,
            ledger,
            identities.of(app),
            revision.name,
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
            await self._chronicle.supersede(app)
            if returns.quarantine(revision):  # it is wanted again: another chance
                revision = await self._chronicle.mark(app, revision, None)
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
        memory = self._sessions.of(app).memory
        await self._chronicle.close(result.revision, progress.status, memory)
        result.tell_services(report)
        result.tell_resources(report)
        report.phase = progress.phase
        if progress.succeeded:
            report.passed("Workflow")
        elif progress.problem is not None:
            report.fail(progress.problem)
        else:
            report.under_way()

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
        session.owned = self._rest.owned(app)
        raise_any(await self._upkeep.keep(app, result, session, report))
        report.kept()
        if result.progress.succeeded:
            report.enter("Ready")
            report.ready()

    async def judge(self, app: Application, result: Result, report: Report) -> Result:
        """Whether the delivery is given up for the last good one, as its policy says."""
        known = self._caches.revisions(app)
        found = judging.judge(app, result, known, report, self._clock.now())
        if found.aside is not None:
            await self._chronicle.mark(app, result.revision, found.aside)
        return replace(result, verdict=found.verdict)

    async def collect(self, app: Application, result: Result, report: Report) -> float | None:
        """Delete what is no longer declared, once what is declared stands (semantics C9).

        Returns in how many seconds to look again, if nothing changes meanwhile.
        """
        governance = result.governance
        if result.verdict.back:
            return None  # what is no longer declared is about to be declared again
        if not result.progress.succeeded and not (
            governance.despite_failure and result.progress.failed
        ):
            return None
        in_use = revise.in_use(app, report.status, self._caches.revisions(app))
        leading = following.lead(result.route, result.progress.status, result.ledger.resources)
        swept = await self._collector.collect(app, result.ledger, governance, in_use, leading)
        result.tell_resources(report)
        report.held(swept.held)
        if swept.at_rest and result.verdict.after is None:
            self._rest.settle(app, report.status, swept.books)
        return swept.again

    async def finalise(self, app: Application, report: Report) -> Next:
        """Clean up after an application that is being deleted, then let it go (semantics C9)."""
        if names.APP_FINALIZER not in app.finalizers:
            return Next()
        report.phase = "deleting"
        report.enter("Ready")
        left, hook = await self._collector.remove(app)
        if left:
            if hook:
                report.waiting("Hook", hook)
            else:
                report.waiting("Deleting", await self._collector.waiting(left))
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

    async def bury(self, namespace: str, name: str) -> None:
        """Tidy up after applications of this name that are no more."""
        await self._collector.bury(namespace, name)

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


def _doubts(app: Application, governance: treating.Governance) -> str:
    """What is not right with policies and annotations, and keeps nothing from being delivered."""
    doubtful = [*governance.warnings, *scheduling.check(app)]
    return "; ".join(f"{each.path}: {each.message}" for each in doubtful)
