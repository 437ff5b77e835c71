"""The clusters a command may look into: connected to when they are first asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import anyio

from lateen import hub
from lateen.api import names
from lateen.api.manifest import Key, Manifest
from lateen.base import clock
from lateen.base.problem import Problem
from lateen.dispatch import writing
from lateen.hub import clusters, credentials, members
from lateen.hub.connection import Connection

AWAY: Final = clusters.AWAY | {"cluster.credentials", "hub.kubeconfig", "hub.credentials"}
"""Codes of problems with a cluster that cannot be asked now; what else is delivered does not wait
for it.
"""

_TIMEOUT = 10.0  # seconds for one request to a joined cluster


@dataclass
class Reach:
    """The control plane's own cluster and those joined to it."""

    client: hub.Client
    roster: members.Roster
    _stack: AsyncExitStack
    _open: dict[str, hub.Client | Problem] = field(default_factory=dict)
    _locks: dict[str, anyio.Lock] = field(default_factory=lambda: defaultdict(anyio.Lock))

    async def at(self, cluster: str) -> hub.Client:
        """A client of a cluster that answers; of the control plane's own when the name is empty.

        Raises:
            Problem: `cluster.unknown`, `cluster.unreachable`, `cluster.credentials`,
                `hub.kubeconfig`, `hub.credentials`.
        """
        if cluster in ("", names.LOCAL):
            return self.client
        async with self._locks[cluster]:
            if cluster not in self._open:
                self._open[cluster] = await self._connected(cluster)
        found = self._open[cluster]
        if isinstance(found, Problem):
            raise found
        return found

    async def _connected(self, cluster: str) -> hub.Client | Problem:
        """A client, or what keeps it from being had: who asks again is not to wait again."""
        if not self.roster.knows(cluster):
            return clusters.unknown(cluster, self.roster.labels)
        member = self.roster.members[cluster]

        async def access() -> credentials.Access:
            return await clusters.reached(self.client, member)

        try:
            link = Connection(await access(), access, _TIMEOUT)
        except Problem as problem:
            return problem
        await self._stack.enter_async_context(link)
        if fault := await clusters.look(link):
            seen = clock.parse(member.seen) if member.seen else None
            return clusters.unreachable(cluster, fault, seen)
        return hub.Client(link)

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


def away(cluster: str, errors: BaseExceptionGroup[Any]) -> Problem:
    """What it means that requests to a joined cluster, sent side by side, went wrong."""
    first = next(_leaves(errors))
    if isinstance(first, hub.ApiError):
        return clusters.lost(cluster, first) or clusters.unreachable(cluster, first.message)
    return first


def _leaves(errors: BaseExceptionGroup[Any]) -> Iterator[hub.ApiError | Problem]:
    for error in errors.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


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
