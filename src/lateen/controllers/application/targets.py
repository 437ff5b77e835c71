"""Where the controller delivers to, and where it looks at what is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lateen.api import manifest
from lateen.api.manifest import Manifest
from lateen.controllers import observing
from lateen.controllers.application import deliver
from lateen.dispatch import applying, writing
from lateen.hub import client


@dataclass
class Cluster:
    """Dispatches into the cluster, and finds there what was dispatched."""

    dispatcher: applying.Dispatcher
    live: observing.Owned
    hub: client.Client
    treat: applying.Treat

    async def dispatch(self, wanted: Sequence[applying.Desired]) -> list[Manifest]:
        return await self.dispatcher.dispatch(wanted)

    async def find(self, wanted: Manifest) -> Manifest | None:
        key = manifest.key(wanted)
        if self.treat(wanted).read_only:
            return await writing.fetch(self.hub, key)  # watched is only what has an owner
        return await self.live.find(key)


@dataclass
class Shown:
    """Dispatches nothing: shows what is there already."""

    target: deliver.Dispatch

    async def dispatch(self, wanted: Sequence[applying.Desired]) -> list[Manifest]:
        return [await self.find(each.manifest) or each.manifest for each in wanted]

    async def find(self, wanted: Manifest) -> Manifest | None:
        return await self.target.find(wanted)
