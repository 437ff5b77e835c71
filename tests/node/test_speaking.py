"""Who asked goes away, or the pod's side breaks off, in the middle of a forwarded port."""

from __future__ import annotations

import asyncio
import socket as sockets
import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import anyio
import pytest
from aiohttp import web

from lateen.node import spdy, speaking

pytestmark = pytest.mark.anyio


class Served:
    """A pod's port, and a kubelet that forwards to it. `failures` is what its requests raised."""

    def __init__(self) -> None:
        self.url = ""
        self.peers: list[asyncio.StreamWriter] = []
        self.failures: list[BaseException] = []
        self._port = 0

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.peers.append(writer)

    async def dial(self, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self._port)

    async def forward(self, request: web.Request) -> web.StreamResponse:
        socket = await speaking.accept(request, speaking.PORTS)
        try:
            await speaking.forward(socket, [80], self.dial)
        except BaseException as error:
            self.failures.append(error)
            raise
        return socket

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Served]:
        async with await asyncio.start_server(self.accept, "127.0.0.1", 0) as pod:
            self._port = pod.sockets[0].getsockname()[1]
            app = web.Application()
            app.router.add_get("/", self.forward)
            runner = web.AppRunner(app)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
            yield self
            await runner.cleanup()
            for peer in self.peers:
                peer.close()


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with Served().running() as made:
        yield made


def opening(number: int, kind: str, words: Any) -> bytes:
    """SPDY's frame that opens a stream; `words` compresses the headers of one connection."""
    headers = {"streamtype": kind, "port": "80", "requestid": "0"}
    block = struct.pack(">I", len(headers)) + b"".join(
        struct.pack(">I", len(text)) + text.encode() for pair in headers.items() for text in pair
    )
    packed: bytes = words.compress(block) + words.flush(zlib.Z_SYNC_FLUSH)
    body = struct.pack(">IIH", number, 0, 0) + packed
    return struct.pack(">HHI", 0x8003, 1, len(body)) + body


@asynccontextmanager
async def connected(
    served: Served, protocol: str
) -> AsyncIterator[tuple[aiohttp.ClientWebSocketResponse, Any]]:
    """Somebody who forwards the port, and has one connection through it."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(served.url, protocols=(protocol,)) as asking,
    ):
        before = len(served.peers)
        words = zlib.compressobj(zdict=spdy.dictionary())
        if protocol == speaking.TUNNEL:
            await asking.send_bytes(opening(1, "error", words) + opening(3, "data", words))
        with anyio.fail_after(30):
            while len(served.peers) == before:
                await anyio.sleep(0.001)
        yield asking, words


@pytest.mark.parametrize("protocol", [speaking.TUNNEL, "v4.channel.k8s.io"])
async def test_who_asked_may_go_while_the_pod_speaks(served: Served, protocol: str) -> None:
    for _ in range(20):
        async with connected(served, protocol) as (asking, _words):
            peer = served.peers[-1]
            peer.write(b"x" * 300_000)
            await anyio.sleep(0.002)
            asking._writer.transport.abort()
            peer.close()
    await anyio.sleep(0.1)
    assert served.failures == []


@pytest.mark.parametrize("protocol", [speaking.TUNNEL, "v4.channel.k8s.io"])
async def test_a_port_that_breaks_off_takes_no_other_with_it(served: Served, protocol: str) -> None:
    async with connected(served, protocol) as (asking, words):
        peer = served.peers[-1]
        told = struct.pack("ii", 1, 0)  # closed with a reset
        peer.get_extra_info("socket").setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, told)
        peer.close()
        with anyio.fail_after(30):
            if protocol == speaking.TUNNEL:
                await asking.send_bytes(opening(5, "error", words) + opening(7, "data", words))
                while len(served.peers) < 2:
                    await anyio.sleep(0.001)
                served.peers[-1].write(b"hello")
                while b"hello" not in (await asking.receive_bytes()):
                    pass
            else:  # one port: there is no other way to say that it is at its end
                async for _message in asking:
                    pass
    assert served.failures == []
