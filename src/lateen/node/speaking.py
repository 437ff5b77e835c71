"""The channel protocols of Kubernetes over WebSocket: commands, and forwarded ports.

The first byte of a message is its channel. For commands: 0 is input, 1 output, 2 errors, 3 how it
ended (a Status), 4 the size of the terminal; of version 5, 255 says that a channel is at its end.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager, closing, nullcontext, suppress
from typing import Any

import anyio
import orjson
from aiohttp import ClientConnectionResetError, WSMsgType, web
from anyio.abc import TaskGroup

from lateen.base.problem import Problem
from lateen.node import spdy
from lateen.node.drivers import Peer, Session

_LOG = logging.getLogger(__name__)

COMMANDS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
TUNNEL = "SPDY/3.1+portforward.k8s.io"
PORTS = (TUNNEL, "v4.channel.k8s.io", "portforward.k8s.io")

_INPUT, _STATUS, _SIZE, _END = 0, 3, 4, 255
_BLOCK = 32768
_LARGEST = 1 << 22

Dial = Callable[[int], Awaitable[Peer]]


async def accept(request: web.Request, protocols: tuple[str, ...]) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(
        protocols=protocols, compress=False, max_msg_size=_LARGEST, autoclose=True, heartbeat=30.0
    )
    await socket.prepare(request)
    return socket


async def converse(socket: web.WebSocketResponse, session: Session) -> None:
    """Carry a session's input and output until it ends, or who asked has gone."""
    async with _while_asked(socket) as group:

        async def output() -> None:
            while (piece := await session.read()) is not None:
                await socket.send_bytes(bytes([piece[0]]) + piece[1])
            await socket.send_bytes(bytes([_STATUS]) + _status(await session.wait()))
            group.cancel_scope.cancel()

        group.start_soon(output)
        async for message in socket:
            if message.type is WSMsgType.BINARY and message.data:
                await _take(session, message.data[0], message.data[1:])


@asynccontextmanager
async def _while_asked(socket: web.WebSocketResponse) -> AsyncIterator[TaskGroup]:
    """Tasks that end with the block, or when there is nobody to tell any more."""
    try:
        async with anyio.create_task_group() as group:
            yield group
            group.cancel_scope.cancel()
    except* ClientConnectionResetError:
        _LOG.debug("who asked has gone")
    await socket.close()


async def _take(session: Session, channel: int, data: bytes) -> None:
    if channel == _INPUT and data:
        await session.write(data)
    elif channel == _SIZE:
        size = orjson.loads(data)
        await session.resize(int(size["Width"]), int(size["Height"]))
    elif channel == _END and data[:1] == bytes([_INPUT]):
        await session.end_input()


async def fail(socket: web.WebSocketResponse, message: str) -> None:
    """Say on the status channel that it could not be done."""
    status = {"metadata": {}, "status": "Failure", "message": message, "reason": "InternalError"}
    await socket.send_bytes(bytes([_STATUS]) + orjson.dumps({**status, "code": 500}))
    await socket.close()


def _status(code: int) -> bytes:
    status: dict[str, Any] = {"metadata": {}, "status": "Success"}
    if code:
        status |= {
            "status": "Failure",
            "reason": "NonZeroExitCode",
            "message": f"command terminated with exit code {code}",
            "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
        }
    return orjson.dumps(status)


async def forward(socket: web.WebSocketResponse, ports: list[int], dial: Dial) -> None:
    """Carry connections to ports of a pod until who asked has gone."""
    async with _while_asked(socket) as group:
        if socket.ws_protocol == TUNNEL:
            await _tunnel(socket, group.start_soon, dial)
        else:
            await _channels(socket, ports, group.start_soon, dial)


async def _channels(
    socket: web.WebSocketResponse, ports: list[int], start: Callable[..., Any], dial: Dial
) -> None:
    """One connection for each port: channel 2n is its data, 2n + 1 its error."""
    writers: dict[int, asyncio.StreamWriter] = {}

    async def carry(number: int, reader: asyncio.StreamReader) -> None:
        while data := await _read(reader):
            await socket.send_bytes(bytes([number]) + data)
        if len(ports) == 1:  # there is no other way to say that it is at its end
            await socket.close()

    with ExitStack() as opened:
        for index, port in enumerate(ports):
            number, told = 2 * index, struct.pack("<H", port)
            await socket.send_bytes(bytes([number]) + told)
            await socket.send_bytes(bytes([number + 1]) + told)
            try:
                reader, writers[number] = await dial(port)
            except Problem as problem:
                await socket.send_bytes(bytes([number + 1]) + problem.message.encode())
                continue
            opened.enter_context(closing(writers[number]))
            start(carry, number, reader)
        async for message in socket:
            writer = writers.get(message.data[0]) if message.type is WSMsgType.BINARY else None
            if writer is not None and len(message.data) > 1:
                await _write(writer, message.data[1:])


async def _tunnel(socket: web.WebSocketResponse, start: Callable[..., Any], dial: Dial) -> None:
    """SPDY inside: each connection is a pair of streams, one for its error and one for data."""
    waiting: dict[str, spdy.Stream] = {}

    async def opened(stream: spdy.Stream) -> None:
        request = stream.headers.get("requestid", "")
        if stream.headers.get("streamtype") == "error":
            waiting[request] = stream
        else:
            start(_connect, stream, waiting.pop(request, None), dial)

    connection = spdy.Connection(socket.send_bytes, opened)
    try:
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                await connection.feed(message.data)
    finally:
        connection.close()
        for stream in waiting.values():
            stream.close()


async def _connect(data: spdy.Stream, error: spdy.Stream | None, dial: Dial) -> None:
    with closing(data), closing(error) if error is not None else nullcontext():
        try:
            reader, writer = await dial(int(data.headers.get("port", "0")))
        except Problem as problem:
            if error is not None:
                await error.send(problem.message.encode())
                await error.end()
            await data.end()
            return
        with closing(writer):
            async with anyio.create_task_group() as group:

                async def back() -> None:
                    while block := await _read(reader):
                        await data.send(block)
                    await data.end()

                group.start_soon(back)
                async for block in data.received:
                    await _write(writer, block)
                await _write(writer, b"")
        if error is not None:
            await error.end()


async def _read(reader: asyncio.StreamReader) -> bytes:
    """What came from the pod; nothing at its end, and when it breaks off."""
    try:
        return await reader.read(_BLOCK)
    except ConnectionError:
        return b""


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    """To the pod; nothing says that this was all. A pod that broke off says so to who reads it."""
    with suppress(OSError):
        if data:
            writer.write(data)
            await writer.drain()
        elif writer.can_write_eof():
            writer.write_eof()
