"""SPDY/3.1 as far as Kubernetes speaks it: streams of bytes over one connection, no flow control.

`kubectl port-forward` has no other protocol, inside of WebSocket messages or not. The shape of
frames is that of draft-mbelshe-httpbis-spdy-00.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

_VERSION = 3
_SYN_STREAM, _SYN_REPLY, _RST_STREAM, _PING, _GOAWAY = 1, 2, 3, 6, 7
_FIN = 1
_LARGEST = 1 << 16
_BLOCK = 1 << 15

# both sides' header compression begins with these words, each after its length, then the text
_WORDS = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language "
    "accept-ranges age allow authorization cache-control connection content-base content-encoding "
    "content-language content-length content-location content-md5 content-range content-type date "
    "etag expect expires from host if-match if-modified-since if-none-match if-range "
    "if-unmodified-since last-modified location max-forwards pragma proxy-authenticate "
    "proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
    "user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url "
    "public set-cookie keep-alive origin"
)
_TEXT = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request"
    "401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented"
    "503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 "
    "Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,"
    "application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age="
    "gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)


def dictionary() -> bytes:
    words = [word.replace("_", " ").encode() for word in _WORDS.split()]
    return b"".join(struct.pack(">I", len(word)) + word for word in words) + _TEXT.encode()


@dataclass
class Stream:
    """One stream that the other side has opened. What it sends ends with the receive stream."""

    number: int
    headers: Mapping[str, str]
    received: MemoryObjectReceiveStream[bytes]
    _connection: Connection
    feed: MemoryObjectSendStream[bytes]
    ended: bool = field(default=False)

    async def send(self, data: bytes) -> None:
        for start in range(0, len(data), _BLOCK):
            await self._connection.send_data(self.number, data[start : start + _BLOCK])

    async def end(self) -> None:
        """Nothing more will be sent."""
        if not self.ended:
            self.ended = True
            await self._connection.send_data(self.number, b"", _FIN)

    def close(self) -> None:
        """What else may come is of no interest."""
        self._connection.end(self.number)
        self.received.close()


class Connection:
    """The server's side. `write` sends bytes; `opened` is called with each new stream."""

    def __init__(
        self,
        write: Callable[[bytes], Awaitable[None]],
        opened: Callable[[Stream], Awaitable[None]],
    ) -> None:
        self._write = write
        self._opened = opened
        self._buffer = b""
        self._streams: dict[int, Stream] = {}
        words = dictionary()
        self._inflate = zlib.decompressobj(zdict=words)
        self._deflate = zlib.compressobj(zdict=words)
        self._sending = anyio.Lock()

    async def feed(self, data: bytes) -> None:
        """Take in what came.

        Raises:
            ValueError: it is no SPDY.
        """
        self._buffer += data
        while len(self._buffer) >= 8:
            first, second = struct.unpack(">II", self._buffer[:8])
            length, flags = second & 0xFFFFFF, second >> 24
            if len(self._buffer) < 8 + length:
                return
            body, self._buffer = self._buffer[8 : 8 + length], self._buffer[8 + length :]
            if first >> 31:
                await self._control(first, flags, body)
            else:
                self._data(first, flags, body)

    def close(self) -> None:
        for stream in list(self._streams.values()):
            stream.feed.close()
        self._streams.clear()

    async def send_data(self, number: int, data: bytes, flags: int = 0) -> None:
        async with self._sending:
            await self._write(struct.pack(">II", number, flags << 24 | len(data)) + data)

    async def _control(self, first: int, flags: int, body: bytes) -> None:
        version, kind = first >> 16 & 0x7FFF, first & 0xFFFF
        if version != _VERSION:
            raise ValueError(f"SPDY version {version}")
        if kind == _SYN_STREAM:
            await self._open(body, flags)
        elif kind == _RST_STREAM:
            self.end(struct.unpack(">I", body[:4])[0] & 0x7FFFFFFF)
        elif kind == _PING:
            await self._send_control(_PING, body)
        elif kind == _GOAWAY:
            self.close()

    async def _open(self, body: bytes, flags: int) -> None:
        number = struct.unpack(">I", body[:4])[0] & 0x7FFFFFFF
        headers = _headers(self._inflate.decompress(body[10:], _LARGEST))
        feed, received = anyio.create_memory_object_stream[bytes](math.inf)
        stream = self._streams[number] = Stream(number, headers, received, self, feed)
        if flags & _FIN:
            self.end(number)
        block = self._deflate.compress(struct.pack(">I", 0))
        block += self._deflate.flush(zlib.Z_SYNC_FLUSH)
        await self._send_control(_SYN_REPLY, struct.pack(">I", number) + block)
        await self._opened(stream)

    def _data(self, number: int, flags: int, body: bytes) -> None:
        stream = self._streams.get(number)
        if stream is None:
            return  # it was reset
        if body:
            stream.feed.send_nowait(body)
        if flags & _FIN:
            self.end(number)

    def end(self, number: int) -> None:
        """Nothing more will be received from a stream."""
        stream = self._streams.pop(number, None)
        if stream is not None:
            stream.feed.close()

    async def _send_control(self, kind: int, body: bytes) -> None:
        head = struct.pack(">HHI", 0x8000 | _VERSION, kind, len(body))
        async with self._sending:
            await self._write(head + body)


def _headers(block: bytes) -> dict[str, str]:
    try:
        [count] = struct.unpack_from(">I", block)
        at, found = 4, {}
        for _ in range(count):
            name, at = _text(block, at)
            found[name.lower()], at = _text(block, at)
    except struct.error as error:
        raise ValueError("the headers of a SPDY stream break off") from error
    return found


def _text(block: bytes, at: int) -> tuple[str, int]:
    [length] = struct.unpack_from(">I", block, at)
    return block[at + 4 : at + 4 + length].decode(errors="replace"), at + 4 + length
