"""Running what a command waits for: one event loop, one connection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


def run(work: Callable[[], Awaitable[T]]) -> T:
    """Run `work` to its end; Ctrl-C cancels it."""
    # imported here: `lateen --help` runs nothing
    import anyio

    return anyio.run(work)
