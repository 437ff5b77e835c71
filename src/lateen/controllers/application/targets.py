"""Where the controller delivers to, and where it looks at what is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lateen.api import manifest
from lateen.api.manifest import Manifest
from lateen.controllers import observing
from lateen.controllers.application import deliver
from lateen.dispatch import applying, writing


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


@dataclass
class Shown:
    """Dispatches nothing: shows what is there already."""

    target: deliver.Dispatch

    async def dispatch(self, wanted: Sequence[applying.Desired]) -> list[Manifest]:
        return [await self.find(each.manifest) or each.manifest for each in wanted]

    async def find(self, wanted: Manifest) -> Manifest | None:
        return await self.target.find(wanted)
