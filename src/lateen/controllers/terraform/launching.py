"""Run Terraform in a process of its own: with a deadline, interrupted when we are, line by line."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio
from anyio.abc import Process

from lateen.controllers.terraform.tooling import Tool

_LOOK: Final = 0.2  # seconds between two looks at what it has written
_GRACE: Final = 60.0  # seconds it has, once interrupted, to give up and write down what is there
_NOT_STARTED: Final = 127


@dataclass(frozen=True)
class Ended:
    """How a run ended; `late` when it was interrupted at its deadline, `stopped` when it was asked
    to stop before.
    """

    code: int
    late: bool = False
    stopped: bool = False


@dataclass(frozen=True)
class Launch:
    """Where and how to run. `deadline` and `grace` are in seconds."""

    tool: Tool
    directory: Path
    environment: Mapping[str, str]
    output: Path
    deadline: float
    grace: float = _GRACE


async def run(
    launch: Launch,
    arguments: Sequence[str],
    told: Callable[[str], None],
    stop: anyio.Event | None = None,
) -> Ended:
    """Run one command to its end; `told` is called with each line it writes.

    What it writes goes to a file: a pipe would break when we are killed, and take it along before
    it has written its state. Cancelled, it is interrupted and waited for; at `stop` as well, and
    then for as long as the deadline allows: it may be in the middle of something.
    """
    try:
        process = await _start(launch, arguments)
    except OSError as error:
        told(f"Error: {launch.tool.program} cannot be started: {error.strerror}")
        return Ended(_NOT_STARTED)
    tail = _Tail(launch.output, told)
    late = False
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(tail.follow)
            if stop is not None:
                tasks.start_soon(_await_stop, process, stop)
            with anyio.move_on_after(launch.deadline) as limit:
                await process.wait()
            if late := limit.cancelled_caught:
                await _interrupt(process, launch.grace)
            tasks.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await _interrupt(process, launch.grace)
            await process.aclose()
        tail.look()
    return Ended(process.returncode or 0, late, stop is not None and stop.is_set())


async def _start(launch: Launch, arguments: Sequence[str]) -> Process:
    with launch.output.open("wb") as sink:
        return await anyio.open_process(
            [*launch.tool.command, *arguments],
            cwd=launch.directory,
            env=launch.environment,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


async def _await_stop(process: Process, stop: anyio.Event) -> None:
    await stop.wait()
    _ask(process)


def _ask(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)


async def _interrupt(process: Process, grace: float) -> None:
    """Ask it to stop, then make it; what it has started goes with it."""
    if process.returncode is None:
        _ask(process)
        with anyio.move_on_after(grace):
            await process.wait()
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


class _Tail:
    """The lines of a file that grows."""

    def __init__(self, file: Path, told: Callable[[str], None]) -> None:
        self._file = file
        self._told = told
        self._read = 0

    async def follow(self) -> None:
        while True:
            self.look()
            await anyio.sleep(_LOOK)

    def look(self) -> None:
        with self._file.open("rb") as source:
            source.seek(self._read)
            found = source.read()
        whole = found[: found.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            self._told(line)
