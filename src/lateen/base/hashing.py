"""Stable hashes of plain values."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

_SAFE = "bcdfghjklmnpqrstvwxz2456789"  # Kubernetes' alphabet that spells no words


def canonical(value: Any) -> bytes:
    """JSON with sorted keys: equal values give equal bytes."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def digest(value: Any, length: int = 16) -> str:
    """`length` hex digits that change when anything in `value` does."""
    return hashlib.sha256(canonical(value)).hexdigest()[:length]


def fnv32a(data: bytes) -> int:
    """The 32-bit FNV-1a hash, which Kubernetes names pod templates with."""
    state = 0x811C9DC5
    for byte in data:
        state = ((state ^ byte) * 0x01000193) & 0xFFFFFFFF
    return state


def safe_name(value: Any) -> str:
    """A short suffix for a name, equal for equal values (semantics B6, item 2)."""
    return "".join(_SAFE[int(digit) % len(_SAFE)] for digit in str(fnv32a(canonical(value))))
