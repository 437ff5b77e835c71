"""The health check of gRPC (`grpc.health.v1.Health/Check`), as probes ask it: one call on one
connection, spoken by h2, as all of a gRPC library would be much for that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

_STATUS = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
_SERVING = 1
_PATH = "/grpc.health.v1.Health/Check"
_BLOCK = 65536


class Unhealthy(Exception):  # noqa: N818 - no error of ours
    """What was answered, or why nothing was."""


async def check(host: str, port: int, service: str) -> None:
    """Returns when the service says that it serves; empty means the server as a whole.

    Raises:
        Unhealthy: it says something else, or does not speak gRPC.
        OSError: nobody listens.
    """
    reader, writer = await asyncio.open_connection(host, port)
    try:
        status = await _call(reader, writer, f"{host}:{port}", service)
    finally:
        writer.close()
    if status != _SERVING:
        raise Unhealthy(f"the service says {_STATUS.get(status, str(status))}")


async def _call(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, authority: str, service: str
) -> int:
    import h2.config
    import h2.connection
    import h2.events
    import h2.exceptions

    link = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
    link.initiate_connection()
    stream = link.get_next_available_stream_id()
    link.send_headers(
        stream,
        [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", _PATH),
            (":authority", authority),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            ("user-agent", "kube-probe/lateen"),
        ],
    )
    link.send_data(stream, _message(service), end_stream=True)
    body, refusal, ended = b"", "", False
    while not ended:
        writer.write(link.data_to_send())
        await writer.drain()
        data = await reader.read(_BLOCK)
        try:
            events = link.receive_data(data) if data else []
        except h2.exceptions.ProtocolError as error:
            raise Unhealthy(f"it does not speak gRPC: {error}") from error
        for event in events:
            if isinstance(event, h2.events.DataReceived):
                body += event.data
            elif isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived):
                refusal = _refusal(event.headers) or refusal
            ended |= isinstance(
                event,
                h2.events.StreamEnded | h2.events.StreamReset | h2.events.ConnectionTerminated,
            )
        if not data:
            raise Unhealthy("the connection was closed without an answer")
    if refusal:
        raise Unhealthy(refusal)
    return _status(body)


def _message(service: str) -> bytes:
    """A HealthCheckRequest, framed: field 1 is the service, as a text."""
    name = service.encode()
    return _framed(b"\x0a" + _varint(len(name)) + name if name else b"")


def _framed(message: bytes) -> bytes:
    return b"\0" + len(message).to_bytes(4, "big") + message


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _refusal(headers: Iterable[tuple[Any, Any]]) -> str:
    told = {str(name): str(value) for name, value in headers}
    code = told.get("grpc-status", "0")
    if code == "0":
        return ""
    return f"gRPC status {code}: {told.get('grpc-message', '')}".rstrip(": ")


def _status(body: bytes) -> int:
    """Of a HealthCheckResponse, framed: field 1 is the status, a number; none there means 0.

    Raises:
        Unhealthy: it is none.
    """
    message = body[5:]
    if len(body) < 5:
        raise Unhealthy("it answered without a status")
    if not message:
        return 0
    if message[0] != 0x08 or len(message) < 2:
        raise Unhealthy("it answered with something else than a status")
    return message[1]
