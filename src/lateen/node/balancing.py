"""Connections to Services: taken where a Service is, carried to one of those behind it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

from lateen.node.services import Backend

_LOG = logging.getLogger(__name__)
_BLOCK = 65536
_CONNECT = 5.0  # seconds; then another one is tried
_QUIET = 60.0  # seconds after which nobody waits for an answer to a datagram any more
_MANY = 4096  # clients that are remembered before those who are gone are forgotten
_BIND_TO_DEVICE = 25  # SO_BINDTODEVICE, which Python does not name everywhere


@dataclass(frozen=True, order=True)
class Entrance:
    """Where connections are taken. With `device` only those that come in there, so that several
    control planes of a machine may have Services at the same address; it may be a junction.
    """

    address: str
    port: int
    device: str = ""
    protocol: str = "TCP"


Choice = Callable[[], Sequence[Backend]]
Open = Callable[[Entrance], Awaitable[socket.socket]]
PROTOCOLS = ("TCP", "UDP")


@dataclass(frozen=True)
class Target:
    """Who answers; for `affinity` seconds a client stays with whom it was given to, if above 0."""

    choose: Choice
    affinity: float = 0.0


async def bind(entrance: Entrance) -> socket.socket:
    """A socket of this machine for an entrance.

    Raises:
        OSError: somebody else has the port, or the address is not ours.
    """
    stream = entrance.protocol == "TCP"
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
    try:
        if stream:  # with datagrams two could take one address
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if entrance.device:
            made.setsockopt(socket.SOL_SOCKET, _BIND_TO_DEVICE, entrance.device.encode() + b"\0")
        made.bind((entrance.address, entrance.port))
    except OSError:
        made.close()
        raise
    return made


class Balancer:
    """One listening socket for each entrance; whoever connects is given to the next in turn."""

    def __init__(self, opened: Open = bind) -> None:
        self._open = opened
        self._servers: dict[Entrance, asyncio.Server | asyncio.DatagramTransport] = {}
        self._targets: dict[Entrance, Target] = {}
        self._turn = itertools.count()
        self._kept: dict[tuple[Entrance, str], tuple[Backend, float]] = {}

    async def serve(self, wanted: Mapping[Entrance, Target]) -> set[Entrance]:
        """Take connections there, and nowhere else any more; those that cannot be had."""
        self._targets = dict(wanted)
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

    async def _listen(self, entrance: Entrance) -> asyncio.Server | asyncio.DatagramTransport:
        made = await self._open(entrance)
        try:
            made.setblocking(False)
            if entrance.protocol != "TCP":
                loop = asyncio.get_running_loop()
                flows = Flows(
                    partial(self._order, entrance),
                    partial(self._keep, entrance),
                    partial(self._answers, entrance),
                )
                transport, _ = await loop.create_datagram_endpoint(lambda: flows, sock=made)
                return transport

            async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await self._carry(entrance, reader, writer)

            return await asyncio.start_server(carry, sock=made, backlog=512)
        except OSError:
            made.close()
            raise

    async def _carry(
        self, entrance: Entrance, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        client = str(writer.get_extra_info("peername", ("",))[0])
        for backend in self._order(entrance, client):
            try:
                async with asyncio.timeout(_CONNECT):
                    there = await asyncio.open_connection(backend.address, backend.port)
            except OSError:
                continue
            self._keep(entrance, client, backend)
            await join((reader, writer), there)
            return
        writer.transport.abort()  # as if nobody listened

    def _order(self, entrance: Entrance, client: str) -> list[Backend]:
        """Whom to try for a client, one after the other."""
        target = self._targets.get(entrance)
        backends = list(target.choose()) if target else []
        first = next(self._turn) % max(1, len(backends))
        ordered = backends[first:] + backends[:first]
        kept, since = self._kept.get((entrance, client), (None, 0.0))
        if kept in ordered and target and time.monotonic() - since < target.affinity:
            ordered.remove(kept)
            ordered.insert(0, kept)
        return ordered

    def _answers(self, entrance: Entrance, backend: Backend) -> bool:
        target = self._targets.get(entrance)
        return target is not None and backend in target.choose()

    def _keep(self, entrance: Entrance, client: str, backend: Backend) -> None:
        """Remember whom a client was given to, where that matters."""
        target = self._targets.get(entrance)
        if target is None or not target.affinity:
            return
        now = time.monotonic()
        if len(self._kept) >= _MANY:
            self._kept = {
                key: (found, since)
                for key, (found, since) in self._kept.items()
                if key[0] in self._targets and now - since < self._targets[key[0]].affinity
            }
        self._kept[entrance, client] = backend, now


class Flows(asyncio.DatagramProtocol):
    """Carries datagrams: what one client sends goes to one backend, and its answers back."""

    def __init__(
        self,
        order: Callable[[str], list[Backend]],
        keep: Callable[[str, Backend], None],
        answers: Callable[[Backend], bool],
    ) -> None:
        self._order = order
        self._keep = keep
        self._answers = answers
        self._flows: dict[tuple[str, int], Flow] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, peer: tuple[str, int]) -> None:
        flow = self._flows.get(peer)
        if flow is not None and not self._answers(flow.backend):
            flow.close()
            flow = None
        if flow is None:
            backends = self._order(peer[0])
            if not backends:
                return  # as if it was lost on the way
            self._keep(peer[0], backends[0])
            answer = partial(self._answer, peer)
            flow = self._flows[peer] = Flow(
                backends[0], answer, partial(self._flows.pop, peer, None)
            )
        flow.send(data)

    def _answer(self, peer: tuple[str, int], data: bytes) -> None:
        self._transport.sendto(data, peer)

    def connection_lost(self, error: Exception | None) -> None:
        for flow in list(self._flows.values()):
            flow.close()


class Flow(asyncio.DatagramProtocol):
    """What goes on between one client and one backend, until both are quiet."""

    def __init__(
        self, backend: Backend, answer: Callable[[bytes], None], ended: Callable[[], object]
    ) -> None:
        self.backend = backend
        self._answer = answer
        self._ended = ended
        self._transport: asyncio.DatagramTransport | None = None
        self._waiting: list[bytes] = []
        self._last = time.monotonic()
        loop = asyncio.get_running_loop()
        self._opening = loop.create_task(self._open(backend))
        self._timer = loop.call_later(_QUIET, self._look)

    async def _open(self, backend: Backend) -> None:
        loop = asyncio.get_running_loop()
        remote = backend.address, backend.port
        try:
            self._transport, _ = await loop.create_datagram_endpoint(
                lambda: self, remote_addr=remote
            )
        except OSError as error:
            _LOG.info("%s:%d: %s", *remote, error)
            self.close()
            return
        for data in self._waiting:
            self._transport.sendto(data)
        self._waiting.clear()

    def send(self, data: bytes) -> None:
        self._last = time.monotonic()
        if self._transport is None:
            self._waiting.append(data)
        else:
            self._transport.sendto(data)

    def datagram_received(self, data: bytes, peer: tuple[str, int]) -> None:
        self._last = time.monotonic()
        self._answer(data)

    def error_received(self, error: Exception) -> None:
        self.close()  # nobody is there: the next datagram may go to another one

    def _look(self) -> None:
        left = self._last + _QUIET - time.monotonic()
        if left <= 0:
            self.close()
        else:
            self._timer = asyncio.get_running_loop().call_later(left, self._look)

    def close(self) -> None:
        self._timer.cancel()
        self._opening.cancel()
        if self._transport is not None:
            self._transport.close()
        self._ended()


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
