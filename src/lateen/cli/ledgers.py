"""`logs` of what Terraform brings: it runs in no container, its output is kept in a Secret."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator
from dataclasses import dataclass

import anyio

from lateen import hub
from lateen.api import configuration
from lateen.cli import trees
from lateen.controllers.terraform import logbooks

_PAUSE = 1.0  # seconds between two looks


@dataclass(frozen=True)
class Ledger:
    """What Terraform has written for one Configuration."""

    namespace: str
    name: str

    async def lines(
        self, client: hub.Client, *, follow: bool = False, tail: int = -1
    ) -> AsyncGenerator[str]:
        """The last `tail` lines, all below 0; with `follow` then those that come."""
        shown: list[str] = []
        while True:
            found = await self._read(client)
            fresh = _after(shown, found)
            start = 0 if shown or tail < 0 else max(0, len(fresh) - tail)
            for line in fresh[start:]:
                yield line
            shown = found or shown
            if not follow:
                return
            await anyio.sleep(_PAUSE)

    async def _read(self, client: hub.Client) -> list[str]:
        try:
            found = await client.get(logbooks.key(self.namespace, self.name))
        except hub.ApiError as error:
            if error.not_found:
                return []
            raise
        return logbooks.text(found).splitlines()


def ledgers(nodes: Iterable[trees.Node], component: str) -> Iterator[Ledger]:
    """Those of an application, or of one component of it."""
    for node in nodes:
        kind = (node.key.group, node.key.kind) == (configuration.GROUP, configuration.KIND)
        if kind and component in ("", node.component):
            yield Ledger(node.key.namespace, node.key.name)


def _after(shown: list[str], found: list[str]) -> list[str]:
    """What is new; what is oldest may have been let go meanwhile."""
    if not shown:
        return found
    last = shown[-1]
    for at in range(len(found) - 1, -1, -1):
        if found[at] == last:
            return found[at + 1 :]
    return found
