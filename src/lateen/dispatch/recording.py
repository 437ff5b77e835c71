"""The inventory is written before the objects are (design, decision 4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import anyio

from lateen.api import tracker
from lateen.api.manifest import Manifest
from lateen.api.tracker import Resource, Tracker
from lateen.api.treatment import Lifetime
from lateen.hub import client, errors

# seconds that a record waits for others to share its write: one cluster may be slow to say what it
# would take, and the others need not wait for it
_TOGETHER = 2.0


class Ledger:
    """The current ResourceTrackers of one application: of its version, and the root one.

    Components of one pass are dispatched side by side, and go out in one write: a record waits for
    those that are being made ready, and those that come while a write is under way share the next.
    """

    def __init__(
        self,
        hub: client.Client,
        current: Tracker,
        root: Tracker,
        observe: Callable[[Manifest], None],
    ) -> None:
        self._hub = hub
        self._observe = observe
        self._waiting: list[Resource] = []
        self._writing = asyncio.Lock()
        self._ready = asyncio.Condition()
        self._preparing = 0
        self.current = current
        self.root = root
        self._claims = {each.identity: each for each in self.resources if each.component}

    @property
    def resources(self) -> tuple[Resource, ...]:
        """Everything that is wanted now, and what stays until the application goes."""
        here = self.current.resources
        known = {each.identity for each in here}
        return (*here, *(each for each in self.root.resources if each.identity not in known))

    def claim(self, resource: Resource) -> Resource:
        """Take an object for a component; returns the entry of the one that had it first."""
        first = self._claims.get(resource.identity)
        if first is not None and first.component != resource.component:
            return first
        self._claims[resource.identity] = resource
        return resource

    def claimed(self, resource: Resource) -> Resource | None:
        """The entry by which an object is taken already, in this run of the workflow."""
        return self._claims.get(resource.identity)

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
        """Return once every one of `resources` stands in the stored trackers."""
        self._waiting += resources
        with anyio.move_on_after(_TOGETHER):
            async with self._ready:
                await self._ready.wait_for(lambda: not self._preparing)
        async with self._writing:
            if not self._waiting:
                return  # another's write took ours along
            gathered, self._waiting = self._waiting, []
            lasting = [each for each in gathered if each.lifetime is not Lifetime.DECLARED]
            passing = [each for each in gathered if each.lifetime is Lifetime.DECLARED]
            try:
                if lasting:
                    self.root = await self._stored(self.root, lasting)
                self.current = await self._stored(self.current, passing)
            except BaseException:
                self._waiting = gathered + self._waiting
                raise

    async def forget(self, resources: Sequence[Resource]) -> None:
        """Take entries out of the stored trackers: those objects are not ours to keep any more."""
        gone = {each.identity for each in resources}
        async with self._writing:
            for name in ("current", "root"):
                book: Tracker = getattr(self, name)
                if any(each.identity in gone for each in book.resources):
                    setattr(self, name, await self._save(tracker.without(book, gone)))

    async def _stored(self, book: Tracker, resources: Sequence[Resource]) -> Tracker:
        """The tracker with `resources` in it, written unless it says so already."""
        wanted = tracker.recording(book, resources)
        stored = "resourceVersion" in book.raw["metadata"]
        if stored and wanted.resources == book.resources:
            return book
        return await self._save(wanted)

    async def _save(self, wanted: Tracker) -> Tracker:
        saved = Tracker(await self._write(wanted))
        self._observe(saved.raw)
        return saved

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
