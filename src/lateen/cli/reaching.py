"""The clusters a command may look into: connected to when they are first asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import anyio

from lateen import hub
from lateen.api import names
from lateen.api.manifest import Key, Manifest
from lateen.dispatch import writing
from lateen.hub import clusters, kubeconfig, members
from lateen.hub.connection import Connection

_TIMEOUT = 10.0  # seconds for one request to a joined cluster


@dataclass
class Reach:
    """The control plane's own cluster and those joined to it."""

    client: hub.Client
    roster: members.Roster
    _stack: AsyncExitStack
    _open: dict[str, hub.Client] = field(default_factory=dict)
    _lock: anyio.Lock = field(default_factory=anyio.Lock)

    async def at(self, cluster: str) -> hub.Client:
        """A client of a cluster; of the control plane's own when the name is empty.

        Raises:
            Problem: `cluster.unknown`, `cluster.credentials`, `hub.kubeconfig`.
        """
        if cluster in ("", names.LOCAL):
            return self.client
        async with self._lock:
            if cluster not in self._open:
                if not self.roster.knows(cluster):
                    raise clusters.unknown(cluster, self.roster.labels)
                access = await kubeconfig.of(self.roster.members[cluster].kubeconfig)
                link = await self._stack.enter_async_context(Connection(access, timeout=_TIMEOUT))
                self._open[cluster] = hub.Client(link)
            return self._open[cluster]

    async def fetch(self, cluster: str, key: Key) -> Manifest | None:
        """An object as its cluster has it, None when there is none.

        Raises:
            Problem: `cluster.unreachable`, and as `at`.
        """
        try:
            return await writing.fetch(await self.at(cluster), key)
        except hub.ApiError as error:
            if away := clusters.lost(cluster, error):
                raise away from error
            raise


@asynccontextmanager
async def every(client: hub.Client) -> AsyncIterator[Reach]:
    """The clusters as they are joined now. Costs one request, and one for each that is asked for.

    Who may not read their Secrets sees the control plane's own only.
    """
    async with AsyncExitStack() as stack:
        yield Reach(client, await roster(client), stack)


async def roster(client: hub.Client) -> members.Roster:
    """The joined clusters, none for somebody who may not know them."""
    try:
        found, _ = await client.list(
            "",
            "v1",
            "Secret",
            namespace=names.SYSTEM_NAMESPACE,
            label_selector=names.CLUSTER_CREDENTIAL,
        )
    except hub.ApiError as error:
        if not error.forbidden:
            raise
        found = []
    return members.Roster.of(found, await client.version())
