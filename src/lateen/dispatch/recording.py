"""The inventory is written before the objects are (design, decision 4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from lateen.api import tracker
from lateen.api.manifest import Manifest
from lateen.api.tracker import Resource, Tracker
from lateen.hub import client, errors


class Ledger:
    """The current ResourceTracker of one application.

    Components of one pass are dispatched side by side, and go out in one write: a record waits for
    those that are being made ready, and those that come while a write is under way share the next.
    """

    def __init__(
        self, hub: client.Client, current: Tracker, observe: Callable[[Manifest], None]
    ) -> None:
        self._hub = hub
        self._observe = observe
        self._waiting: list[Resource] = []
        self._writing = asyncio.Lock()
        self._ready = asyncio.Condition()
        self._preparing = 0
        self.current = current

    @asynccontextmanager
    async def preparing(self) -> AsyncIterator[None]:
        """Inside, something is made ready to be recorded, or found unfit to be."""
        self._preparing += 1
        try:
            yield
        finally:
            self._preparing -= 1
            async with self._ready:
                self._ready.notify_all()

    async def record(self, resources: Sequence[Resource]) -> None:
        """Return once every one of `resources` stands in the stored tracker."""
        self._waiting += resources
        async with self._ready:
            await self._ready.wait_for(lambda: not self._preparing)
        async with self._writing:
            if not self._waiting:
                return  # another's write took ours along
            gathered, self._waiting = self._waiting, []
            wanted = tracker.recording(self.current, gathered)
            stored = "resourceVersion" in self.current.raw["metadata"]
            if stored and wanted.raw["spec"] == self.current.raw["spec"]:
                return
            try:
                self.current = Tracker(await self._write(wanted))
            except BaseException:
                self._waiting = gathered + self._waiting
                raise
            self._observe(self.current.raw)

    async def _write(self, wanted: Tracker) -> Manifest:
        if "resourceVersion" in wanted.raw["metadata"]:
            return await self._hub.replace(wanted.raw)
        try:
            return await self._hub.create(wanted.raw)
        except errors.ApiError as error:
            if not error.already_exists:
                raise
        stored = Tracker(await self._hub.get(tracker.key_of(wanted)))
        if not tracker.same(stored, wanted):
            return await self._write(tracker.renamed(wanted))
        # made by a pass that died before we saw it: go on with what it recorded
        return await self._hub.replace(tracker.recording(stored, wanted.resources).raw)
