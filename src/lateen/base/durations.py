"""Durations as Go writes them (`1h30m`, `500ms`), which is how OAM and Kubernetes write them."""

from __future__ import annotations

import re

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")


def seconds(text: str) -> float:
    """Seconds in a Go duration.

    Raises:
        ValueError: the text is no Go duration; the message names the units there are.
    """
    body = text.lstrip("+-")
    parts = list(_PART.finditer(body))
    if body == "0":
        return 0.0
    if not parts or "".join(part[0] for part in parts) != body:
        raise ValueError(
            f'"{text}" is not a duration: write 30s, 5m or 1h30m (units ns, us, ms, s, m, h)'
        )
    total = sum(float(part[1]) * _UNITS[part[2]] for part in parts)
    return -total if text.startswith("-") else total


def short(duration: float) -> str:
    """A duration for people, as kubectl prints an age: `45s`, `3m20s`, `5h`, `12d`."""
    whole = int(duration)
    if whole < 120:
        return f"{max(whole, 0)}s"
    minutes, rest = divmod(whole, 60)
    if minutes < 10:
        return f"{minutes}m{rest}s" if rest else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    hours = minutes // 60
    return f"{hours}h" if hours < 48 else f"{hours // 24}d"
