"""Conditions of a status: one per type, the time moved only when the verdict does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from lateen.base import clock


def put(
    conditions: Sequence[dict[str, Any]],
    kind: str,
    now: datetime,
    *,
    true: bool,
    reason: str,
    message: str = "",
) -> list[dict[str, Any]]:
    """`conditions` with the one of type `kind` set; the others, and the order, stay."""
    fresh: dict[str, Any] = {
        "type": kind,
        "status": "True" if true else "False",
        "reason": reason,
        "lastTransitionTime": clock.stamp(now),
    }
    if message:
        fresh["message"] = message
    result = []
    seen = False
    for old in conditions:
        if old.get("type") != kind:
            result.append(old)
            continue
        seen = True
        if old.get("status") == fresh["status"] and old.get("reason") == reason:
            fresh["lastTransitionTime"] = old.get("lastTransitionTime") or clock.stamp(now)
        result.append(fresh)
    return result if seen else [*result, fresh]


def find(conditions: Sequence[dict[str, Any]], kind: str) -> dict[str, Any] | None:
    return next((c for c in conditions if c.get("type") == kind), None)
