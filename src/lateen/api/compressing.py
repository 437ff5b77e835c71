"""What would make an object too large is stored compressed (semantics C3).

Kubernetes takes objects of about a megabyte; manifests compress to a tenth. Small objects stay
readable with kubectl.
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping
from typing import Any

import orjson
import zstandard

LIMIT = 256 * 1024  # bytes as JSON; what is larger is compressed
_MOST = 256 * 1024 * 1024  # bytes; what claims to unpack to more was not written by us


def large(value: Any) -> bool:
    """Whether a value is to be stored compressed."""
    return len(orjson.dumps(value)) > LIMIT


def packed(value: Any) -> dict[str, str]:
    """A `compression` field that holds a JSON value."""
    data = zstandard.ZstdCompressor(level=9).compress(orjson.dumps(value))
    return {"type": "zstd", "data": base64.b64encode(data).decode()}


def unpacked(spec: Mapping[str, Any]) -> Any | None:
    """The value in the `compression` field of a spec; None where nothing is compressed.

    Raises:
        ValueError: the field cannot be read.
    """
    field = spec.get("compression") or {}
    kind = field.get("type") or ""
    if not kind or kind == "uncompressed":
        return None
    data = base64.b64decode(field.get("data") or "")
    if kind == "gzip":
        return orjson.loads(gzip.decompress(data))
    if kind == "zstd":
        try:
            return orjson.loads(zstandard.ZstdDecompressor().decompress(data, _MOST))
        except zstandard.ZstdError as error:
            raise ValueError(f"not zstd: {error}") from error
    raise ValueError(f"{kind} is no compression that is known")
