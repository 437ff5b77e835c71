"""Keeps the processes of a control plane running until it is told to stop."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from lateen.base import clock
from lateen.base.backoff import Backoff
from lateen.base.problem import Problem
from lateen.standalone import children, directories
from lateen.standalone.children import Child
from lateen.standalone.directories import Directory
from lateen.standalone.journals import Journal
from lateen.standalone.programs import Program

_log = logging.getLogger("lateen.supervisor")

_AGAIN = 2.0  # seconds until a status that could not be written is tried again


class Supervisor:
    """Starts stage after stage; from then on what dies is started again.

    Until all are ready for the first time, one that dies makes the whole start fail: whoever
    started us is there to read why.
    """

    def __init__(
        self,
        directory: Directory,
        stages: Sequence[Sequence[Program]],
        *,
        port: int,
        backoff: Backoff | None = None,
        stable: float = 60.0,
        again: float = _AGAIN,
    ) -> None:
        """`stable` is how many seconds a process must run for its failures to be forgotten."""
        self.state = "starting"  # starting, ready, stopping, stopped, failed
        self._directory = directory
        self._port = port
        self._backoff = backoff or Backoff(first=0.5, ceiling=30.0)
        self._stable = stable
        self._started = time.time()
        self._stop = asyncio.Event()
        self._problem: Problem | None = None
        self._again = again
        self._unwritten: asyncio.TimerHandle | None = None
        self._stages = [
            [Child(each, Journal(directory.log(each.name)), self._publish) for each in stage]
            for stage in stages
        ]

    @property
    def children(self) -> list[Child]:
        """In the order of their start."""
        return list(itertools.chain.from_iterable(self._stages))

    def stop(self) -> None:
        """End `run`; safe in a signal handler of the event loop."""
        self._stop.set()

    async def run(self) -> None:
        """Start everything, keep it running until `stop`, stop everything.

        Raises:
            Problem: the first start failed; everything has been stopped again.
        """
        self._publish()
        async with asyncio.TaskGroup() as tasks:
            life = tasks.create_task(self._live())
            await self._stop.wait()
            life.cancel()
        self._become("stopping")
        for child in reversed(self.children):
            await child.stop()
        self._become("failed" if self._problem else "stopped")
        if self._problem:
            raise self._problem

    async def _live(self) -> None:
        try:
            for stage in self._stages:
                await asyncio.gather(*(self._start(child) for child in stage))
        except Problem as problem:
            self._problem = problem
            self.stop()
            return
        self._remember_port()
        self._become("ready")
        _log.info("ready after %.1f s", time.time() - self._started)
        async with asyncio.TaskGroup() as tasks:
            for child in self.children:
                tasks.create_task(self._keep(child))

    async def _start(self, child: Child) -> None:
        await child.start()
        _log.info("%s is ready", child.program.name)

    async def _keep(self, child: Child) -> None:
        failures = 0
        while True:
            began = time.monotonic()
            await child.ended()
            failures = 1 if time.monotonic() - began > self._stable else failures + 1
            delay = self._backoff.delay(failures)
            if child.last_exit is not None:
                how = children.describe(child.last_exit)
                _log.warning("%s ended, %s; again in %.1f s", child.program.name, how, delay)
            child.become("restarting")
            await asyncio.sleep(delay)
            child.restarts += 1
            try:
                await self._start(child)
            except Problem as problem:
                child.journal.note(problem.message)
                _log.warning("%s: %s", child.program.name, problem.message)

    def _remember_port(self) -> None:
        try:
            self._directory.port.write_text(f"{self._port}\n")
        except OSError as error:
            _log.warning("the port cannot be noted for the next start: %s", error)

    def _become(self, state: str) -> None:
        self.state = state
        self._publish()

    def _publish(self) -> None:
        """Write the status file. Without it nobody sees us, but what runs goes on."""
        if self._unwritten is not None:
            self._unwritten.cancel()
        try:
            directories.write(self._directory.status, self.describe())
        except OSError as error:
            if self._unwritten is None:  # once, not at every attempt
                _log.warning("the status cannot be written: %s", error)
            self._unwritten = asyncio.get_running_loop().call_later(self._again, self._publish)
        else:
            self._unwritten = None

    def describe(self) -> dict[str, Any]:
        """The status as in `run/status.json`; times are RFC 3339, `last_exit` as in `Child`."""
        told: dict[str, Any] = {
            "pid": os.getpid(),
            "port": self._port,
            "state": self.state,
            "started": _stamp(self._started),
            "kubeconfig": str(self._directory.kubeconfig()),
            "children": [_describe(child) for child in self.children],
        }
        if self._problem:
            told["problem"] = problem_data(self._problem)
        return told


def problem_data(problem: Problem) -> dict[str, str]:
    """A problem as in the status file."""
    return {"code": problem.code, "message": problem.message, "hint": problem.hint}


def _describe(child: Child) -> dict[str, Any]:
    return {
        "name": child.program.name,
        "pid": child.pid,
        "state": child.state,
        "restarts": child.restarts,
        "since": _stamp(child.since),
        "last_exit": child.last_exit,
        "address": child.said.get("address"),
        "notes": child.said.get("notes") or [],
    }


def _stamp(seconds: float) -> str:
    return clock.stamp(datetime.fromtimestamp(seconds, UTC))
