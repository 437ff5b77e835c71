"""One pass over one Configuration: bring what it declares, look for drift, destroy what it brought.

The spine of everything here; what its words mean is in the modules they name.
"""

from __future__ import annotations

import functools
import logging
import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any, Final

import anyio

from lateen.api import configuration as conf
from lateen.api.configuration import Configuration
from lateen.api.manifest import Manifest
from lateen.base import clock as clocks
from lateen.base import merge
from lateen.base.backoff import Backoff
from lateen.base.problem import Problem, Problems, every, told
from lateen.controllers.terraform import authorizing, connections, moving, readings, states
from lateen.controllers.terraform.operating import Failed, Outputs, Run, Site
from lateen.controllers.terraform.turns import Turn
from lateen.controllers.terraform.workspaces import Backend, Workspace
from lateen.hub import errors, informer

_LOG = logging.getLogger(__name__)

_RETRY: Final = Backoff(first=5.0, factor=2.0, ceiling=600.0)

_PROVISIONING: Final = (
    "Cloud resources are being provisioned and provisioning status is checking..."
)
_QUEUED: Final = "Waits for a place to run Terraform: terraform_runs allows {runs} at a time"
_DEPLOYED: Final = "Cloud resources are deployed and ready to use"
_DESTROYING: Final = "Cloud resources is being destroyed..."
_STATES: Final = {
    "terraform.program": conf.INIT_FAILED,
    "terraform.connection": conf.FAILED,
    "terraform.credentials": conf.BAD_LOGIN,
    "terraform.settings": conf.BAD_RC,
    "source.secret": conf.BAD_GIT,
}


class Provisioner:
    """Brings Configurations to what they declare."""

    def __init__(
        self,
        site: Site,
        observe: Callable[[Manifest], None],
        connected: informer.Informer,
    ) -> None:
        """`observe` is told of each Configuration as it is after a write of ours; `connected` knows
        the connection Secrets.
        """
        self._site = site
        self._connected = connected
        self._intact: dict[str, str] = {}  # resourceVersion of the connection Secret, as written
        self._hub = site.hub
        self._clock = site.clock
        self._observe = observe
        self._slots = anyio.Semaphore(site.limits.runs)
        self._failures: dict[str, int] = {}
        self._checks: dict[str, float] = {}  # when to look for drift
        self._waits: dict[str, tuple[int, float]] = {}  # generation that failed, until when

    async def reconcile(self, declared: Configuration, turn: Turn) -> float | None:
        """One pass; returns in how many seconds to look again, None for when it changes."""
        if declared.deleting and not declared.held:
            return None
        if (wait := self._until_retry(declared)) > 0:
            return wait if wait < math.inf else None
        if declared.deleting:
            return await self._remove(declared, turn)
        drift = declared.settled
        try:
            if drift:
                await self._reconnect(declared)
                if (wait := self._until_check(declared)) > 0:
                    return wait if wait < math.inf else None
            if not declared.held:
                await self._hold(declared)
            if not drift and not declared.failing:
                await self._say(declared, conf.PROVISIONING, self._queued or _PROVISIONING)
            async with self._slots:
                await (self._check if drift else self._apply)(declared, turn)
        except (Failed, authorizing.Refused, Problem, Problems) as failure:
            return await self._failed(declared, failure, drift=drift)
        self._forget(declared)
        wait = self._until_check(declared)
        return wait if wait < math.inf else None

    def hurry(self, declared: Configuration) -> None:
        """Do not wait with the next attempt: what it failed for may be there."""
        self._waits.pop(declared.uid, None)

    @property
    def _queued(self) -> str:
        """What is said while others have all the places there are to run in."""
        return "" if self._slots.value else _QUEUED.format(runs=self._site.limits.runs)

    # bringing

    async def _apply(self, declared: Configuration, turn: Turn) -> None:
        """Bring what is declared now."""
        if not declared.failing:
            await self._say(declared, conf.PROVISIONING, _PROVISIONING)
        await self._follow(declared)
        async with self._run(declared, "apply", turn) as run:
            await run.init()
            if await run.plan() is not None:
                await self._carry_out(run)
            outputs = await run.outputs()
        await self._publish(run, outputs, _DEPLOYED)

    async def _check(self, declared: Configuration, turn: Turn) -> None:
        """Look whether the cloud is still as declared. What can be mended without destroying
        anything is mended; the rest is told.
        """
        async with self._run(declared, "check", turn) as run:
            await run.init()
            plan = await run.plan()
            doomed = [each for each in plan.changes if each.destructive] if plan else []
            if plan is not None and not doomed:
                await self._carry_out(run)
            outputs = await run.outputs()
        said = _DEPLOYED
        if plan is not None:
            await self._report(declared, plan.changes, mended=not doomed)
            if doomed:
                left = _listed(doomed)
                said += f"; it has drifted, and mending that would destroy something: {left}"
            else:
                said += f"; it had drifted, and has been mended: {_listed(plan.changes)}"
        await self._publish(run, outputs, said)

    async def _report(
        self, declared: Configuration, changes: Sequence[readings.Change], *, mended: bool
    ) -> None:
        """Note the last drift there was; the message goes with the next look."""
        noted = [{"address": each.address, "action": each.action} for each in changes]
        drift: dict[str, Any] = {"mended": mended, "changes": noted}
        before = dict(declared.status.get("drift") or {})
        if mended or drift != {k: v for k, v in before.items() if k != "found"}:
            found = clocks.stamp(self._clock.now())
            await self._commit(declared, {"drift": {"found": found, **drift}})

    async def _follow(self, declared: Configuration) -> Backend:
        """Have the state where it is to be now, and note where that is."""
        backend = Backend.of(declared)
        await moving.follow(self._site.states, declared, backend)
        if declared.status.get("backend"):
            await self._commit(declared, {"backend": backend.name})
        return backend

    def _run(
        self, declared: Configuration, operation: str, turn: Turn
    ) -> AbstractAsyncContextManager[Run]:
        tell = functools.partial(self._tell, declared, turn)
        return self._site.run(declared, operation, turn, tell)

    async def _carry_out(self, run: Run) -> None:
        # said before it is done: a crash in between must leave a trace to clean up
        await self._commit(run.declared, {"provisioned": True, **_noted(run)})
        await run.apply()

    async def _reconnect(self, declared: Configuration) -> None:
        """Put the connection Secret back where somebody has changed or deleted it: from the state,
        or, where that is not ours to read, by a look for drift.
        """
        if declared.connection is None:
            return
        found = self._connected.get(*declared.connection)
        seen = self._intact.get(declared.uid)
        if found is not None and seen == found["metadata"]["resourceVersion"]:
            return
        place = Backend.of(declared).place
        if place is not None:
            if (state := await self._site.states.read(place)) is not None:
                await self._connect(declared, readings.kept_outputs(state))
        elif found is None or seen is not None:
            self._checks[declared.uid] = self._clock.monotonic()

    async def _connect(self, declared: Configuration, outputs: Outputs) -> None:
        written = await connections.write(self._hub, declared, outputs)
        if written is not None:
            self._connected.observe(written)
            self._intact[declared.uid] = written["metadata"]["resourceVersion"]

    async def _publish(self, run: Run, outputs: Outputs, message: str) -> None:
        """Tell what has been brought, and how to reach it. Its state has been kept by now."""
        await self._connect(run.declared, outputs)
        said: dict[str, Any] = {"state": conf.AVAILABLE, "message": message}
        shown = {
            name: {"value": readings.written(each["value"])}
            for name, each in outputs.items()
            if not each.get("sensitive")
        }
        optional = {"outputs": shown, "region": run.region}
        said |= {name: value for name, value in optional.items() if value}
        generation = run.declared.generation
        status = {"observedGeneration": generation, "apply": said, **_noted(run)}
        await self._commit(run.declared, status | self._kept(run.declared, run.place))

    def _kept(self, declared: Configuration, place: states.Place | None) -> dict[str, Any]:
        """That there is a state of it by now, where that is ours to keep."""
        kept = place is not None and self._site.workspace(declared).read() is not None
        return {"stateKept": True} if kept else {}

    # destroying

    async def _remove(self, declared: Configuration, turn: Turn) -> float | None:
        """Destroy what a Configuration has brought, and let it go."""
        workspace = self._site.workspace(declared)
        try:
            place = await self._destroy(declared, workspace, turn) if declared.destroys else None
        except (Failed, authorizing.Refused, Problem, Problems) as failure:
            delay = self._later(declared)
            again = clocks.stamp(self._clock.now() + timedelta(seconds=delay))
            said = f"{_said(failure)}\nIt is tried again at {again}"
            await self._tell_destroy(declared, conf.DESTROY_FAILED, said)
            return delay
        await connections.remove(self._hub, declared)
        if place is not None:
            # said before it is done: from now on it is not missed
            await self._commit(declared, {"stateKept": False})
            await self._site.states.delete(place)
        await self._release(declared)
        workspace.remove()
        self._forget(declared)
        self._intact.pop(declared.uid, None)
        return None

    async def _destroy(
        self, declared: Configuration, workspace: Workspace, turn: Turn
    ) -> states.Place | None:
        """Destroy what there is, if anything; returns where there is a state of ours to delete."""
        try:
            place = (await self._follow(declared)).place
        except Problem:
            if declared.provisioned:
                raise
            return None
        kept = await self._site.states.read(place) if place is not None else None
        known = states.newer(workspace.read(), kept)
        if place is not None:
            states.found(declared, place, known)
        if declared.provisioned if place is None else not states.empty(known):
            if not declared.undestroyed:  # why the last attempt failed is told until one succeeds
                await self._tell_destroy(declared, conf.DESTROYING, self._queued or _DESTROYING)
            async with self._slots, self._run(declared, "destroy", turn) as run:
                if not declared.undestroyed:
                    await self._tell_destroy(declared, conf.DESTROYING, _DESTROYING)
                await run.init()
                await run.destroy()
        return place

    # telling

    async def _failed(
        self, declared: Configuration, failure: Exception, *, drift: bool
    ) -> float | None:
        """Say what went wrong, and when to try again: not before an edit where only that helps."""
        state, message = conf.INVALID, _said(failure)
        if isinstance(failure, Failed | authorizing.Refused):
            state = failure.state
        elif isinstance(failure, Problem):
            state = _state(failure)
        if drift:  # what was brought is no less there because we cannot look at it
            state, message = conf.AVAILABLE, f"{_DEPLOYED}; the last look at it failed: {message}"
        if declared.provisioned:
            noted = states.Place.of(str(declared.status.get("backend") or ""))
            await self._commit(declared, self._kept(declared, noted))
        await self._say(declared, state, message)
        if isinstance(failure, Problem | Problems) and not any(p.retry for p in every(failure)):
            self._waits[declared.uid] = (declared.generation, math.inf)
            return None
        return self._later(declared)

    def _later(self, declared: Configuration) -> float:
        failures = self._failures[declared.uid] = self._failures.get(declared.uid, 0) + 1
        delay = _RETRY.delay(failures)
        self._waits[declared.uid] = (declared.generation, self._clock.monotonic() + delay)
        return delay

    def _until_retry(self, declared: Configuration) -> float:
        """Seconds until it may be tried again; at once after an edit."""
        generation, due = self._waits.get(declared.uid, (-1, 0.0))
        return due - self._clock.monotonic() if generation == declared.generation else 0.0

    def _until_check(self, declared: Configuration) -> float:
        """Seconds until the next look for drift; spread out, so that not all come at once."""
        now, interval = self._clock.monotonic(), self._site.limits.drift * 60
        if not interval and declared.uid not in self._checks:
            return math.inf
        due = self._checks.setdefault(declared.uid, now + interval * random.uniform(0.8, 1))  # noqa: S311
        return due - now

    def _forget(self, declared: Configuration) -> None:
        for memory in (self._failures, self._checks, self._waits):
            memory.pop(declared.uid, None)

    async def _say(self, declared: Configuration, state: str, message: str) -> None:
        before = declared.status.get("apply") or {}
        said = {**before, "state": state, "message": message}
        await self._commit(declared, {"observedGeneration": declared.generation, "apply": said})

    async def _tell(self, declared: Configuration, turn: Turn) -> None:
        """Say how it is going with what is under way, and what waits for it."""
        before = declared.status.get(turn.part) or {}
        message = turn.message(str(before.get("message") or ""), self._clock.now())
        with anyio.CancelScope(shield=True):
            try:
                await self._commit(declared, {turn.part: {**before, "message": message}})
            except errors.ApiError as error:  # it is tried again in a second
                _LOG.warning("%s: how it is going is not told: %s", declared.key, error)

    async def _tell_destroy(self, declared: Configuration, state: str, message: str) -> None:
        await self._commit(declared, {"destroy": {"state": state, "message": message}})

    async def _commit(self, declared: Configuration, status: Mapping[str, Any]) -> None:
        change = merge.difference(declared.status, {**declared.status, **status})
        if change:
            body = {"status": change}
            stored = await self._hub.patch(declared.key, body, subresource="status")
            # what is declared stays what it was when the pass began: it may have been edited since
            declared.raw = {**declared.raw, "status": stored.get("status") or {}}
            self._observe(stored)

    async def _hold(self, declared: Configuration) -> None:
        """Put our finalizer on: what it brings must not be forgotten."""
        meta = declared.raw["metadata"]
        body = {
            "finalizers": [*(meta.get("finalizers") or ()), conf.FINALIZER],
            "resourceVersion": meta["resourceVersion"],
        }
        declared.raw = await self._hub.patch(declared.key, {"metadata": body})
        self._observe(declared.raw)

    async def _release(self, declared: Configuration) -> None:
        """Take our finalizer off."""
        at = list(declared.raw["metadata"]["finalizers"]).index(conf.FINALIZER)
        path = f"/metadata/finalizers/{at}"
        test = {"op": "test", "path": path, "value": conf.FINALIZER}
        await self._hub.patch(declared.key, [test, {"op": "remove", "path": path}])


def _listed(changes: Iterable[readings.Change]) -> str:
    return ", ".join(f"{each.address} ({each.action})" for each in changes)


def _noted(run: Run) -> dict[str, Any]:
    """Where the state is; where the module came from, if it came from somewhere."""
    known = run.note or run.declared.status.get("module")
    return {"backend": Backend.of(run.declared).name} | ({"module": run.note} if known else {})


def _state(problem: Problem) -> str:
    """Which state says best what is wrong."""
    if problem.code.startswith("source.") and problem.code not in _STATES and problem.retry:
        return conf.INIT_FAILED
    return _STATES.get(problem.code, conf.INVALID)


def _said(failure: Exception) -> str:
    if not isinstance(failure, Problem | Problems):
        return str(failure)
    return "\n".join(
        ": ".join([*map(str, each.positions[:1]), told(each)]) for each in every(failure)
    )
