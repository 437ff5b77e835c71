"""Where the controller delivers to, and where it looks at what is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import anyio

from lateen.api import manifest
from lateen.api.manifest import Manifest
from lateen.controllers import observing
from lateen.controllers.application import deliver
from lateen.dispatch import applying, writing

_LOOKS: Final = 200  # for the watch to tell that an object is gone
_PAUSE: Final = 0.05  # seconds between them


@dataclass
class Fleet:
    """Dispatches into the clusters, and finds there what was dispatched."""

    dispatcher: applying.Dispatcher
    live: observing.Fleet
    treat: applying.Treat

    async def dispatch(self, wanted: Sequence[applying.Desired]) -> list[Manifest]:
        return await self.dispatcher.dispatch(wanted)

    async def find(self, wanted: Manifest) -> Manifest | None:
        key, there = manifest.key(wanted), self.live.at(manifest.cluster(wanted))
        if self.treat(wanted).read_only:
            return await writing.fetch(there.client, key)  # watched is only what has an owner
        return await there.find(key)

    async def remove(self, wanted: Manifest) -> None:
        """See `deliver.Dispatch`. The watch has to have told as well: what it still shows is taken
        for what is there.
        """
        found = await self.find(wanted)
        if found is None:
            return
        await self.dispatcher.remove(found)
        await forgotten(self, found)


class Eyes(Protocol):
    async def find(self, wanted: Manifest) -> Manifest | None: ...


async def forgotten(eyes: Eyes, gone: Manifest) -> None:
    """Return when an object that is gone is no longer shown by the watch."""
    uid = manifest.metadata(gone)["uid"]
    for _ in range(_LOOKS):
        left = await eyes.find(gone)
        if left is None or manifest.metadata(left)["uid"] != uid:
            return
        await anyio.sleep(_PAUSE)


@dataclass
class Shown:
    """Dispatches nothing: shows what is there already."""

    target: deliver.Dispatch

    async def dispatch(self, wanted: Sequence[applying.Desired]) -> list[Manifest]:
        return [await self.find(each.manifest) or each.manifest for each in wanted]

    async def find(self, wanted: Manifest) -> Manifest | None:
        return await self.target.find(wanted)

    async def remove(self, wanted: Manifest) -> None:
        """Nothing is removed either."""
