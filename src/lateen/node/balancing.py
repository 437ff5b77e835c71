"""Connections to Services: taken where a Service is, carried to one of those behind it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lateen.node.services import Backend

_LOG = logging.getLogger(__name__)
_BLOCK = 65536
_CONNECT = 5.0  # seconds; then another one is tried
_BIND_TO_DEVICE = 25  # SO_BINDTODEVICE, which Python does not name everywhere


@dataclass(frozen=True, order=True)
class Entrance:
    """Where connections are taken. With `device` only those that come in there, so that several
    control planes of a machine may have Services at the same address.
    """

    address: str
    port: int
    device: str = ""


Choice = Callable[[], Sequence[Backend]]


class Balancer:
    """One listening socket for each entrance; whoever connects is given to the next in turn."""

    def __init__(self) -> None:
        self._servers: dict[Entrance, asyncio.Server] = {}
        self._choices: dict[Entrance, Choice] = {}
        self._turn = itertools.count()

    async def serve(self, wanted: Mapping[Entrance, Choice]) -> set[Entrance]:
        """Take connections there, and nowhere else any more; those that cannot be had."""
        self._choices = dict(wanted)
        for entrance in [each for each in self._servers if each not in wanted]:
            self._servers.pop(entrance).close()
        refused = set()
        for entrance in sorted(wanted.keys() - self._servers.keys()):
            try:
                self._servers[entrance] = await self._listen(entrance)
            except OSError as error:
                refused.add(entrance)
                _LOG.info("%s:%d: %s", entrance.address, entrance.port, error)
        return refused

    def close(self) -> None:
        for server in self._servers.values():
            server.close()
        self._servers.clear()

    async def _listen(self, entrance: Entrance) -> asyncio.Server:
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if entrance.device:
                made.setsockopt(
                    socket.SOL_SOCKET, _BIND_TO_DEVICE, entrance.device.encode() + b"\0"
                )
            made.bind((entrance.address, entrance.port))
            made.setblocking(False)

            async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await self._carry(entrance, reader, writer)

            return await asyncio.start_server(carry, sock=made, backlog=512)
        except OSError:
            made.close()
            raise

    async def _carry(
        self, entrance: Entrance, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        choice = self._choices.get(entrance)
        backends = list(choice()) if choice else []
        first = next(self._turn)
        for step in range(len(backends)):
            backend = backends[(first + step) % len(backends)]
            try:
                async with asyncio.timeout(_CONNECT):
                    there = await asyncio.open_connection(backend.address, backend.port)
            except OSError:
                continue
            await join((reader, writer), there)
            return
        writer.transport.abort()  # as if nobody listened


async def join(
    here: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    there: tuple[asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    """Carry both ways until both are at their ends."""
    try:
        await asyncio.gather(_copy(here[0], there[1]), _copy(there[0], here[1]))
    finally:
        here[1].close()
        there[1].close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, OSError):
        while data := await reader.read(_BLOCK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
            return
    writer.close()  # broken, or TLS, which knows no half end
