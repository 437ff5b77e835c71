"""Time as an argument: what needs the time is given a clock, so a test can give another."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time for what people read, monotonic seconds for what is measured."""

    def now(self) -> datetime: ...
    def monotonic(self) -> float: ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


def stamp(moment: datetime) -> str:
    """A time as Kubernetes writes it: `2026-11-23T20:00:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse(text: str) -> datetime:
    """Read a Kubernetes time, with or without fractions of a second.

    Raises:
        ValueError: the text is not an RFC 3339 time.
    """
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
