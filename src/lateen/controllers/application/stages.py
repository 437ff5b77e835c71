"""The stages of a pass over one application: where what is pure meets the cluster."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lateen import __version__
from lateen.api import manifest, names, tracker
from lateen.api.application import Application
from lateen.api.manifest import Key, Manifest
from lateen.api.revision import Revision
from lateen.api.tracker import Resource
from lateen.base.clock import Clock
from lateen.base.problem import Problem
from lateen.controllers import caches, observing
from lateen.controllers.application import deliver, keep, parsing, revise, running, sessions
from lateen.controllers.application.report import Next, Report
from lateen.cue.engine import Engine
from lateen.definitions import contexts, loading, rendering, templates
from lateen.dispatch import applying, recording
from lateen.gc import planning as garbage
from lateen.gc import sweeping
from lateen.health import assessing
from lateen.hub import client, errors

_REVISIONS_KEPT = 10
_LOOK_AGAIN = 3.0  # seconds; what is being deleted also tells by its watch


@dataclass(frozen=True)
class Result:
    """What the workflow came to in this pass, and what it delivered through."""

    progress: running.Pass
    route: running.Itinerary
    ledger: recording.Ledger
    deliverer: deliver.Deliverer

    @property
    def next(self) -> Next:
        return Next(self.progress.next_after)


@dataclass
class _Target:
    """Dispatches into the cluster, and finds there what was dispatched."""

    dispatcher: applying.Dispatcher
    live: observing.Owned

    async def dispatch(self, wanted: Sequence[applying.Desired]) -> list[Manifest]:
        return await self.dispatcher.dispatch(wanted)

    async def find(self, key: Key) -> Manifest | None:
        return await self.live.find(key)


@dataclass
class _Found:
    """Dispatches nothing: shows what is there already."""

    live: observing.Owned

    async def dispatch(self, wanted: Sequence[applying.Desired]) -> list[Manifest]:
        found = [await self.live.find(manifest.key(each.manifest)) for each in wanted]
        return [live or each.manifest for live, each in zip(found, wanted, strict=True)]

    async def find(self, key: Key) -> Manifest | None:
        return await self.live.find(key)


class Stages:
    """The stages with their collaborators; one for all applications of a control plane."""

    def __init__(
        self,
        hub: client.Client,
        engine: Engine,
        cached: caches.Caches,
        live: observing.Owned,
        clock: Clock,
        cluster_version: Mapping[str, Any],
    ) -> None:
        self._hub = hub
        self._engine = engine
        self._caches = cached
        self._live = live
        self._clock = clock
        self._cluster_version = cluster_version
        self._sessions = sessions.Sessions()
        self._shelf = templates.Shelf(engine)
        self._runs = running.Runs(hub, engine, clock)

    def settled(self, app: Application) -> bool:
        """Whether nothing changed since a pass that found nothing left to do."""
        settled = self._sessions.of(app).settled
        if not settled:
            return False
        others = [
            *self._caches.external_versions(app.namespace),
            *_inventories(self._caches.trackers(app)),
        ]
        now = sessions.fingerprint(app, app.status, self._owned_versions(app), others)
        return settled == now

    async def claim(self, app: Application) -> Application:
        """Hold the application until what it brought is cleaned up (semantics C9)."""
        if names.APP_FINALIZER in app.finalizers:
            return app
        meta = {
            "finalizers": [*app.finalizers, names.APP_FINALIZER],
            "resourceVersion": app.metadata["resourceVersion"],
        }
        held = await self._hub.patch(_key(app), {"metadata": meta})
        self._caches.observe_application(held)
        return Application(held)

    async def revise(self, app: Application, report: Report) -> Revision:
        """The revision the application is at, stored when it is a new one (C2, C3)."""
        report.enter("Parsed")
        session = self._sessions.of(app)
        session.externals = self._caches.external_versions(app.namespace)
        stored = self._caches.revisions(app)
        revision = revise.pinned(app, stored)
        if revision is None:
            snapshot = parsing.snapshot(app, self._caches, self._caches)
            report.passed("Parsed")
            report.enter("Revision")
            revision = revise.choose(snapshot, stored)
            if revision is None:
                revision = await revise.store(
                    snapshot, stored, self._hub, self._caches.observe_revision
                )
        report.passed("Parsed")
        report.passed("Revision")
        report.status["latestRevision"] = {
            "name": revision.name,
            "revision": revision.number,
            "revisionHash": revision.hash,
        }
        inert = parsing.not_acted_on(revision.application, revision.policies)
        report.passed("Policy", inert)
        return revision

    async def run(self, app: Application, revision: Revision, report: Report) -> Result:
        """Advance the workflow of the revision by one pass (semantics C5, E2)."""
        report.enter("Render")
        wanted = app.publish_version or revision.name
        session = self._sessions.of(app)
        goes_on = (report.status.get("workflow") or {}).get("appRevision") == wanted
        trackers = self._caches.trackers(app)
        current = tracker.current(trackers, app, revision.name, running=goes_on)
        # without its inventory nothing of what it delivered would be kept, or ever removed
        lost = current is None and "appliedResources" in report.status
        if not goes_on or lost:
            report.restart(wanted)
            session.restart()
        declared = app.with_spec(revision.application.spec)
        inventory = current or tracker.fresh(app, revision.name)
        deliverer, ledger = self._deliverer(declared, revision, session, inventory)
        route = running.itinerary(revision)
        report.passed("Render")
        report.enter("Workflow")
        progress = await self._runs.advance(
            declared, route, report.status, deliverer, deliverer.facts, session
        )
        report.status["workflow"] = progress.status
        for delivered in list(deliverer.delivered.values()):
            _report_service(report, delivered, deliverer.facts)
        report.resources(ledger.current.resources)
        report.phase = progress.phase
        if progress.succeeded:
            report.passed("Workflow")
        elif progress.problem is not None:
            report.fail(progress.problem)
        else:
            report.under_way()
        return Result(progress, route, ledger, deliverer)

    async def keep(self, app: Application, result: Result, report: Report) -> None:
        """Once delivered, stay as declared: drift is put back, health is looked at again (C8)."""
        if not result.progress.settled:
            return
        report.enter("StateKeep")
        session = self._sessions.of(app)
        await self._live.watch(each.key for each in result.ledger.current.resources)
        session.owned = self._owned_versions(app)
        broken: Problem | None = None
        try:
            await keep.keep(
                result.ledger.current,
                self._hub,
                self._live,
                _owner(app),
                session.clean,
                _identity(app),
            )
        except Problem as problem:
            broken = problem  # what cannot be put back does not hide how the rest is
        await self._look_again(app, result, report)
        if broken is not None:
            raise broken
        report.kept()
        if result.progress.succeeded:
            report.enter("Ready")
            report.ready()

    async def _look_again(self, app: Application, result: Result, report: Report) -> None:
        """The health of everything that was delivered, as it is now."""
        if result.progress.succeeded:
            await self._recall(app, result)
        for slot in list(result.deliverer.delivered):
            delivered = await result.deliverer.refresh(slot)
            _report_service(report, delivered, result.deliverer.facts)
        if result.progress.succeeded:
            report.phase = "running" if report.healthy else "unhealthy"

    async def collect(self, app: Application, result: Result, report: Report) -> None:
        """Delete what is no longer declared, once what is declared stands (semantics C9)."""
        if not result.progress.succeeded:
            return
        trackers = self._caches.trackers(app)
        plan = garbage.plan(trackers, result.ledger.current)
        left = await sweeping.sweep(plan, self._hub, self._live, _owner(app), _identity(app))
        in_use = str((report.status.get("latestRevision") or {}).get("name", ""))
        await revise.trim(self._caches.revisions(app), in_use, self._hub, _REVISIONS_KEPT)
        if not left and not plan.retired:
            # as this pass found it all, not as it is by now: what changed since is another's to see
            session = self._sessions.of(app)
            others = [*session.externals, *_inventories([result.ledger.current])]
            session.settled = sessions.fingerprint(app, report.status, session.owned, others)

    async def finalise(self, app: Application, report: Report) -> Next:
        """Clean up after an application that is being deleted, then let it go (semantics C9)."""
        if names.APP_FINALIZER not in app.finalizers:
            return Next()
        report.phase = "deleting"
        report.enter("Ready")
        plan = garbage.plan(self._caches.trackers(app), None)
        left = await sweeping.sweep(plan, self._hub, self._live, _owner(app), _identity(app))
        if left:
            report.waiting("Deleting", _waiting(left))
            return Next(_LOOK_AGAIN)
        await revise.remove_all(self._caches.revisions(app), self._hub)
        kept = [name for name in app.finalizers if name != names.APP_FINALIZER]
        try:
            await self._hub.patch(_key(app), {"metadata": {"finalizers": kept}})
        except errors.ApiError as error:
            if not error.not_found:
                raise
        self._sessions.forget(app.namespace, app.name)
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
        stored = await self._hub.patch(_key(app), body, subresource="status")
        self._caches.observe_application(stored)

    def _deliverer(
        self,
        app: Application,
        revision: Revision,
        session: sessions.Session,
        inventory: tracker.Tracker,
    ) -> tuple[deliver.Deliverer, recording.Ledger]:
        facts = contexts.AppFacts.of(
            app,
            controller_version=__version__,
            revision=revision.name,
            revision_hash=revision.hash,
            cluster_version=self._cluster_version,
        )
        ledger = recording.Ledger(self._hub, inventory, self._caches.observe_tracker)
        dispatcher = applying.Dispatcher(self._hub, self._live, ledger, _owner(app), _identity(app))
        catalogue = loading.Layered(loading.Static(revision.definitions), self._caches)
        return (
            deliver.Deliverer(
                self._engine,
                rendering.Renderer(self._engine, catalogue, self._shelf),
                facts,
                _Target(dispatcher, self._live),
                frozenset({names.LOCAL}),
                session.delivered,
            ),
            ledger,
        )

    async def _recall(self, app: Application, result: Result) -> None:
        """Find out again what was delivered, when a controller starts: nothing is applied."""
        session = self._sessions.of(app)
        if session.complete:
            return
        silent = replace(result.deliverer, target=_Found(self._live))
        await running.rehearse(
            result.route,
            silent,
            silent.facts,
            self._engine,
            self._clock,
            copy.deepcopy(session.memory),
        )
        session.complete = True

    def _owned_versions(self, app: Application) -> sessions.Versions:
        found = (manifest.metadata(each) for each in self._live.owned_by(_owner(app)))
        return [(str(meta["uid"]), str(meta["resourceVersion"])) for meta in found]


def _inventories(trackers: Iterable[tracker.Tracker]) -> list[tuple[str, str]]:
    """Those that are stored: an application without objects has none."""
    named = ((each.name, str(each.raw["metadata"].get("uid", ""))) for each in trackers)
    return [(name, uid) for name, uid in named if uid]


def _report_service(report: Report, delivered: deliver.Delivered, facts: contexts.AppFacts) -> None:
    entry = assessing.status_entry(delivered.health, delivered.placement, facts)
    report.service(entry)


def _waiting(left: list[Resource]) -> str:
    first = left[0]
    place = f" (Namespace: {first.namespace})" if first.namespace else ""
    return (
        f"Waiting for {first.kind} {first.name}{place} to delete. "
        f"(At least {len(left)} resources are deleting.)"
    )


def _owner(app: Application) -> tuple[str, str]:
    return (app.namespace, app.name)


def _key(app: Application) -> Key:
    return Key(names.GROUP, "Application", app.namespace, app.name, "v1beta1")


def _identity(app: Application) -> client.Identity | None:
    """Whom the application acts as: a service account of its namespace, when it names one (D)."""
    account = app.annotations.get(names.SERVICE_ACCOUNT, "")
    if not account:
        return None
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{app.namespace}")
    return client.Identity(f"system:serviceaccount:{app.namespace}:{account}", groups)
