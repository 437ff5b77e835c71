"""Runs WorkflowRuns: a watch feeds a queue, workers advance what is in it by one pass (E2).

The workflow itself is that of applications; here is what an application has stages for.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from anyio.abc import TaskGroup

from lateen import __version__
from lateen.api import conditions, names
from lateen.api.manifest import Manifest
from lateen.api.workflowrun import KIND, WorkflowRun, status_of
from lateen.base import merge
from lateen.base.backoff import Backoff
from lateen.base.clock import Clock
from lateen.base.problem import Problem, Problems, told
from lateen.controllers import caches, queueing, settings
from lateen.controllers.application import announcing, identities, running, sessions, stepping
from lateen.controllers.workflowruns import charting, expiring
from lateen.cue.engine import Engine
from lateen.hub import client, errors, informer
from lateen.workflow import engine as workflow
from lateen.workflow.unattached import Unattached

_LOG = logging.getLogger(__name__)

_WORKERS: Final = 4
_RETRY = Backoff(first=0.5, factor=2.0, ceiling=60.0)
_BEATEN: Final = Backoff(first=0.05, factor=2.0, ceiling=15.0)  # after somebody else was faster
_SOON: Final = 0.05  # seconds
_CONDITION: Final = "WorkflowRun"
_ENDINGS = {
    workflow.SUCCEEDED: "WorkflowRun finished successfully",
    workflow.FAILED: "WorkflowRun finished with failure",
    workflow.TERMINATED: "WorkflowRun finished with termination",
}

_Key = tuple[str, str]


class Conductor:
    """Runs the WorkflowRuns of one control plane, and lets go of old ones."""

    def __init__(
        self,
        hub: client.Client,
        engine: Engine,
        clock: Clock,
        cached: caches.Caches,
        world: stepping.World,
        herald: announcing.Herald,
        chosen: settings.Settings,
    ) -> None:
        self._hub = hub
        self._clock = clock
        self._caches = cached
        self._world = world
        self._herald = herald
        self._settings = chosen
        self._runs = running.Runs(hub, engine, clock, chosen)
        self._queue: queueing.Queue[_Key] = queueing.Queue(backoff=_RETRY, clock=clock)
        self._journeys: dict[_Key, sessions.Journey] = {}
        self._failures: dict[_Key, int] = {}
        self._found = informer.Informer(hub, names.GROUP, "v1alpha1", KIND)
        self._found.on_change(self._changed)

    async def run(self, tasks: TaskGroup) -> None:
        """Run what there is until cancelled."""
        tasks.start_soon(self._found.run, name="watch WorkflowRun")
        await self._found.wait_synced()
        await self._queue.run(self._handle, workers=_WORKERS)

    def _changed(self, old: Manifest | None, new: Manifest | None) -> None:
        run = WorkflowRun(new or old or {})
        key = (run.namespace, run.name)
        journey = self._journeys.get(key)
        if journey and (new is None or (old and _obsolete(WorkflowRun(old), run))):
            journey.interrupt()
        self._queue.add(key)

    async def _handle(self, key: _Key) -> float | None:
        raw = self._found.get(*key)
        run = WorkflowRun(raw or {})
        if raw is None or run.deleting or run.finished:
            self._journeys.pop(key, None)
            self._failures.pop(key, None)
            return await self._recycle(run) if run.finished else None
        if run.paused or run.required_controller not in ("", __version__):
            return None
        try:
            after, failed = await self._pass(run)
        except running.Interrupted:
            return _SOON
        except errors.ApiError as error:
            if error.conflict or error.not_found:
                return self._later(key, _BEATEN)  # the watch brings what the other one wrote
            _LOG.warning("%s: %s", run.key, error)
            after, failed = None, True
        if failed:
            return self._later(key)
        self._failures.pop(key, None)
        return after

    def _later(self, key: _Key, pauses: Backoff = _RETRY) -> float:
        self._failures[key] = self._failures.get(key, 0) + 1
        return pauses.delay(self._failures[key])

    async def _pass(self, run: WorkflowRun) -> tuple[float | None, bool]:
        """One pass over one run; in how many seconds to look again, and whether it failed."""
        try:
            route = charting.chart(run, self._caches, self._caches)
            unattached = Unattached()
            runtime = self._world.alone(run, identities.of(run))
            progress = await self._runs.advance(
                run,
                route,
                run.workflow,
                unattached,
                charting.context(run),
                self._journey(run),
                runtime,
                debug=run.debug,
            )
        except (Problem, Problems) as error:
            await self._refuse(run, told(error))
            return None, True
        await self._commit(run, progress.status, self._condition(run, progress))
        if progress.state in _ENDINGS:
            told_of = announcing.News(announcing.NORMAL, "Execute", _ENDINGS[progress.state])
            await self._herald.write(run, told_of)
        return progress.next_after, False

    def _journey(self, run: WorkflowRun) -> sessions.Journey:
        """What is known of a run; one made anew under an old name starts afresh."""
        key = (run.namespace, run.name)
        found = self._journeys.get(key)
        if found is None or found.uid != run.uid:
            found = self._journeys[key] = sessions.Journey(run.uid)
        return found

    async def _refuse(self, run: WorkflowRun, message: str) -> None:
        """It cannot be run as it is, or not yet."""
        state = {**run.workflow, "status": "initializing"}
        found = self._put(run, true=False, reason="ReconcileError", message=message)
        if found != run.status.get("conditions"):
            said = f"fail to generate workflow runners: {message}"
            await self._herald.write(run, announcing.News(announcing.WARNING, "Generate", said))
        await self._commit(run, state, found)

    def _condition(self, run: WorkflowRun, progress: running.Pass) -> list[dict[str, Any]]:
        if progress.succeeded:
            return self._put(run, true=True, reason="Available")
        if progress.failed:
            message = progress.failure().message
            return self._put(run, true=False, reason="ReconcileError", message=message)
        # it goes on: what an earlier pass said no longer holds
        return [c for c in run.status.get("conditions") or () if c.get("type") != _CONDITION]

    def _put(
        self, run: WorkflowRun, *, true: bool, reason: str, message: str = ""
    ) -> list[dict[str, Any]]:
        return conditions.put(
            run.status.get("conditions") or [],
            _CONDITION,
            self._clock.now(),
            true=true,
            reason=reason,
            message=message,
        )

    async def _commit(
        self, run: WorkflowRun, state: Mapping[str, Any], found: list[dict[str, Any]]
    ) -> None:
        """Write the status, if it says anything new."""
        status = status_of(state, found)
        if status == run.status:
            return
        meta = {"resourceVersion": run.metadata["resourceVersion"]}
        body = {"metadata": meta, "status": merge.difference(run.status, status)}
        self._found.observe(await self._hub.patch(run.key, body, subresource="status"))

    async def _recycle(self, run: WorkflowRun) -> float | None:
        """Delete what has been kept long enough; in how many seconds this run will have been."""
        age = timedelta(days=self._settings.workflow_run_days)
        now = self._clock.now()
        runs = [WorkflowRun(raw) for raw in self._found.list(run.namespace)]
        old = expiring.doomed(runs, now, count=self._settings.workflow_runs, age=age)
        for each in old:
            version = str(each.metadata["resourceVersion"])
            try:
                await self._hub.delete(each.key, uid=each.uid, version=version)
            except errors.ApiError as error:
                if not error.conflict:
                    raise
                continue  # it is run again, perhaps: the watch brings what became of it
            _LOG.info("%s has been kept long enough", each.key)
        return None if run in old else expiring.next_after(run, now, age)


def _obsolete(old: WorkflowRun, new: WorkflowRun) -> bool:
    """Whether what a pass over `old` does is not wanted any more."""
    ended = new.status.get("terminated") and not old.status.get("terminated")
    begun_anew = old.workflow and not new.workflow
    return bool(ended or begun_anew or new.deleting or new.generation != old.generation)
