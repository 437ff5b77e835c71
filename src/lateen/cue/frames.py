"""Messages on a pipe: four little-endian bytes of length, then JSON."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import orjson

from lateen.base.problem import Problem

_LENGTH = struct.Struct("<I")


def encode(message: dict[str, Any]) -> bytes:
    """One message as a frame.

    Raises:
        Problem: `cue.value` when a value in it has no JSON form (an integer beyond 64 bits, say).
    """
    try:
        body = orjson.dumps(message)
    except TypeError as error:
        reason = str(error) or "unknown reason"
        raise Problem("cue.value", f"a value cannot be written as JSON: {reason}") from error
    return _LENGTH.pack(len(body)) + body


class Decoder:
    """Cuts a stream of bytes back into messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """The messages that `data` completes."""
        self._buffer += data
        at = 0
        while len(self._buffer) - at >= _LENGTH.size:
            (size,) = _LENGTH.unpack_from(self._buffer, at)
            end = at + _LENGTH.size + size
            if len(self._buffer) < end:
                break
            body = bytes(memoryview(self._buffer)[at + _LENGTH.size : end])
            at = end
            yield orjson.loads(body)
        del self._buffer[:at]
