"""The DNS of pods: names of Services, everything else from the machine's own name servers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import dnslib

from lateen.node import balancing, services
from lateen.node.balancing import Entrance, Open
from lateen.node.services import Service

_LOG = logging.getLogger(__name__)
_RESOLVERS = Path("/etc/resolv.conf")
_TTL = 5  # seconds: Services come and go
_PATIENCE = 3.0  # seconds for another name server
_PORT = 53

Known = Callable[[], Mapping[str, Service]]


def resolver(gateway: str, namespace: str, config: Mapping[str, Any] | None = None) -> str:
    """The resolv.conf of a pod; `config` is its `dnsConfig`."""
    config = config or {}
    domains = [f"{namespace}.svc.{services.DOMAIN}", f"svc.{services.DOMAIN}", services.DOMAIN]
    domains += config.get("searches") or ()
    lines = [f"nameserver {each}" for each in (gateway, *(config.get("nameservers") or ()))]
    options = {"ndots": "5"} | {
        str(option["name"]): str(option.get("value") or "")
        for option in config.get("options") or ()
    }
    shown = [f"{name}:{value}" if value else name for name, value in options.items()]
    lines += [f"search {' '.join(domains)}", f"options {' '.join(shown)}"]
    return "\n".join(lines) + "\n"


def upstream(text: str) -> list[str]:
    """The name servers of a resolv.conf."""
    words = [line.split() for line in text.splitlines()]
    return [each[1] for each in words if len(each) > 1 and each[0] == "nameserver"]


def answer(question: bytes, known: Mapping[str, Service]) -> bytes | None:
    """The answer to a question about the cluster, None for one about anything else.

    A name of one label is never anybody else's: it is what remains when a Service that pods look
    for is not there (yet), and other name servers may take long to say so, or say nothing.

    Raises:
        dnslib.DNSError: it is no question.
    """
    asked = dnslib.DNSRecord.parse(question)
    name = str(asked.q.qname)
    bare = name.lower().rstrip(".")
    if "." in bare and not f".{bare}".endswith(f".{services.DOMAIN}"):
        return None
    reply = asked.reply(ra=1, aa=1)
    found = services.lookup(name, known)
    if found is None:
        reply.header.rcode = dnslib.RCODE.NXDOMAIN
    elif found.alias:
        data = dnslib.CNAME(found.alias)
        reply.add_answer(dnslib.RR(name, dnslib.QTYPE.CNAME, rdata=data, ttl=_TTL))
    elif asked.q.qtype == dnslib.QTYPE.A:
        for address in found.addresses:
            reply.add_answer(dnslib.RR(name, dnslib.QTYPE.A, rdata=dnslib.A(address), ttl=_TTL))
    elif asked.q.qtype == dnslib.QTYPE.SRV:
        for target, port in found.targets:
            data = dnslib.SRV(0, 100, port, target)
            reply.add_answer(dnslib.RR(name, dnslib.QTYPE.SRV, rdata=data, ttl=_TTL))
    return bytes(reply.pack())


class Names:
    """A name server at one address, for as long as `serve` runs."""

    def __init__(self, known: Known, resolvers: Path = _RESOLVERS) -> None:
        self._known = known
        self._resolvers = resolvers
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(
        self, address: str, port: int = _PORT, device: str = "", opened: Open = balancing.bind
    ) -> Callable[[], None]:
        """Begin to answer; gives what ends it.

        Raises:
            OSError: the port is taken.
        """
        loop = asyncio.get_running_loop()
        datagrams = await opened(Entrance(address, port, device, "UDP"))
        datagrams.setblocking(False)
        transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), sock=datagrams)
        try:
            streams = await opened(Entrance(address, port, device))
            server = await asyncio.start_server(self._stream, sock=streams)
        except OSError:
            transport.close()
            raise

        def close() -> None:
            transport.close()
            server.close()
            for task in self._tasks:
                task.cancel()

        return close

    def ask(self, question: bytes, reply: Callable[[bytes], None]) -> None:
        task = asyncio.create_task(self._reply(question, reply))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reply(self, question: bytes, reply: Callable[[bytes], None]) -> None:
        found = await self._resolve(question)
        if found:
            reply(found)

    async def _resolve(self, question: bytes) -> bytes | None:
        try:
            found = answer(question, self._known())
            if found is not None:
                return found
            return await self._elsewhere(question)
        except dnslib.DNSError:
            return None  # noise

    async def _elsewhere(self, question: bytes) -> bytes:
        with contextlib.suppress(OSError):
            for server in upstream(await asyncio.to_thread(self._resolvers.read_text)):
                with contextlib.suppress(OSError):
                    async with asyncio.timeout(_PATIENCE):
                        return await _forward(question, server)
        reply = dnslib.DNSRecord.parse(question).reply(ra=1)
        reply.header.rcode = dnslib.RCODE.SERVFAIL
        return bytes(reply.pack())

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                [size] = struct.unpack(">H", await reader.readexactly(2))
                found = await self._resolve(await reader.readexactly(size))
                if found is None:
                    break
                writer.write(struct.pack(">H", len(found)) + found)
                await writer.drain()
        writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, names: Names) -> None:
        self._names = names

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._names.ask(data, lambda found: self._transport.sendto(found, addr))


class _Once(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if not self.answer.done():
            self.answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)


async def _forward(question: bytes, server: str) -> bytes:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(_Once, remote_addr=(server, _PORT))
    try:
        transport.sendto(question)
        return await protocol.answer
    finally:
        transport.close()
