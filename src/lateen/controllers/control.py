"""Runs the application controller: watches feed a queue, workers reconcile what is in it."""

from __future__ import annotations

import logging
from collections.abc import Callable

import anyio

from lateen import __version__
from lateen.base.backoff import Backoff
from lateen.base.clock import Clock
from lateen.controllers import caches, observing, queueing, settings
from lateen.controllers.application import reconcile, running
from lateen.controllers.application.stages import Stages
from lateen.controllers.definitions import registering
from lateen.controllers.workflowruns import conducting
from lateen.cue.engine import Engine
from lateen.hub import client, clusters, errors
from lateen.providers import sending

_LOG = logging.getLogger(__name__)

_WORKERS = 8  # passes under way at once; what they wait for is the API server
_RETRY = Backoff(first=0.5, factor=2.0, ceiling=60.0)
_SOON = 0.05  # seconds; after somebody else was faster


class Controller:
    """Keeps every application of one control plane as it is declared."""

    def __init__(
        self,
        hub: client.Client,
        engine: Engine,
        clock: Clock,
        chosen: settings.Settings = settings.DEFAULTS,
    ) -> None:
        self._settings = chosen
        self._hub = hub
        self._engine = engine
        self._clock = clock
        self._queue: queueing.Queue[tuple[str, str]] = queueing.Queue(backoff=_RETRY, clock=clock)
        self._failures: dict[tuple[str, str], int] = {}

    async def run(self, *, started: Callable[[], None]) -> None:
        """Reconcile until cancelled; `started` is called once all there is has been listed."""
        version = await self._hub.version()
        async with sending.sender(self._clock) as http, anyio.create_task_group() as tasks:
            cached = caches.Caches(self._hub)
            known = clusters.Clusters(
                self._hub,
                tasks,
                timeout=self._settings.cluster_timeout,
                interval=self._settings.cluster_interval,
                now=self._clock,
            )
            known.local_version = _facts(version)
            live = observing.Fleet(known, self._changed)
            stages = Stages(
                self._hub,
                self._engine,
                cached,
                known,
                live,
                self._clock,
                http,
                self._settings,
            )
            registry = registering.Registry(
                self._hub,
                self._engine,
                self._clock,
                cached,
                calm=self._queue.wait_idle,
                limit=self._settings.definition_revisions,
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

            async def handle(key: tuple[str, str]) -> float | None:
                return await self._handle(key, cached, stages)

            await self._queue.run(handle, workers=_WORKERS)

    def _changed(self, namespace: str, name: str) -> None:
        self._queue.add((namespace, name))

    async def _handle(
        self, key: tuple[str, str], cached: caches.Caches, stages: Stages
    ) -> float | None:
        """One pass; returns in how many seconds to look again, None for when something changes."""
        app = cached.application(*key)
        if app is None or app.paused or app.required_controller not in ("", __version__):
            self._failures.pop(key, None)
            return None
        try:
            after = await reconcile.reconcile(app, stages, self._clock)
        except running.Interrupted:
            return _SOON
        except errors.ApiError as error:
            if error.conflict or error.not_found:
                return _SOON  # the watch brings what the other one wrote
            _LOG.warning("application %s/%s: %s", *key, error)
            return self._later(key)
        if after.failed:
            return self._later(key)
        self._failures.pop(key, None)
        return after.after

    def _later(self, key: tuple[str, str]) -> float:
        self._failures[key] = self._failures.get(key, 0) + 1
        return _RETRY.delay(self._failures[key])


def _facts(version: dict[str, str]) -> dict[str, object]:
    """`context.clusterVersion` of what `/version` answers (semantics B2)."""
    minor = version.get("minor", "").rstrip(".+-/?!")
    return {
        "major": version.get("major", ""),
        "minor": int(minor) if minor.isdigit() else 0,
        "gitVersion": version.get("gitVersion", ""),
        "platform": version.get("platform", ""),
    }
