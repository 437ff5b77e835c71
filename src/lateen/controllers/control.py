"""Runs the application controller: watches feed a queue, workers reconcile what is in it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import anyio

from lateen import __version__
from lateen.api import names
from lateen.api.application import Application
from lateen.api.definition import DefinitionKind
from lateen.api.manifest import Key, Manifest
from lateen.base import loglines
from lateen.base.backoff import Backoff
from lateen.base.clock import Clock
from lateen.base.problem import Problem
from lateen.controllers import caches, hooking, observing, queueing, settings, tidings
from lateen.controllers.application import reconcile, running
from lateen.controllers.application.report import Next
from lateen.controllers.application.stages import Stages
from lateen.controllers.definitions import registering
from lateen.controllers.insight import gauges, meters, observed
from lateen.controllers.workflowruns import conducting
from lateen.cue.engine import Engine
from lateen.definitions import borrowing
from lateen.dispatch import writing
from lateen.hub import client, clusters, errors
from lateen.providers import sending
from lateen.sources import obtaining

_LOG = logging.getLogger(__name__)

_PATIENCE = 2.0  # seconds after which a pass gives its place to another, and goes on
_WORKERS = 8  # passes under way at once; what they wait for is the API server
_RETRY = Backoff(first=0.5, factor=2.0, ceiling=60.0)
_BEATEN = Backoff(first=0.05, factor=2.0, ceiling=15.0)  # after somebody else was faster
_STALLED = 120.0  # seconds without a pass begun or ended while there is work
_SOON = 0.05  # seconds


Over = Callable[[Application], Awaitable[Next]]
"""One pass over an application."""


@dataclass(frozen=True)
class Watcher:
    """Who is told of the work."""

    probe: meters.Probe
    meters: meters.Meters


class Controller:
    """Keeps every application of one control plane as it is declared."""

    def __init__(
        self,
        hub: client.Client,
        engine: Engine,
        clock: Clock,
        chosen: settings.Settings = settings.DEFAULTS,
        watcher: Watcher | None = None,
        fetching: obtaining.Sources | None = None,
    ) -> None:
        """`watcher` is told of the work, `fetching` gets charts, where there are such."""
        self._fetching = fetching
        self._settings = chosen
        self._watcher = watcher
        self._cached: caches.Caches | None = None
        self._live: observing.Fleet | None = None
        self._news = tidings.Tidings(clock, self._changed)
        self._hub = hub
        self._engine = engine
        self._clock = clock
        self._queue: queueing.Queue[tuple[str, str]] = queueing.Queue(
            backoff=_RETRY,
            clock=clock,
            about=lambda key: {"namespace": key[0], "application": key[1]},
        )
        self._failures: dict[tuple[str, str], int] = {}

    async def run(self, *, started: Callable[[], None]) -> None:
        """Reconcile until cancelled; `started` is called once all there is has been listed."""
        version = await self._hub.version()
        async with sending.sender(self._clock) as http, anyio.create_task_group() as tasks:
            self._cached = cached = caches.Caches(self._hub)
            known = clusters.Clusters(
                self._hub,
                tasks,
                timeout=self._settings.cluster_timeout,
                interval=self._settings.cluster_interval,
                now=self._clock,
            )
            known.local_version = _facts(version)
            self._live = live = observing.Fleet(known, self._changed)
            stages, over = self._stages(cached, known, live, http, self._news)
            modules = borrowing.Modules(self._fetching, self._hub.get) if self._fetching else None
            registry = registering.Registry(
                self._hub,
                self._engine,
                self._clock,
                cached,
                calm=self._queue.wait_idle,
                limit=self._settings.definition_revisions,
                modules=modules,
            )
            conductor = conducting.Conductor(
                self._hub,
                self._engine,
                self._clock,
                cached,
                stages.world,
                stages.herald,
                self._settings,
            )
            cached.applications.on_change(stages.interrupt)
            await cached.run(tasks, self._changed, registry.changed)

            def placed_anew(_: str) -> None:
                for app in cached.applications.list():
                    self._changed(app["metadata"]["namespace"], app["metadata"]["name"])

            await known.run(placed_anew)
            started()
            tasks.start_soon(registry.run, tasks)
            tasks.start_soon(conductor.run, tasks)
            tasks.start_soon(stages.bin.empty)
            tasks.start_soon(self._news.run)

            async def handle(key: tuple[str, str]) -> float | None:
                return await self._handle(key, cached, stages, over)

            await self._queue.run(handle, workers=_WORKERS, patience=_PATIENCE)

    def _stages(
        self,
        cached: caches.Caches,
        known: clusters.Clusters,
        live: observing.Fleet,
        http: sending.Sender,
        news: tidings.Tidings,
    ) -> tuple[Stages, Over]:
        """The stages of a pass, and a pass over them, watched where there is somebody to tell."""
        collaborators = (self._hub, self._engine, cached, known, live, self._clock, http)
        if self._watcher is None:
            plain = Stages(*collaborators, self._settings, tidings=news, sources=self._fetching)
            return plain, lambda app: reconcile.reconcile(app, plain, self._clock)
        told = observed.Observed(
            *collaborators, self._settings, tidings=news, sources=self._fetching
        )
        told.observe(self._watcher.probe, self._watcher.meters)
        return told, lambda app: told.over(app, self._clock)

    def bereft(self) -> bool:
        """Somebody has taken away all types that every control plane has."""
        if self._cached is None or not self._cached.watches or self.troubles():
            return False
        return not self._cached.names(DefinitionKind.COMPONENT, names.SYSTEM_NAMESPACE)

    def troubles(self) -> list[str]:
        """Why it cannot do its work now; nothing when it can."""
        if self._cached is None or not self._cached.watches:
            return ["the controllers are starting"]
        found = []
        for watch in self._cached.watches:
            if not watch.synced:
                found.append(f"{watch.kind}: not listed yet")
            elif watch.error is not None:
                found.append(f"{watch.kind}: not up to date: {watch.error}")
        if self._queue.stalled > _STALLED:
            found.append(f"the queue has not moved for {self._queue.stalled:.0f} s")
        return found

    def receiver(self) -> hooking.Receiver:
        """Who answers calls about applications."""

        def listed() -> bool:
            return self._cached is not None and self._cached.applications.synced

        def application(namespace: str, name: str) -> Application | None:
            return self._cached.application(namespace, name) if self._cached else None

        async def read(key: Key) -> Manifest | None:
            return await writing.fetch(self._hub, key)

        return hooking.Receiver(listed, application, read, self._news.refresh)

    def sources(self) -> gauges.Sources:
        """Where its figures are."""

        def watches() -> Iterator[tuple[str, str, bool]]:
            for watch in self._cached.watches if self._cached else ():
                yield names.LOCAL, watch.kind, watch.up
            for cluster, watch in self._live.watches if self._live else ():
                yield cluster, watch.kind, watch.up

        return gauges.Sources(
            applications=lambda: self._cached.applications.list() if self._cached else (),
            trackers=lambda: self._cached.tracker_count if self._cached else 0,
            queue=lambda: {
                "ready": len(self._queue),
                "busy": self._queue.busy,
                "waiting": self._queue.waiting,
            },
            watches=watches,
            requests=lambda: self._hub.counts,
            engine=self._engine.usage,
        )

    def _changed(self, namespace: str, name: str) -> None:
        self._queue.add((namespace, name))

    async def _handle(
        self, key: tuple[str, str], cached: caches.Caches, stages: Stages, over: Over
    ) -> float | None:
        """One pass; returns in how many seconds to look again, None for when something changes."""
        await cached.wait_up()
        app = cached.application(*key)
        try:
            after = await _needed(app, stages, over)
            await stages.bury(*key)
        except running.Interrupted:
            return _SOON
        except errors.ApiError as error:
            if error.conflict or error.not_found:
                return self._later(key, _BEATEN)  # the watch brings what the other one wrote
            about = loglines.about(namespace=key[0], application=key[1])
            _LOG.warning("application %s/%s: %s", *key, error, extra=about)
            return self._later(key)
        except Problem as problem:  # with what others of this name left
            about = loglines.about(namespace=key[0], application=key[1])
            _LOG.warning("application %s/%s: %s", *key, problem, extra=about)
            return self._later(key)
        if after.failed:
            return self._later(key)
        self._failures.pop(key, None)
        return after.after

    def _later(self, key: tuple[str, str], pauses: Backoff = _RETRY) -> float:
        self._failures[key] = self._failures.get(key, 0) + 1
        return pauses.delay(self._failures[key])


async def _needed(app: Application | None, stages: Stages, over: Over) -> Next:
    """A pass over an application, if it needs one."""
    if app is None or app.paused or app.required_controller not in ("", __version__):
        return Next()
    if stages.settled(app):
        return Next(stages.due(app, app.status))
    return await over(app)


def _facts(version: dict[str, str]) -> dict[str, object]:
    """`context.clusterVersion` of what `/version` answers (semantics B2)."""
    minor = version.get("minor", "").rstrip(".+-/?!")
    return {
        "major": version.get("major", ""),
        "minor": int(minor) if minor.isdigit() else 0,
        "gitVersion": version.get("gitVersion", ""),
        "platform": version.get("platform", ""),
    }
