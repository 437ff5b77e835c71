"""Writes that are a long time on their way."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

PATIENCE = 60.0  # seconds until something is sent


class Late:
    """A write that arrives when it is told to.

    With `heard` its sender can wait for the answer, as one does that lives on; without it the
    sender is about to die, and waits for nothing.
    """

    def __init__(self, verb: str, resource: str, namespace: str, *, heard: bool) -> None:
        self.what = (verb, resource, namespace)
        self.heard = heard
        self._sent = threading.Event()
        self._gate = asyncio.Event()

    async def carry(self, send: Callable[[], Awaitable[Any]]) -> Any:
        """The answer, once it has arrived; it does so whether or not anybody waits for that."""
        self._arrival = asyncio.ensure_future(self._arrive(send))
        self._sent.set()
        return await asyncio.shield(self._arrival)

    async def _arrive(self, send: Callable[[], Awaitable[Any]]) -> Any:
        await self._gate.wait()
        return await send()

    def on_its_way(self) -> None:
        """Wait until it is."""
        assert self._sent.wait(PATIENCE), f"nobody sent {self.what}"

    async def arrive(self) -> Any:
        """Let it arrive; what the API server says to it. Only in the loop it was sent in."""
        self._gate.set()
        return await self._arrival


class Carried:
    """A request under way, in the place of that of the HTTP library."""

    def __init__(self, late: Late, request: Any) -> None:
        self._late, self._request = late, request

    async def __aenter__(self) -> Any:
        return await self._late.carry(self._request.__aenter__)

    async def __aexit__(self, *error: Any) -> None:
        await self._request.__aexit__(*error)
