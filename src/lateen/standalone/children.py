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
        self.said: dict[str, Any] = {}  # the ready line, with what was noted since
        self._changed = changed
        self._process: asyncio.subprocess.Process | None = None
        self._readers: list[asyncio.Task[None]] = []
        self._rest = b""  # of a line of its output that has not ended
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
            Problem: `standalone.*` with the code and message of the child, `standalone.died` when
                it ended without a word, `standalone.slow` when it was not ready in time.
        """
        self._event = asyncio.get_running_loop().create_future()
        self._process = process = await self._spawn()
        self.become("starting")
        try:
            if self.program.announces:
                await self._wait_ready(process, self._event)
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
        self.journal.close()
        self.become("stopped")

    async def _spawn(self) -> asyncio.subprocess.Process:
        # pipes of our own: with those of asyncio a process counts as ended only when nobody holds
        # them any more, and what it started may
        output, to_output = os.pipe()
        errors, to_errors = os.pipe()
        try:
            process = await self._execute(to_output, to_errors)
        except BaseException:
            os.close(output)
            os.close(errors)
            raise
        finally:
            os.close(to_output)
            os.close(to_errors)
        self.journal.note(f"started as process {process.pid}")
        self._readers = [
            asyncio.create_task(_drain(output, self._listen)),
            asyncio.create_task(_drain(errors, self.journal.write)),
        ]
        self._rest = b""
        return process

    async def _execute(self, output: int, errors: int) -> asyncio.subprocess.Process:
        parent = None if self.program.minds_parent else os.getpid()
        try:
            return await asyncio.create_subprocess_exec(
                *self.program.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,  # Ctrl-C in our terminal is ours to handle
                preexec_fn=_die_with(parent),
            )
        except OSError as error:
            message = f"{self.program.name} cannot be started: {error}"
            raise Problem("standalone.died", message) from error

    def _listen(self, data: bytes) -> None:
        self.journal.write(data)
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[-_CHUNK:]
        for line in lines:
            self._hear(line)

    def _hear(self, line: bytes) -> None:
        """Take the first line that tells of being ready, or why not, and what is noted later."""
        if self._event is None or not line.startswith(b"{"):
            return
        with contextlib.suppress(ValueError):
            event = json.loads(line)
            if event.get("event") in ("ready", "error") and not self._event.done():
                self._event.set_result(event)
            elif event.get("event") == "notes" and self._event.done():
                self._event.result()["notes"] = event["notes"]  # which is, or will be, `said`
                self._changed()

    async def _wait_ready(
        self, process: asyncio.subprocess.Process, event: asyncio.Future[dict[str, Any]]
    ) -> None:
        death = asyncio.ensure_future(process.wait())
        try:
            await asyncio.wait(
                (event, death),
                timeout=self.program.ready_within,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if event.done() and event.result()["event"] == "error":
                await asyncio.wait((death,), timeout=2.0)  # it ends with a code of its own
            elif death.done():  # its last words are in the pipe
                await asyncio.wait(self._readers, timeout=1.0)
        finally:
            death.cancel()
        name = self.program.name
        if event.done():
            self.said = _judged(event.result())
        elif process.returncode is not None:
            how = describe(process.returncode)
            raise Problem("standalone.died", f"{name} ended before it was ready, {how}")
        else:
            seconds = self.program.ready_within
            raise Problem("standalone.slow", f"{name} was not ready after {seconds:.0f} s")


async def _drain(descriptor: int, take: Callable[[bytes], None]) -> None:
    """Give away what comes through a pipe until its end, then close it."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    try:
        while data := await reader.read(_CHUNK):
            take(data)
    finally:
        transport.close()


def _judged(event: dict[str, Any]) -> dict[str, Any]:
    if event["event"] == "error":
        message = str(event.get("message", "no reason given"))
        raise Problem(f"standalone.{event.get('code', 'failed')}", message)
    return event


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
