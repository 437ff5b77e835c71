"""Probes: how a container's health is asked, and what the answers add up to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import aiohttp
import anyio

from lateen.base import lifting
from lateen.base.problem import Problem
from lateen.node import checkups
from lateen.node.drivers import Executor

_EAGER = 0.25  # seconds between looks at first, while a process starts
_AGENT = "kube-probe/lateen"


class Kind(StrEnum):
    STARTUP = "startupProbe"
    LIVENESS = "livenessProbe"
    READINESS = "readinessProbe"


@dataclass(frozen=True)
class Probe:
    """Times in seconds."""

    kind: Kind
    raw: Mapping[str, Any]

    @classmethod
    def of(cls, container: Mapping[str, Any], kind: Kind) -> Probe | None:
        raw = container.get(kind)
        return cls(kind, raw) if raw else None

    @property
    def initial_delay(self) -> float:
        return float(self.raw.get("initialDelaySeconds") or 0)

    @property
    def period(self) -> float:
        return float(self.raw.get("periodSeconds") or 10)

    @property
    def timeout(self) -> float:
        return float(self.raw.get("timeoutSeconds") or 1)

    @property
    def failure_threshold(self) -> int:
        return int(self.raw.get("failureThreshold") or 3)

    @property
    def success_threshold(self) -> int:
        return int(self.raw.get("successThreshold") or 1)


@dataclass(frozen=True)
class Tally:
    """What the answers so far add up to; a liveness probe passes until it fails."""

    passed: bool
    successes: int = 0
    failures: int = 0
    failed: bool = False  # the failure threshold is reached

    @classmethod
    def first(cls, kind: Kind) -> Tally:
        return cls(passed=kind is Kind.LIVENESS)


def count(tally: Tally, probe: Probe, success: bool) -> Tally:
    """The tally with one more answer. Pure."""
    if success:
        successes = tally.successes + 1
        return Tally(tally.passed or successes >= probe.success_threshold, successes)
    failures = tally.failures + 1
    failed = failures >= probe.failure_threshold
    return Tally(tally.passed and not failed, 0, failures, failed)


@dataclass(frozen=True)
class Answer:
    """`unknown`: nobody could be asked, which says nothing about the container."""

    success: bool
    message: str = ""
    unknown: bool = False


@dataclass(frozen=True)
class Target:
    """Whom a probe asks."""

    container: Mapping[str, Any]
    address: str
    executor: Executor
    session: aiohttp.ClientSession
    lowest: int = 0  # the first port that may be listened at on this machine

    def place(self, raw: Mapping[str, Any]) -> tuple[str, int]:
        """Host and port that a probe or hook means."""
        port = resolve(raw["port"], self.container)
        if host := str(raw.get("host") or ""):
            return host, port
        return self.address, lifting.lift(self.address, port, self.lowest)


Report = Callable[[Probe, Tally, Answer], Awaitable[None]]


async def watch(probe: Probe, target: Target, started: float, report: Report) -> None:
    """Ask for as long as the container runs; report each answer that changes something, and each
    failure. `started` is when the container was, in seconds since 1970. A startup probe ends when
    it has passed.

    Until the first success of a startup or readiness probe it is asked more often than its period,
    so that what starts fast is ready fast; only answers a period apart count as failures.
    """
    await anyio.sleep(max(0.0, started + probe.initial_delay - time.time()))
    tally = Tally.first(probe.kind)
    pause = _EAGER if probe.kind is not Kind.LIVENESS else probe.period
    counted = anyio.current_time()
    while True:
        answer = await ask(probe, target)
        now = anyio.current_time()
        if answer.unknown:
            counted = now
        elif answer.success or pause >= probe.period or now - counted >= probe.period:
            counted = now
            before, tally = tally, count(tally, probe, answer.success)
            if before.passed != tally.passed or not answer.success:
                await report(probe, tally, answer)
            if probe.kind is Kind.STARTUP and tally.passed:
                return
        pause = probe.period if tally.passed else min(probe.period, pause * 1.5)
        await anyio.sleep(pause)


async def ask(probe: Probe, target: Target) -> Answer:
    """One question, answered within the probe's timeout."""
    raw = probe.raw
    try:
        with anyio.fail_after(probe.timeout):
            if "exec" in raw:
                return await _exec(raw["exec"], target, probe.timeout)
            if "httpGet" in raw:
                return await _http(raw["httpGet"], target)
            if "tcpSocket" in raw:
                return await _tcp(raw["tcpSocket"], target)
            if "grpc" in raw:
                return await _grpc(raw["grpc"], target)
    except TimeoutError:
        return Answer(False, f"no answer within {probe.timeout:g} s")
    except Problem as problem:
        return Answer(False, problem.message, unknown=problem.code == "node.engine")
    return Answer(False, "probes of this kind are not supported")


async def _exec(raw: Mapping[str, Any], target: Target, timeout: float) -> Answer:
    command = raw.get("command") or ()
    outcome = await target.executor.execute(target.container["name"], command, timeout)
    message = outcome.output or f"exit code {outcome.exit_code}"
    return Answer(outcome.exit_code == 0, message)


async def _http(raw: Mapping[str, Any], target: Target) -> Answer:
    path = raw.get("path") or "/"
    host, port = target.place(raw)
    url = f"{str(raw.get('scheme') or 'http').lower()}://{host}:{port}/{path.removeprefix('/')}"
    headers = {"User-Agent": _AGENT}
    headers |= {h["name"]: h.get("value", "") for h in raw.get("httpHeaders") or ()}
    try:
        # the certificate is not checked, as kubelet does not: only that something answers
        async with target.session.get(
            url, headers=headers, allow_redirects=False, ssl=False
        ) as response:
            return Answer(200 <= response.status < 400, f"HTTP status {response.status}")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Answer(False, str(error) or type(error).__name__)


async def _tcp(raw: Mapping[str, Any], target: Target) -> Answer:
    host, port = target.place(raw)
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError as error:
        return Answer(False, str(error))
    writer.close()
    return Answer(True)


async def _grpc(raw: Mapping[str, Any], target: Target) -> Answer:
    try:
        await checkups.check(*target.place(raw), str(raw.get("service") or ""))
    except (checkups.Unhealthy, OSError) as error:
        return Answer(False, str(error) or type(error).__name__)
    return Answer(True)


def resolve(port: int | str, container: Mapping[str, Any]) -> int:
    """A port number, or the number of the container's port of that name.

    Raises:
        Problem: `node.config` when it has none.
    """
    if isinstance(port, int) or port.isdecimal():
        return int(port)
    for known in container.get("ports") or ():
        if known.get("name") == port:
            return int(known["containerPort"])
    raise Problem("node.config", f"container {container['name']} has no port named {port}")
