"""The child process that runs the evaluator: one life of it, from start to end."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast

import anyio

from lateen.base.problem import Problem
from lateen.cue import frames

Reason = Literal["crash", "memory", "deadline", "stopped"]

# An answer that is already in the pipe when the deadline passes is still an answer.
_GRACE: Final = 0.1
# What Go says when it ends a process that asks for too much at once.
_OUT_OF_MEMORY: Final = (b"stack exceeds", b"out of memory", b"cannot allocate memory")
_CLOCK_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


class Lost(Exception):  # noqa: N818 - not an error of the request: most are asked again
    """The child ended before it answered; `alone` when no other request was under way."""

    def __init__(self, reason: Reason, alone: bool, detail: str) -> None:
        self.reason: Reason = reason
        self.alone = alone
        self.detail = detail
        super().__init__(detail)


class Late(Exception):  # noqa: N818
    """The request was not answered before its deadline."""


@dataclass(slots=True)
class _Pending:
    answer: asyncio.Future[dict[str, Any]]
    timer: asyncio.TimerHandle


class Child(asyncio.SubprocessProtocol):
    """A running evaluator. Answers arrive in any order; each request has a deadline.

    An evaluation cannot be interrupted, so one past its deadline costs the child its life.
    """

    def __init__(self) -> None:
        self.known: set[str] = set()  # keys of the templates this child has been sent
        self.ended = False  # takes no more requests
        self.exited = anyio.Event()  # and has left
        self._loop = asyncio.get_running_loop()
        self._decoder = frames.Decoder()
        self._pending: dict[int, _Pending] = {}
        self._numbers = itertools.count(1)
        self._transport: asyncio.SubprocessTransport
        self._input: asyncio.WriteTransport
        self._reason: Reason = "crash"
        self._complaint = b""

    @classmethod
    async def start(cls, program: Path, arguments: tuple[str, ...]) -> Child:
        """Start the program.

        Raises:
            Problem: `cue.engine` when it cannot be started.
        """
        loop = asyncio.get_running_loop()
        try:
            _, child = await loop.subprocess_exec(cls, program, *arguments)
        except OSError as error:
            raise Problem("cue.engine", f"cannot start {program}: {error.strerror}") from error
        return child

    @property
    def pid(self) -> int:
        return self._transport.get_pid()

    async def ask(self, message: dict[str, Any], deadline: float) -> dict[str, Any]:
        """Send a message and wait for its answer; `deadline` in seconds from now.

        Raises:
            Late: the deadline passed; the child is gone then.
            Lost: the child ended for another reason.
        """
        number = next(self._numbers)
        frame = frames.encode({"id": number, **message})
        answer: asyncio.Future[dict[str, Any]] = self._loop.create_future()
        # Kept until the answer comes even if the asker is cancelled: a loop must still be ended.
        timer = self._loop.call_later(deadline, self._overdue, number)
        self._pending[number] = _Pending(answer, timer)
        self._input.write(frame)
        return await answer

    def _overdue(self, number: int) -> None:
        self._pending[number].timer = self._loop.call_later(_GRACE, self._expire, number)

    def _expire(self, number: int) -> None:
        late = self._pending.pop(number)
        if not late.answer.done():
            late.answer.set_exception(Late())
        self._end("deadline")

    def _end(self, reason: Reason) -> None:
        """Kill the child now and give up what is under way; its exit is noticed later."""
        self._reason = reason
        if self._transport.get_returncode() is None:
            self._transport.kill()
        self._abandon()

    def _abandon(self) -> None:
        self.ended = True
        pending, self._pending = self._pending, {}
        detail = self._complaint.decode(errors="replace").strip().partition("\n")[0]
        for request in pending.values():
            request.timer.cancel()
            if not request.answer.done():
                request.answer.set_exception(Lost(self._reason, len(pending) == 1, detail))

    async def stop(self) -> None:
        """End the child: it leaves when its input closes, or is made to."""
        self._reason = "stopped"
        self._abandon()
        self._input.close()
        with anyio.CancelScope(shield=True):
            with anyio.move_on_after(2):
                await self.exited.wait()
            if not self.exited.is_set():
                self._transport.kill()
                await self.exited.wait()

    def usage(self) -> Mapping[str, float]:
        """What the child has used: `pid`, `cpu_seconds`, `rss_bytes`; zeros where /proc is not."""
        try:
            stat = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return {"pid": self.pid, "cpu_seconds": 0.0, "rss_bytes": 0}
        return {
            "pid": self.pid,
            "cpu_seconds": (int(stat[11]) + int(stat[12])) / _CLOCK_TICKS,
            "rss_bytes": int(stat[21]) * _PAGE,
        }

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.SubprocessTransport, transport)
        self._input = cast(asyncio.WriteTransport, self._transport.get_pipe_transport(0))

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 2:
            # The first line of a Go crash says what happened, the rest is stacks.
            self._complaint = (self._complaint + data)[:400]
            return
        for message in self._decoder.feed(data):
            if message.get("event") == "memory":
                self._reason = "memory"
                continue
            request = self._pending.pop(message["id"], None)
            if request is None:
                continue
            request.timer.cancel()
            if not request.answer.done():
                request.answer.set_result(message)

    def process_exited(self) -> None:
        if any(sign in self._complaint for sign in _OUT_OF_MEMORY):
            self._reason = "memory"
        code = self._transport.get_returncode() or 0
        if not self._complaint:
            name = signal.Signals(-code).name if code < 0 else f"status {code}"
            self._complaint = f"ended with {name}".encode()

    def connection_lost(self, exc: Exception | None) -> None:
        """The process has ended and its pipes have been read to their end."""
        self._abandon()
        self._transport.close()
        self.exited.set()
