"""A TCP proxy on loopback that delays, drops and resets what goes through it."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType


class Proxy:
    """Forwards connections to a port until told to do worse. Use it in one event loop.

    `port` is where it listens. The faults act on connections that are open as well.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.delay = 0.0  # seconds for each piece of an answer
        self.silent = False  # connections are taken, and nothing is passed on
        self.refusing = False  # connections are reset as they come

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def mend(self) -> None:
        """Forward again; what was swallowed stays swallowed."""
        self.delay, self.silent, self.refusing = 0.0, False, False

    def reset(self) -> None:
        """Cut every connection there is, and those to come until it is mended."""
        self.refusing = True
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self.refusing:
            writer.transport.abort()
            return
        try:
            there = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, there[1]}
        self._writers |= both
        try:
            await asyncio.gather(
                self._pass(reader, there[1], late=False), self._pass(there[0], writer, late=True)
            )
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._writers -= both
            for each in both:
                each.close()

    async def _pass(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, late: bool
    ) -> None:
        while data := await source.read(65536):
            if late and self.delay:
                await asyncio.sleep(self.delay)
            if self.silent:
                continue
            sink.write(data)
            await sink.drain()
        with contextlib.suppress(OSError):
            sink.close()
