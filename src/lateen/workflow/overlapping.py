"""Doing several things at the same time, and failing as if they had been done one by one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVarTuple

import anyio

Arguments = TypeVarTuple("Arguments")


async def each(
    work: Callable[[*Arguments], Awaitable[object]],
    items: Iterable[tuple[*Arguments]],
    limit: int | None = None,
) -> None:
    """Run `work` for every item, at most `limit` at a time.

    Raises:
        Exception: the first error itself, not a group; the others are cancelled.
    """
    slots = anyio.CapacityLimiter(limit or 1_000_000)

    async def one(*arguments: *Arguments) -> None:
        async with slots:
            await work(*arguments)

    try:
        async with anyio.create_task_group() as group:
            for item in items:
                group.start_soon(one, *item)
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from errors
