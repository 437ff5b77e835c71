"""Commands that somebody talks to: beside a process, in its surroundings, or in a container."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import struct
import subprocess
import termios
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio.to_thread

from lateen.base.problem import Problem
from lateen.node import cgroups, namespaces
from lateen.node.drivers import Log
from lateen.node.engines import Engine, Streams
from lateen.node.logs import Selection

OUT, ERR = 1, 2
_BLOCK = 32768


class LocalSession:
    """`drivers.Session` of a program that runs as a child of the node."""

    def __init__(self, process: subprocess.Popen[bytes], terminal: int | None) -> None:
        self._process = process
        self._terminal = terminal
        self._output: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue(16)
        self._tasks: list[asyncio.Task[None]] = []
        self._input: asyncio.StreamWriter | None = None

    async def open(self) -> None:
        pipes = {OUT: self._process.stdout, ERR: self._process.stderr}
        given = self._process.stdin
        if self._terminal is not None:
            pipes = {OUT: os.fdopen(os.dup(self._terminal), "rb", 0), ERR: None}
            given = os.fdopen(os.dup(self._terminal), "wb", 0)
        readers = {n: await _reader(pipe) for n, pipe in pipes.items() if pipe is not None}
        self._left = len(readers)
        self._tasks = [asyncio.create_task(self._pump(n, r)) for n, r in readers.items()]
        if given is not None:
            loop = asyncio.get_running_loop()
            transport, protocol = await loop.connect_write_pipe(
                asyncio.streams.FlowControlMixin, given
            )
            self._input = asyncio.StreamWriter(transport, protocol, None, loop)

    async def _pump(self, number: int, reader: asyncio.StreamReader) -> None:
        # a terminal whose other end is closed reads as an input/output error
        with contextlib.suppress(OSError):
            while data := await reader.read(_BLOCK):
                await self._output.put((number, data))
        self._left -= 1
        if not self._left:
            await self._output.put(None)

    async def read(self) -> tuple[int, bytes] | None:
        return await self._output.get()

    async def write(self, data: bytes) -> None:
        if self._input is not None:
            self._input.write(data)
            # it need not read all that it is given
            with contextlib.suppress(ConnectionError):
                await self._input.drain()

    async def end_input(self) -> None:
        if self._terminal is None and self._input is not None:
            self._input.close()

    async def resize(self, width: int, height: int) -> None:
        if self._terminal is not None:
            size = struct.pack("HHHH", height, width, 0, 0)
            fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, size)

    async def wait(self) -> int:
        code = await anyio.to_thread.run_sync(self._process.wait, abandon_on_cancel=True)
        return code if code >= 0 else 128 - code

    def close(self) -> None:
        """End what is left of it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        for task in self._tasks:
            task.cancel()
        if self._input is not None:
            self._input.close()
        if self._terminal is not None:
            os.close(self._terminal)
        self._process.poll()


async def _reader(pipe: object) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, pipe)
    return reader


@asynccontextmanager
async def local(
    argv: Sequence[str],
    env: Mapping[str, str],
    directory: str,
    entrance: Path | None,
    groups: Sequence[str],
    *,
    stdin: bool,
    tty: bool,
) -> AsyncIterator[LocalSession]:
    """Run a command of this machine until it ends, or the context does, in the network namespace
    and the cgroups that these files lead to.

    Raises:
        Problem: `node.exec` when it cannot be run.
    """

    def spawn() -> tuple[subprocess.Popen[bytes], int | None]:
        if not tty:
            given = subprocess.PIPE if stdin else subprocess.DEVNULL
            return _popen(argv, env, directory, given, subprocess.PIPE, subprocess.PIPE, None), None
        ours, theirs = os.openpty()
        try:
            control = lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # noqa: E731
            return _popen(argv, env, directory, theirs, theirs, theirs, control), ours
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(theirs)

    try:
        process, terminal = await anyio.to_thread.run_sync(namespaces.inside, entrance, spawn)
    except (OSError, subprocess.SubprocessError) as error:
        raise Problem("node.exec", f"cannot run {argv[0]}: {error}") from error
    cgroups.admit(groups, process.pid)
    session = LocalSession(process, terminal)
    try:
        await session.open()
        yield session
    finally:
        session.close()
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(process.wait)


def _popen(
    argv: Sequence[str],
    env: Mapping[str, str],
    directory: str,
    given: int,
    out: int,
    err: int,
    first: Callable[[], object] | None,
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        list(argv),
        env=dict(env),
        cwd=directory,
        stdin=given,
        stdout=out,
        stderr=err,
        start_new_session=True,
        preexec_fn=first,
    )


class LogSession:
    """`drivers.Session` of a process that is only listened to: it has no input to be given."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._chunks = log.read(Selection(tail=0, follow=True))

    async def read(self) -> tuple[int, bytes] | None:
        try:
            return OUT, await anext(self._chunks)
        except StopAsyncIteration:
            return None

    async def write(self, data: bytes) -> None: ...

    async def end_input(self) -> None: ...

    async def resize(self, width: int, height: int) -> None: ...

    async def wait(self) -> int:
        return 0

    async def close(self) -> None:
        await self._chunks.aclose()


@asynccontextmanager
async def listening(log: Log) -> AsyncIterator[LogSession]:
    session = LogSession(log)
    try:
        yield session
    finally:
        await session.close()


class EngineSession:
    """`drivers.Session` of a container: of a command in it, or with `command` empty of itself."""

    def __init__(self, engine: Engine, streams: Streams, container: str, command: str) -> None:
        self._engine = engine
        self._streams = streams
        self._container = container
        self._command = command

    async def read(self) -> tuple[int, bytes] | None:
        return await self._streams.read()

    async def write(self, data: bytes) -> None:
        await self._streams.write(data)

    async def end_input(self) -> None:
        self._streams.end_input()

    async def resize(self, width: int, height: int) -> None:
        what = f"exec/{self._command}" if self._command else f"containers/{self._container}"
        with contextlib.suppress(Problem):  # it has ended, or has not begun
            await self._engine.resize(what, width, height)

    async def wait(self) -> int:
        if not self._command:
            return 0
        code, running = await self._engine.outcome(self._command)
        while running:  # its output may end before it does
            await asyncio.sleep(0.05)
            code, running = await self._engine.outcome(self._command)
        return code


@asynccontextmanager
async def contained(
    engine: Engine, container: str, argv: Sequence[str], *, stdin: bool, tty: bool
) -> AsyncIterator[EngineSession]:
    """A command in a container, or with no `argv` the container's own process.

    Raises:
        Problem: `node.refused` with what the engine said, `node.engine`.
    """
    if argv:
        command = await engine.prepare(container, argv, stdin=stdin, tty=tty)
        path = f"exec/{command}/start"
    else:
        command = ""
        found = await engine.show(container)
        tty = bool(found and found["Config"].get("Tty"))
        given = "1" if stdin else "0"
        path = f"containers/{container}/attach?stream=1&stdout=1&stderr=1&stdin={given}"
    async with engine.attached(path, tty=tty) as streams:
        yield EngineSession(engine, streams, container, command)
