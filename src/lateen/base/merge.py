"""Merging of plain values: maps merge, everything else replaces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def deep(base: Any, patch: Any) -> Any:
    """`base` with `patch` laid over it; maps merge at every depth, lists and scalars replace."""
    if isinstance(base, Mapping) and isinstance(patch, Mapping):
        merged = dict(base)
        for key, value in patch.items():
            merged[key] = deep(merged[key], value) if key in merged else value
        return merged
    return patch
