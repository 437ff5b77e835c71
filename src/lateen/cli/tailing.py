"""`logs`: what all containers of an application write, each line marked with its pod."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass
from urllib.parse import quote

import anyio
from rich.text import Text

from lateen import hub
from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.manifest import Manifest
from lateen.base.problem import Problem
from lateen.cli import connecting, gathering, ledgers, printing, reaching, trees
from lateen.cli.ledgers import Ledger

_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "bright_red", "bright_cyan")
_PAUSE = 1.0  # seconds between two looks for new pods
# a log is asked for before its container runs, or after its pod is gone; both pass
NOT_YET = frozenset({400, 404})


@dataclass(frozen=True)
class Order:
    """What the user asked for; `tail` is a number of lines, below 0 for all."""

    name: str
    namespace: str
    follow: bool
    component: str
    container: str
    tail: int
    cluster: str = ""  # empty for all


@dataclass(frozen=True)
class Source:
    """One run of one container; a restart is a new one."""

    namespace: str
    pod: str
    container: str
    restarts: int
    cluster: str = names.LOCAL

    @property
    def path(self) -> str:
        return f"/api/v1/namespaces/{quote(self.namespace)}/pods/{quote(self.pod)}/log"


async def logs(order: Order, kubeconfig: str | None) -> None:
    """Print the logs; with `follow` go on, also with pods that come later, until interrupted.

    Raises:
        Problem: `hub.not-found` when there is no such application, component or container.
    """
    async with connecting.plane(kubeconfig) as client:
        found = await _sources(client, order)
        async with reaching.every(client) as reach:
            if order.follow:
                await _follow(reach, order, found)
            for source in found:
                await _show(reach, source, order)
        if not found:
            printing.stderr().print(f"{order.name} has no container that has written yet.")


async def _follow(reach: reaching.Reach, order: Order, found: list[Source | Ledger]) -> None:
    seen: set[Source | Ledger] = set()
    async with anyio.create_task_group() as group:
        while True:
            for source in found:
                if source not in seen:
                    seen.add(source)
                    group.start_soon(_show, reach, source, order)
            await anyio.sleep(_PAUSE)
            found = await _sources(reach.client, order)


async def _show(reach: reaching.Reach, source: Source | Ledger, order: Order) -> None:
    if isinstance(source, Source):
        await _print(reach, source, order)
        return
    mark = Text(f"{source.name} terraform | ", "blue")
    lines = source.lines(reach.client, follow=order.follow, tail=order.tail)
    async with aclosing(lines) as written:
        async for line in written:
            printing.stdout().print(mark.copy().append(line, "default"))


async def _sources(client: hub.Client, order: Order) -> list[Source | Ledger]:
    app = await connecting.application(client, order.namespace, order.name)
    known = {component.name for component in app.components}
    if order.component and order.component not in known:
        raise Problem(
            "hub.not-found",
            f"{order.name} has no component {order.component}",
            hint=f"components are {', '.join(sorted(known))}",
        )
    gathered = await gathering.application(client, app)
    found = [
        source
        for node in trees.pods(gathered.nodes)
        if node.live
        and order.component in ("", node.component)
        and order.cluster in ("", node.place)
        for source in containers(node.live, node.place)
    ]
    if order.container and found and all(s.container != order.container for s in found):
        raise Problem(
            "hub.not-found",
            f"{order.name} has no container {order.container}",
            hint=f"containers are {', '.join(sorted({s.container for s in found}))}",
        )
    chosen = [source for source in found if order.container in ("", source.container)]
    clouds = () if order.container else ledgers.ledgers(gathered.nodes, order.component)
    return [*clouds, *chosen]


def containers(pod: Manifest, cluster: str = names.LOCAL) -> Iterator[Source]:
    """The containers of a pod that run or have run."""
    status, meta = pod.get("status") or {}, manifests.metadata(pod)
    for each in (
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    ):
        restarts = int(each.get("restartCount") or 0)
        state = each.get("state") or {}
        if restarts or "running" in state or "terminated" in state:
            yield Source(meta["namespace"], meta["name"], each["name"], restarts, cluster)


def marked(source: Source) -> Text:
    """The beginning of a line; a pod's colour stays the same from one call to the next."""
    colour = _COLOURS[zlib.crc32(source.pod.encode()) % len(_COLOURS)]
    place = "" if source.cluster == names.LOCAL else f"{source.cluster} "
    return Text(f"{place}{source.pod} {source.container} | ", colour)


async def _print(reach: reaching.Reach, source: Source, order: Order) -> None:
    query = {"container": source.container}
    if order.follow:
        query["follow"] = "true"
    if order.tail >= 0:
        query["tailLines"] = str(order.tail)
    console = printing.stdout()
    try:
        client = await reach.at(source.cluster)
        async with aclosing(client.stream(source.path, query)) as lines:
            async for line in lines:
                console.print(marked(source).append(line.decode(errors="replace"), "default"))
    except hub.ApiError as error:
        if error.status not in NOT_YET:
            raise
        printing.stderr().print(
            Text(f"{source.pod} {source.container}: no log ({error.message})", "dim")
        )
