"""Reads what an application has in its clusters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import anyio

from lateen import hub
from lateen.api import manifest as manifests
from lateen.api import names, sharing, tracker
from lateen.api.application import Application
from lateen.api.manifest import Key, Manifest
from lateen.api.tracker import Resource
from lateen.base.clock import Clock
from lateen.base.problem import Problem
from lateen.cli import causes, chains, connecting, endpoints, reaching, trees
from lateen.gc import planning
from lateen.policies import treating
from lateen.workflow import records

# what Kubernetes itself makes of the objects applications consist of
MADE = (
    ("apps", "v1", "ReplicaSet"),
    ("batch", "v1", "Job"),
    ("", "v1", "Pod"),
)
_PROBE = 1.0  # seconds an address has to answer
_GREETING = b"HEAD / HTTP/1.1\r\nHost: %s\r\nUser-Agent: lateen\r\nConnection: close\r\n\r\n"


@dataclass
class Gathered:
    """An application's objects as a tree, and what Kubernetes made in the namespaces they are in,
    for them and for others.
    """

    nodes: list[trees.Node]
    made: list[Manifest] = field(default_factory=list)

    @property
    def pods(self) -> list[Manifest]:
        return [each for each in self.made if each.get("kind") == "Pod"]

    @property
    def endpoints(self) -> list[endpoints.Endpoint]:
        here = [node for node in self.nodes if not node.where]
        services = [node.live for node in here if node.live and node.key.kind == "Service"]
        own = [pod.live for pod in trees.pods(here) if pod.live]
        return endpoints.resolve(services, own, self.pods)


async def application(client: hub.Client, app: Application) -> Gathered:
    """Read every applied object, in every cluster, and what became of it."""
    return await _gather(client, app.status.get("appliedResources") or ())


async def situation(client: hub.Client, app: Application, clock: Clock) -> chains.Situation:
    """Read everything that may explain why an application is as it is."""
    doomed = await _leftovers(client, app)
    gathered = await _gather(client, app.status.get("appliedResources") or ())
    left = await _gather(client, [each.to_map() for each in doomed])
    still = [node for node in left.nodes if node.live is None or _ours(node.live, app)]
    spaces = {app.namespace, *(n.key.namespace for n in (*gathered.nodes, *still))} - {""}
    around = await _surroundings(client, app, sorted(spaces), clock)
    return chains.Situation(app, around, gathered.nodes, [n for n in still if n.live or n.cluster])


async def _leftovers(client: hub.Client, app: Application) -> list[Resource]:
    """What the application is to lose: all it has when it is deleted, else what it no longer
    declares, once what it declares stands.
    """
    if app.deleting:
        return list(planning.plan(await connecting.trackers(client, app), None).doomed)
    status = app.status
    delivered = (status.get("workflow") or {}).get("status") == records.SUCCEEDED
    if not delivered or int(status.get("observedGeneration") or 0) < app.generation:
        return []
    found = await connecting.trackers(client, app)
    revision = str((status.get("latestRevision") or {}).get("name") or "")
    current = tracker.current(found, app, revision, running=True)
    if current is None or treating.read(app).legacy_kept:
        return []
    return list(planning.plan(found, current).doomed)


def _ours(live: Manifest, app: Application) -> bool:
    return manifests.owner(live) == app.owner or sharing.shares(live, app.owner)


async def _surroundings(
    client: hub.Client, app: Application, spaces: Iterable[str], clock: Clock
) -> causes.Surroundings:
    """What is around the objects of some namespaces, as far as one may see it."""
    found: dict[str, list[Manifest]] = {"Event": [], "PersistentVolumeClaim": [], "Node": []}
    hidden: set[str] = set()

    async def read(kind: str, namespace: str = "") -> None:
        try:
            listed, _ = await client.list("", "v1", kind, namespace=namespace)
        except hub.ApiError as error:
            if not error.forbidden:
                raise
            hidden.add(kind)
        else:
            found[kind] += listed

    async with anyio.create_task_group() as group:
        group.start_soon(read, "Node")
        for namespace in spaces:
            group.start_soon(read, "Event", namespace)
            group.start_soon(read, "PersistentVolumeClaim", namespace)
    return causes.Surroundings(
        clock.now(),
        f"lateen logs {app.name} -n {app.namespace}",
        found["Event"],
        found["PersistentVolumeClaim"],
        found["Node"],
        tuple(sorted(hidden)),
    )


async def _gather(client: hub.Client, applied: Iterable[Mapping[str, Any]]) -> Gathered:
    applied = list(applied)
    places = [trees.place_of(entry) for entry in applied]
    found = _Found()
    async with AsyncExitStack() as stack:
        reach = None
        if any(cluster != names.LOCAL for cluster, _ in places):
            reach = await stack.enter_async_context(reaching.every(client))
        async with anyio.create_task_group() as group:
            for cluster in sorted({cluster for cluster, _ in places}):
                keys = [key for at, key in places if at == cluster]
                group.start_soon(_in_cluster, found, client, reach, cluster, keys)
    return Gathered(trees.build(applied, found.live, found.made, found.away), found.made)


@dataclass
class _Found:
    live: dict[trees.Place, Manifest | None] = field(default_factory=dict)
    made: list[Manifest] = field(default_factory=list)
    away: dict[str, str] = field(default_factory=dict)


async def _in_cluster(
    found: _Found,
    client: hub.Client,
    reach: reaching.Reach | None,
    cluster: str,
    keys: Sequence[Key],
) -> None:
    """Read the applied objects of one cluster; one that does not answer says so in their place."""
    there = client

    async def read(key: Key) -> None:
        found.live[cluster, key] = await _get(there, key)

    async def read_made(kind: tuple[str, str, str], namespace: str) -> None:
        made, _ = await there.list(*kind, namespace=namespace)
        found.made.extend(made)

    try:
        if reach is not None:
            there = await reach.at(cluster)
        async with anyio.create_task_group() as group:
            for key in keys:
                group.start_soon(read, key)
            for namespace in sorted({key.namespace for key in keys if key.namespace}):
                for kind in MADE:
                    group.start_soon(read_made, kind, namespace)
    except* (hub.ApiError, Problem) as errors:
        if cluster == names.LOCAL:
            raise
        found.away[cluster] = reaching.away(cluster, errors).message


async def _get(client: hub.Client, key: Key) -> Manifest | None:
    try:
        return await client.get(key)
    except hub.ApiError as error:
        if error.not_found:
            return None
        raise
    except Problem as problem:
        if problem.code == "hub.unknown-kind":  # its CustomResourceDefinition is gone, and it too
            return None
        raise


async def answering(found: Iterable[endpoints.Endpoint]) -> list[tuple[endpoints.Endpoint, str]]:
    """The endpoints that accept connections now, each with its URL: `http://` for one that speaks
    HTTP, `tcp://` for another; UDP is not tried. One known to speak HTTP is not asked: whoever
    reads its log would wonder.
    """
    urls: dict[endpoints.Endpoint, str] = {}

    async def try_out(endpoint: endpoints.Endpoint) -> None:
        with anyio.move_on_after(2 * _PROBE):
            if scheme := await _scheme(endpoint):
                urls[endpoint] = f"{scheme}://{endpoint.address}"

    everything = list(found)
    async with anyio.create_task_group() as group:
        for endpoint in everything:
            if endpoint.protocol == "TCP":
                group.start_soon(try_out, endpoint)
    return [(endpoint, urls[endpoint]) for endpoint in everything if endpoint in urls]


async def _scheme(endpoint: endpoints.Endpoint) -> str:
    try:
        stream = await anyio.connect_tcp(endpoint.host, endpoint.port)
    except OSError:
        return ""
    async with stream:
        if endpoint.scheme:
            return endpoint.scheme
        try:
            with anyio.fail_after(_PROBE):
                await stream.send(_GREETING % endpoint.address.encode())
                answer = await stream.receive(64)
        except (TimeoutError, anyio.EndOfStream, anyio.BrokenResourceError):
            return "tcp"
    return "http" if answer.startswith(b"HTTP/") else "tcp"
