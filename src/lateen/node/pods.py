"""One pod: what it needs is read, its containers are run and watched, its status is told."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import anyio
from anyio.abc import TaskGroup

from lateen.api.manifest import Key, Manifest
from lateen.base.backoff import Backoff
from lateen.base.problem import Problem
from lateen.hub import ApiError, Client, Informer
from lateen.node import isolating, launching, phases, planning, probing, volumes
from lateen.node.drivers import Attempt, Driver, OpenSandbox
from lateen.node.events import Recorder
from lateen.node.phases import Waiting
from lateen.node.probing import Answer, Kind, Probe, Tally

_LOG = logging.getLogger(__name__)
_RETRIES = Backoff(first=1.0, factor=2.0, ceiling=60.0)
_TRIES = Backoff(first=2.0, factor=1.0, ceiling=2.0)  # of what is read, or asked of an engine
_PULLS = Backoff(first=2.0, factor=2.0, ceiling=60.0)
_SOON = 1.0  # seconds after which a start that still goes on is told
_HOOK = 60.0  # seconds for a postStart hook

_ENGINE_HINT = "install Docker or Podman, or use a component of type process"
# what a Problem is called in the state of a container
_REASONS = {
    "node.network": "NoNetwork",
    "node.isolation": "NotIsolated",
    "node.engine": "NoContainerEngine",
    "node.engine-address": "NoContainerEngine",
    "node.engine-architecture": "NoContainerEngine",
    "node.image": "ErrImagePull",
    "node.image-never": "ErrImageNeverPull",
    "node.image-name": "InvalidImageName",
    "node.create": "CreateContainerError",
}
_AGAIN = {"ErrImagePull": "ImagePullBackOff"}


@dataclass(frozen=True)
class Tools:
    """What every pod of the node shares."""

    client: Client
    informer: Informer
    driver: Driver
    recorder: Recorder
    session: aiohttp.ClientSession
    reader: launching.Reader
    surroundings: launching.Surroundings
    isolation: isolating.Isolation
    held: Callable[[Manifest], frozenset[str]]  # the kinds of limits that hold for a pod
    alone: Callable[[str], str]  # why containers of a pod reach no others, empty when they do
    refresh: float  # seconds between looks whether mounted objects have changed
    lowest: int = 0  # the first port that may be listened at
    host: str = "127.0.0.1"


@dataclass(frozen=True)
class Start:
    """An attempt that is being started, since when in seconds since 1970."""

    scope: anyio.CancelScope
    since: float


@dataclass(frozen=True)
class Hold:
    """A container that could not be started, and when to try again, in seconds since 1970."""

    failures: int
    until: float


class Runner:
    """Runs one pod from its binding to its removal. `update` and `wake` may come at any time."""

    def __init__(self, pod: Manifest, tools: Tools) -> None:
        self.pod = pod
        self.gone = False
        self._tools = tools
        self._woken = anyio.Event()
        self._sandbox: OpenSandbox | None = None
        self._problems: dict[str, Waiting] = {}
        self._streaks: dict[str, int] = {}
        self._counted: dict[str, int] = {}  # container -> latest attempt that is in its streak
        self._passed: dict[tuple[str, int, Kind], bool] = {}
        self._probed: dict[tuple[str, int], anyio.CancelScope] = {}
        self._told: dict[str, float] = {}  # container -> the shortest it was told to end within
        self._ending = 0.0  # since when, by the monotonic clock
        self._sent: Mapping[str, Any] | None = None
        self._starting: dict[str, Start] = {}
        self._held: dict[str, Hold] = {}
        self._failures = 0
        self._released = False

    @property
    def uid(self) -> str:
        return str(self.pod["metadata"]["uid"])

    def update(self, pod: Manifest | None) -> None:
        """The pod as it is now; None when it is no longer there."""
        if pod is None:
            self.gone = True
        else:
            self.pod = pod
        self.wake()

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        """Returns when the pod is gone, and nothing is left of it here."""
        async with anyio.create_task_group() as group:
            if volumes.changing(self.pod):
                group.start_soon(self._refresh)
            while not self.gone:
                self._woken = anyio.Event()
                with anyio.move_on_after(await self._guarded(group)):
                    await self._woken.wait()
            group.cancel_scope.cancel()
        self._tools.reader.tokens.forget(self.uid)
        await self._discard()

    async def _discard(self) -> None:
        """Leave nothing of it, though the engine may go meanwhile, and come back."""
        failures = 0
        while True:
            try:
                await self._tools.driver.discard(self.uid)
                return
            except Problem as problem:
                failures += 1
                _LOG.warning("what is left of pod %s goes later: %s", self.uid, problem.message)
            await anyio.sleep(_RETRIES.delay(failures))

    async def _refresh(self) -> None:
        """What is mounted of ConfigMaps, Secrets and tokens follows them, as with kubelet."""
        while True:
            await anyio.sleep(self._tools.refresh)
            running = any(not attempt.ended for attempt in self._attempts())
            if self._sandbox is None or not running or self._deleting:
                continue
            try:
                await launching.refresh(self._tools.reader, self.pod, self._sandbox)
            except (Problem, ApiError, OSError) as error:
                _LOG.warning("volumes of pod %s stay as they are: %s", self._name, error)

    async def _guarded(self, group: TaskGroup) -> float | None:
        """One step; what the world may heal is tried again. Seconds until the next."""
        try:
            wait = await self._step(group)
        except (ApiError, Problem, OSError) as error:
            if isinstance(error, ApiError) and (error.not_found or error.conflict):
                return None  # it is gone, or another pod by now: the watch will say so
            self._failures += 1
            _LOG.warning("pod %s: %s", self._name, error)
            return _RETRIES.delay(self._failures)
        self._failures = 0
        return wait

    async def _step(self, group: TaskGroup) -> float | None:
        if self._over or self._deleting:
            await self._wind_down(group)
            return None
        if self._sandbox is None and not await self._open():
            await self._publish()
            return _RETRIES.ceiling
        plan = self._plan()
        for container, number in plan.start:
            self._begin(group, container, number)
        self._probe_all(group)
        if not self._starting_quickly():  # most have started a moment later
            await self._publish()
        if plan.finished:
            running = [a for a in self._attempts() if not a.ended]
            if running:  # sidecars, by now
                self._end_all(running, group)
            else:
                await self._release()
        waits = [plan.wake] if plan.wake else []
        waits += [self._held[name].until for name, _ in plan.start if name in self._held]
        now = time.time()
        starts = [start.since + _SOON for start in self._starting.values()]
        waits += [when for when in starts if when > now]
        return max(0.01, min(waits) - now) if waits else None

    # starting

    async def _open(self) -> bool:
        try:
            self._sandbox = await self._tools.driver.open(self.pod)
        except Problem as problem:
            waiting = self._problems[""] = _waiting(problem)
            await self._tools.recorder.warn(self.pod, waiting.reason, waiting.message)
            return False
        self._problems.pop("", None)
        for attempt in self._attempts():  # of an earlier node: every restart counts
            self._streaks[attempt.container] = attempt.number
        return True

    def _plan(self) -> planning.Plan:
        attempts = self._attempts()
        for attempt in attempts:
            if attempt.ended and self._counted.get(attempt.container, -1) < attempt.number:
                before = self._streaks.get(attempt.container, 0)
                self._streaks[attempt.container] = planning.streak(before, attempt)
                self._counted[attempt.container] = attempt.number
        started = self._view().started
        return planning.plan(self.pod, attempts, self._streaks, time.time(), started)

    def _begin(self, group: TaskGroup, name: str, number: int) -> None:
        """Start an attempt in the background, for its image may take long; not before its time."""
        if name in self._starting:
            return
        if name in self._held and time.time() < self._held[name].until:
            return
        start = self._starting[name] = Start(anyio.CancelScope(), time.time())
        group.start_soon(self._start, start.scope, name, number)

    def _starting_quickly(self) -> bool:
        return any(time.time() - start.since < _SOON for start in self._starting.values())

    async def _start(self, scope: anyio.CancelScope, name: str, number: int) -> None:
        assert self._sandbox is not None
        try:
            with scope:
                container = self._container(name)
                tools = self._tools
                launch = await launching.prepare(
                    tools.reader, self.pod, container, number, self._sandbox, tools.surroundings
                )
                await self._sandbox.start(launch)
                self._problems.pop(name, None)
                self._held.pop(name, None)
                await self._after_start(container)
        except Problem as problem:
            await self._hold(name, problem)
        except (ApiError, OSError) as error:
            await self._hold(name, Problem("node.config", str(error), retry=True))
        finally:
            del self._starting[name]
            self.wake()

    async def _hold(self, name: str, problem: Problem) -> None:
        """Wait before the next try: longer for an image, as its registry may be busy."""
        waiting = _waiting(problem)
        failures = self._held[name].failures + 1 if name in self._held else 1
        image = problem.code.startswith("node.image")
        delay = (_PULLS if image else _TRIES).delay(failures)
        self._held[name] = Hold(failures, time.time() + delay)
        await self._tools.recorder.warn(self.pod, "Failed", waiting.message)
        if failures > 1:
            reason = _AGAIN.get(waiting.reason, waiting.reason)
            waiting = Waiting(reason, waiting.message)
        self._problems[name] = waiting

    async def _after_start(self, container: Mapping[str, Any]) -> None:
        """The postStart hook; a container whose hook fails is ended."""
        assert self._sandbox is not None
        hook = (container.get("lifecycle") or {}).get("postStart") or {}
        latest = planning.last(self._attempts()).get(container["name"])
        if not hook or latest is None or latest.ended:
            return
        answer = await self._run_hook(hook, container, _HOOK)
        if not answer.success:
            message = f"postStart of {container['name']} failed: {answer.message}"
            await self._tools.recorder.warn(self.pod, "FailedPostStartHook", message)
            grace = float(self.pod["spec"].get("terminationGracePeriodSeconds") or 0)
            await self._sandbox.stop(container["name"], grace, "postStart")

    async def _run_hook(
        self, hook: Mapping[str, Any], container: Mapping[str, Any], seconds: float
    ) -> Answer:
        assert self._sandbox is not None
        if "sleep" in hook:
            await anyio.sleep(float(hook["sleep"]["seconds"]))
            return Answer(True)
        probe = Probe(Kind.READINESS, {**hook, "timeoutSeconds": seconds})
        return await probing.ask(probe, self._target(container))

    def _target(self, container: Mapping[str, Any]) -> probing.Target:
        assert self._sandbox is not None
        tools, address = self._tools, self._sandbox.address
        return probing.Target(container, address, self._sandbox, tools.session, tools.lowest)

    # probes

    def _probe_all(self, group: TaskGroup) -> None:
        """Probe what runs, and nothing else."""
        running = {(a.container, a.number): a for a in self._attempts() if not a.ended}
        for key in [key for key in self._probed if key not in running]:
            self._probed.pop(key).cancel()
        for key, attempt in running.items():
            container = self._container(key[0])
            if key in self._probed or not any(kind in container for kind in Kind):
                continue
            scope = self._probed[key] = anyio.CancelScope()
            group.start_soon(self._probe, scope, container, attempt)

    async def _probe(
        self, scope: anyio.CancelScope, container: Mapping[str, Any], attempt: Attempt
    ) -> None:
        target = self._target(container)

        async def report(probe: Probe, tally: Tally, answer: Answer) -> None:
            await self._answered(attempt, probe, tally, answer)

        with scope:
            if startup := Probe.of(container, Kind.STARTUP):
                await probing.watch(startup, target, attempt.started, report)
            async with anyio.create_task_group() as group:
                for kind in (Kind.LIVENESS, Kind.READINESS):
                    if probe := Probe.of(container, kind):
                        group.start_soon(probing.watch, probe, target, attempt.started, report)

    async def _answered(self, attempt: Attempt, probe: Probe, tally: Tally, answer: Answer) -> None:
        key = (attempt.container, attempt.number, probe.kind)
        changed = self._passed.get(key, probe.kind is Kind.LIVENESS) != tally.passed
        self._passed[key] = tally.passed
        if not tally.failed and not changed:
            return
        if not answer.success:
            word = probe.kind.removesuffix("Probe").capitalize()
            message = f"{word} probe of {attempt.container} failed: {answer.message}"
            await self._tools.recorder.warn(self.pod, "Unhealthy", message)
        self.wake()
        if tally.failed and probe.kind is not Kind.READINESS and self._sandbox is not None:
            grace = probe.raw.get("terminationGracePeriodSeconds")
            if grace is None:
                grace = self.pod["spec"].get("terminationGracePeriodSeconds") or 0
            await self._sandbox.stop(attempt.container, float(grace), "liveness")

    # status

    async def _publish(self) -> None:
        """Write the status, if it is another one than is written."""
        status = phases.status(self.pod, self._view())
        before = self.pod.get("status") or {}
        # null removes what is there and no longer holds
        body = {**{k: None for k in ("reason", "message") if k in before}, **status}
        if body == self._sent or all(before.get(k) == v for k, v in body.items()):
            return
        patch = {"metadata": {"uid": self.uid}, "status": body}
        written = await self._tools.client.patch(self._key, patch, subresource="status")
        self._sent = body
        self._tools.informer.observe(written)

    def _view(self) -> phases.View:
        ready, started = set(), set()
        for attempt in self._attempts():
            if attempt.ended:
                continue
            container = self._container(attempt.container)
            probes = {
                kind: self._passed.get((attempt.container, attempt.number, kind), False)
                for kind in (Kind.STARTUP, Kind.READINESS)
                if kind in container
            }
            if probes.get(Kind.STARTUP, True):
                started.add(attempt.container)
            if all(probes.values()):
                ready.add(attempt.container)
        return phases.View(
            self._attempts(),
            self._problems,
            frozenset(ready),
            frozenset(started),
            self._streaks,
            self._sandbox.address if self._sandbox else "",
            self._tools.host,
            self._unisolated(),
            self._tools.held(self.pod),
            self._alone(),
            time.time(),
        )

    def _unisolated(self) -> str | None:
        if not planning.is_process(self.pod):
            return None
        inits, mains = planning.containers(self.pod)
        if any(isolating.privileged(self.pod, c["name"]) for c in (*inits, *mains)):
            return "it is privileged"
        if any(not a.ended and a.pid and not a.group for a in self._attempts()):
            return self._tools.isolation.reason or "it was started without"
        return self._tools.isolation.reason

    def _alone(self) -> str:
        process = planning.is_process(self.pod) or self.pod["spec"].get("hostNetwork")
        return "" if process else self._tools.alone(self.uid)

    # ending

    @property
    def _over(self) -> bool:
        """The API says that the pod has ended, whoever said so."""
        return (self.pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")

    async def _wind_down(self, group: TaskGroup) -> None:
        """The pod is to end: end its processes, then let it go. Logs stay until it is gone."""
        if self._sandbox is None and self.uid in self._tools.driver.known() and not self._released:
            await self._open()  # an earlier node may have left something running
        for start in self._starting.values():
            start.scope.cancel()
        if self._starting:
            return  # each wakes us as it ends
        running = [a for a in self._attempts() if not a.ended]
        if running:
            self._end_all(running, group)
            return
        if not self._over:
            await self._publish()  # the last word on exit codes, which Jobs wait for
        await self._release()
        if self._deleting:
            await self._tools.client.delete(self._key, uid=self.uid, grace=0)

    async def _release(self) -> None:
        if not self._released:
            await self._tools.driver.release(self.uid)
            self._released = True

    def _end_all(self, running: Sequence[Attempt], group: TaskGroup) -> None:
        """End them: sidecars when nobody else is left, in the time that is left."""
        grace = self.pod["metadata"].get("deletionGracePeriodSeconds")
        if grace is None:
            grace = self.pod["spec"].get("terminationGracePeriodSeconds") or 0
        self._ending = self._ending or time.monotonic()
        beside = planning.sidecars(self.pod)
        first = [attempt for attempt in running if attempt.container not in beside]
        for attempt in first or running:
            if (attempt.container, attempt.number) in self._probed:
                self._probed[attempt.container, attempt.number].cancel()
            if grace < self._told.get(attempt.container, float("inf")):
                # told for the first time, or again with less patience
                self._told[attempt.container] = grace
                left = float(grace) if first else _left(grace, self._ending)
                group.start_soon(self._end, self._container(attempt.container), left)

    async def _end(self, container: Mapping[str, Any], grace: float) -> None:
        assert self._sandbox is not None
        began = time.monotonic()
        hook = (container.get("lifecycle") or {}).get("preStop") or {}
        with anyio.move_on_after(grace):
            if hook:
                answer = await self._run_hook(hook, container, grace)
                if not answer.success:
                    message = f"preStop of {container['name']} failed: {answer.message}"
                    await self._tools.recorder.warn(self.pod, "FailedPreStopHook", message)
        try:
            await self._sandbox.stop(container["name"], _left(grace, began), "deleted")
        except Problem as problem:
            _LOG.warning("pod %s: %s", self._name, problem.message)
            await anyio.sleep(_RETRIES.first)
            self._told.pop(container["name"], None)  # told again
        self.wake()

    # what everything above asks

    def _attempts(self) -> Sequence[Attempt]:
        return self._sandbox.attempts() if self._sandbox else ()

    def _container(self, name: str) -> Mapping[str, Any]:
        inits, mains = planning.containers(self.pod)
        return next(c for c in (*inits, *mains) if c["name"] == name)

    @property
    def _deleting(self) -> bool:
        return bool(self.pod["metadata"].get("deletionTimestamp"))

    @property
    def _namespace(self) -> str:
        return str(self.pod["metadata"]["namespace"])

    @property
    def _name(self) -> str:
        return f"{self._namespace}/{self.pod['metadata']['name']}"

    @property
    def _key(self) -> Key:
        return Key("", "Pod", self._namespace, str(self.pod["metadata"]["name"]), "v1")


def _left(grace: float, began: float) -> float:
    """What is left of a grace period that began then; a moment when hooks, or others before, took
    all of it, as kubelet does.
    """
    return max(grace - (time.monotonic() - began), min(grace, 2.0))


def _waiting(problem: Problem) -> Waiting:
    reason = _REASONS.get(problem.code, "CreateContainerConfigError")
    hint = _ENGINE_HINT if reason == "NoContainerEngine" else problem.hint
    return Waiting(reason, problem.message + (f" ({hint})" if hint else ""))
