"""What templates may ask of others in a dry run: to read and to fetch, and to change nothing."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Never

from lateen import hub
from lateen.api.manifest import Check, Key, Manifest
from lateen.base import clock
from lateen.base.problem import Problem
from lateen.cli import reaching
from lateen.controllers.application import preview, referring
from lateen.cue.engine import Engine
from lateen.definitions import borrowing, templates
from lateen.providers import objects, ports, sending
from lateen.providers.packages import Flavour
from lateen.sources import obtaining
from lateen.sources.obtaining import Sources


@asynccontextmanager
async def sources() -> AsyncIterator[Sources]:
    """Charts and trees, kept from one command to the next. Paths are those of this machine."""
    async with obtaining.sources(cache() / "sources", local=True) as made:
        yield made


def cache() -> Path:
    """Where commands keep what they would have to fetch again."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "lateen"


def of(reach: reaching.Reach | None, namespace: str, fetching: Sources) -> ports.Runtime:
    """For the templates of one application; without a control plane nothing is there to be read."""
    reading = _Reading({}, reach=reach) if reach else None
    return ports.Runtime(
        Flavour.TEMPLATE,
        namespace=namespace,
        objects=reading,
        sources=fetching,
        abilities=reading,
    )


def shelf(client: hub.Client | None, engine: Engine, fetching: Sources) -> templates.Shelf:
    """What is known of definitions, those included whose module is in a repository."""
    secret = client.get if client else None
    return templates.Shelf(engine, modules=borrowing.Modules(fetching, secret))


async def referred(reach: reaching.Reach, stack: AsyncExitStack) -> preview.Referred:
    """Looks up what `ref-objects` refer to, as whoever asks, until `stack` ends."""
    http = await stack.enter_async_context(sending.sender(clock.SystemClock()))
    return referring.Lookup(reach.at, http).objects


@dataclass(frozen=True, kw_only=True)
class _Reading(objects.Direct):
    """Objects as they are, in whichever cluster; what would change them is refused, as in every dry
    run. In a cluster that does not answer nothing is known.
    """

    reach: reaching.Reach

    async def client(self, cluster: str) -> hub.Client:
        """Raises: Problem: as `Reach.at`; `provider.unavailable` for one that does not answer."""
        found = await self._reached(cluster)
        if found is None:
            said = f"cluster {cluster} does not answer: nothing is known of it"
            raise Problem("provider.unavailable", said)
        return found

    async def abilities(self, cluster: str) -> tuple[str, Sequence[str]]:
        """Those of the control plane's own for a cluster that does not answer."""
        return await super().abilities(cluster if await self._reached(cluster) else "")

    async def _reached(self, cluster: str) -> hub.Client | None:
        try:
            return await self.reach.at(cluster)
        except Problem as problem:
            if problem.code not in reaching.AWAY:
                raise
            return None

    async def apply(self, cluster: str, manifest: Manifest, check: Check | None = None) -> Manifest:
        _refuse()

    async def patch(
        self, cluster: str, key: Key, body: Any, *, strategic: bool = False
    ) -> Manifest:
        _refuse()

    async def delete(self, cluster: str, key: Key) -> None:
        _refuse()


def _refuse() -> Never:
    raise Problem("provider.unavailable", "objects cannot be changed in a dry run")
