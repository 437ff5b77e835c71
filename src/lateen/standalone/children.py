"""One child process: started, listened to, stopped."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from lateen.base.problem import Problem
from lateen.standalone.journals import Journal
from lateen.standalone.programs import Program

_CHUNK = 1 << 16
_PR_SET_PDEATHSIG = 1


class Child:
    """A program's process, at most one at a time.

    `state` is one of waiting, starting, running, restarting, stopping, stopped.
    """

    def __init__(
        self, program: Program, journal: Journal, changed: Callable[[], None] = lambda: None
    ) -> None:
        """`changed` is called after each change of what is told of the child."""
        self.program = program
        self.journal = journal
        self.state = "waiting"
        self.since = time.time()
        self.restarts = 0
        self.last_exit: int | None = None  # negative: the signal that ended it
        self.said: dict[str, Any] = {}  # the ready line
        self._changed = changed
        self._process: asyncio.subprocess.Process | None = None
        self._readers: list[asyncio.Task[None]] = []
        self._event: asyncio.Future[dict[str, Any]] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while there is a process."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    def become(self, state: str) -> None:
        self.state = state
        self.since = time.time()
        self._changed()

    async def start(self) -> None:
        """Start the process and wait until it is ready; it is gone again when that fails.

        Cancelled, it leaves the process to `stop`.

        Raises:
            Problem: `standalone.*` with the code and message of the child, `standalone.died` when it
                ended without a word, `standalone.slow` when it was not ready in time.
        """
        self._event = asyncio.get_running_loop().create_future()
        await self._spawn()
        self.become("starting")
        try:
            if self.program.announces:
                await self._wait_ready()
        except Problem:
            await self.stop()
            raise
        self.become("running")

    async def ended(self) -> None:
        """Wait until the process has ended; at once when there is none."""
        if self._process is None:
            return
        pid = self._process.pid
        self.last_exit = await self._process.wait()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)  # what it started in its session goes with it
        # what has been written is read; a process further down may keep the pipe open
        await asyncio.wait(self._readers, timeout=1.0)
        for reader in self._readers:
            reader.cancel()
        self.journal.note(f"ended, {describe(self.last_exit)}")
        self._process = None
        self._changed()

    async def stop(self) -> None:
        """Ask the process to end, wait as long as its program allows, then kill it."""
        if self._process is not None:
            self.become("stopping")
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), self.program.stop_within)
            except TimeoutError:
                self.journal.note(f"did not stop in {self.program.stop_within:.0f} s, killed")
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
            await self.ended()
        self.become("stopped")

    async def _spawn(self) -> None:
        parent = None if self.program.minds_parent else os.getpid()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self.program.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,  # Ctrl-C in our terminal is ours to handle
                preexec_fn=_die_with(parent),
            )
        except OSError as error:
            raise Problem(
                "standalone.died", f"{self.program.name} cannot be started: {error}"
            ) from error
        self.journal.note(f"started as process {self._process.pid}")
        assert self._process.stdout and self._process.stderr
        self._readers = [
            asyncio.create_task(self._listen(self._process.stdout)),
            asyncio.create_task(self._record(self._process.stderr)),
        ]

    async def _record(self, stream: asyncio.StreamReader) -> None:
        while data := await stream.read(_CHUNK):
            self.journal.write(data)

    async def _listen(self, stream: asyncio.StreamReader) -> None:
        rest = b""
        while data := await stream.read(_CHUNK):
            self.journal.write(data)
            *lines, rest = (rest + data).split(b"\n")
            rest = rest[-_CHUNK:]
            for line in lines:
                self._hear(line)

    def _hear(self, line: bytes) -> None:
        """Take the first line that tells of being ready, or why not."""
        if self._event is None or self._event.done() or not line.startswith(b"{"):
            return
        with contextlib.suppress(ValueError):
            event = json.loads(line)
            if event.get("event") in ("ready", "error"):
                self._event.set_result(event)

    async def _wait_ready(self) -> None:
        assert self._event is not None and self._process is not None
        death = asyncio.ensure_future(self._process.wait())
        try:
            await asyncio.wait(
                (self._event, death),
                timeout=self.program.ready_within,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if self._event.done() and self._event.result()["event"] == "error":
                await asyncio.wait((death,), timeout=2.0)  # it ends with a code of its own
            elif death.done():  # its last words are in the pipe
                await asyncio.wait(self._readers, timeout=1.0)
        finally:
            death.cancel()
        self._judge()

    def _judge(self) -> None:
        """Take the ready line.

        Raises:
            Problem: there is none.
        """
        assert self._event is not None and self._process is not None
        name = self.program.name
        if not self._event.done():
            if self._process.returncode is not None:
                how = describe(self._process.returncode)
                raise Problem("standalone.died", f"{name} ended before it was ready, {how}")
            seconds = self.program.ready_within
            raise Problem("standalone.slow", f"{name} was not ready after {seconds:.0f} s")
        event = self._event.result()
        if event["event"] == "error":
            message = str(event.get("message", "no reason given"))
            raise Problem(f"standalone.{event.get('code', 'failed')}", message)
        self.said = event


def describe(code: int) -> str:
    """An exit code in words: `exit code 1`, `killed by SIGKILL`."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def _die_with(parent: int | None) -> Callable[[], None] | None:
    """What the child runs before its program: it is killed when we die, however we die.

    Killed, not asked: a node that is asked to stop ends the processes of its pods, and these are to
    be found again by the node that comes after a crash.
    """
    if parent is None or not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)

    def arrange() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # we died in between
            os._exit(1)

    return arrange
