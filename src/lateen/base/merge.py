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


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The merge patch (RFC 7396) that makes `new` of `old`; a key that is gone is null in it."""
    patch: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        if key not in old:
            patch[key] = value
        elif old[key] != value:
            both = isinstance(old[key], Mapping) and isinstance(value, Mapping)
            patch[key] = difference(old[key], value) if both else value
    return patch
