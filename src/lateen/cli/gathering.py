"""Reads what an application has in its clusters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
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
from lateen.cli import causes, chains, connecting, endpoints, passages, reaching, trees
from lateen.gc import planning
from lateen.hub import members
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
    made: dict[str, list[Manifest]] = field(default_factory=dict)  # by cluster
    machines: dict[str, list[Manifest]] = field(default_factory=dict)  # Nodes, where ports lead
    away: dict[str, str] = field(default_factory=dict)  # clusters that do not answer, and why
    gateways: dict[str, dict[Key, Manifest]] = field(default_factory=dict)  # of the HTTPRoutes

    @property
    def clusters(self) -> list[str]:
        """Where it has anything, in the order of its objects."""
        return list(dict.fromkeys(node.place for node in self.nodes))

    def in_cluster(self, name: str) -> list[trees.Node]:
        return [node for node in self.nodes if node.place == name]

    def _endpoints(self, cluster: str) -> list[endpoints.Endpoint]:
        nodes = self.in_cluster(cluster)
        services = [node.live for node in nodes if node.live and node.key.kind == "Service"]
        own = [_marked(pod.live, pod.component) for pod in trees.pods(nodes) if pod.live]
        every = [each for each in self.made.get(cluster, ()) if each.get("kind") == "Pod"]
        ingresses = [node.live for node in nodes if node.live and node.key.kind == "Ingress"]
        machines = self.machines.get(cluster, ())
        idle = endpoints.idle(services, every)
        routes = [node.live for node in nodes if node.live and passages.is_route(node.key)]
        found = [
            *passages.resolve(routes, self.gateways.get(cluster, {}), idle),
            *endpoints.resolve(services, own, every, machines, ingresses),
        ]
        return [replace(each, cluster=cluster) for each in found]

    @property
    def endpoints(self) -> list[endpoints.Endpoint]:
        """Where it may be reached, cluster by cluster."""
        return [each for cluster in self.clusters for each in self._endpoints(cluster)]


async def application(client: hub.Client, app: Application) -> Gathered:
    """Read every applied object, in every cluster, and what became of it."""
    applied = app.status.get("appliedResources") or ()
    async with _reaching(client, applied) as reach:
        return await _gather(reach, applied)


async def reached(reach: reaching.Reach, app: Application) -> Gathered:
    """The same over connections that are there already."""
    return await _gather(reach, app.status.get("appliedResources") or ())


def _marked(pod: Manifest, component: str) -> Manifest:
    """A pod with whose it is: one of a workload that others made is not labelled so."""
    labels = {names.APP_COMPONENT: component, **manifests.labels(pod)}
    return {**pod, "metadata": {**manifests.metadata(pod), "labels": labels}}


@asynccontextmanager
async def _reaching(
    client: hub.Client, entries: Iterable[Mapping[str, Any]]
) -> AsyncIterator[reaching.Reach]:
    """The clusters of some entries; costs nothing where they are all in the plane's own."""
    if all(trees.place_of(entry)[0] == names.LOCAL for entry in entries):
        async with AsyncExitStack() as stack:
            yield reaching.Reach(client, members.ALONE, stack)
    else:
        async with reaching.every(client) as reach:
            yield reach


async def situation(client: hub.Client, app: Application, clock: Clock) -> chains.Situation:
    """Read everything that may explain why an application is as it is."""
    applied = list(app.status.get("appliedResources") or ())
    doomed = [each.to_map() for each in await _leftovers(client, app)]
    async with _reaching(client, [*applied, *doomed]) as reach:
        gathered = await _gather(reach, applied)
        left = await _gather(reach, doomed)
        still = [node for node in left.nodes if node.live is None or _ours(node.live, app)]
        spaces: dict[str, set[str]] = {names.LOCAL: {app.namespace}}
        for node in (*gathered.nodes, *still):
            if node.live is not None:
                spaces.setdefault(node.place, set()).add(node.key.namespace)
        around: dict[str, causes.Surroundings] = {}

        async def read(cluster: str) -> None:
            there = await reach.at(cluster)
            wanted = sorted(spaces[cluster] - {""})
            around[cluster] = await _surroundings(there, cluster, app, wanted, clock)

        async with anyio.create_task_group() as group:
            for cluster in spaces:
                group.start_soon(read, cluster)
    known = [n for n in still if n.live or n.cluster]
    return chains.Situation(app, around.pop(names.LOCAL), gathered.nodes, known, around)


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
    client: hub.Client, cluster: str, app: Application, spaces: Iterable[str], clock: Clock
) -> causes.Surroundings:
    """What is around the objects of some namespaces, as far as one may see it."""
    found: dict[str, list[Manifest]] = {"Event": [], "PersistentVolumeClaim": [], "Node": []}
    hidden: set[str] = set()

    async def read(kind: str, namespace: str = "") -> None:
        try:
            listed, _ = await client.list("", "v1", kind, namespace=namespace)
        except hub.ApiError as error:
            # a member that has just been asked and goes away now is no reason to tell nothing
            if not error.forbidden and cluster == names.LOCAL:
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


async def _gather(reach: reaching.Reach, applied: Iterable[Mapping[str, Any]]) -> Gathered:
    applied = list(applied)
    places = [trees.place_of(entry) for entry in applied]
    found = _Found()
    async with anyio.create_task_group() as group:
        for cluster in sorted({cluster for cluster, _ in places}):
            keys = [key for at, key in places if at == cluster]
            group.start_soon(_in_cluster, found, reach, cluster, keys)
    made = [each for there in found.made.values() for each in there]
    nodes = trees.build(applied, found.live, made, found.away)
    return Gathered(nodes, found.made, found.machines, found.away, found.gateways)


@dataclass
class _Found:
    live: dict[trees.Place, Manifest | None] = field(default_factory=dict)
    made: dict[str, list[Manifest]] = field(default_factory=lambda: defaultdict(list))
    machines: dict[str, list[Manifest]] = field(default_factory=dict)
    away: dict[str, str] = field(default_factory=dict)
    gateways: dict[str, dict[Key, Manifest]] = field(default_factory=dict)


async def _in_cluster(
    found: _Found,
    reach: reaching.Reach,
    cluster: str,
    keys: Sequence[Key],
) -> None:
    """Read the applied objects of one cluster; one that does not answer says so in their place."""

    async def read(key: Key) -> None:
        found.live[cluster, key] = await _get(there, key)

    async def read_made(kind: tuple[str, str, str], namespace: str) -> None:
        made, _ = await there.list(*kind, namespace=namespace)
        found.made[cluster].extend(made)

    try:
        there = await reach.at(cluster)
        async with anyio.create_task_group() as group:
            for key in keys:
                group.start_soon(read, key)
            for namespace in sorted({key.namespace for key in keys if key.namespace}):
                for kind in MADE:
                    group.start_soon(read_made, kind, namespace)
        services = [found.live[cluster, key] or {} for key in keys if key.kind == "Service"]
        if any(endpoints.on_machines(each) for each in (*services, *found.made[cluster])):
            found.machines[cluster] = await _machines(there)
        routes = [found.live[cluster, key] or {} for key in keys if passages.is_route(key)]
        found.gateways[cluster] = await _gateways(there, routes)
    except* (hub.ApiError, Problem) as errors:
        if cluster == names.LOCAL:
            raise
        found.away[cluster] = reaching.away(cluster, errors).message


async def _machines(client: hub.Client) -> list[Manifest]:
    try:
        return (await client.list("", "v1", "Node"))[0]
    except hub.ApiError as error:
        if not error.forbidden:
            raise
        return []


async def _gateways(client: hub.Client, routes: Iterable[Manifest]) -> dict[Key, Manifest]:
    """The Gateways of some routes, as far as one may see them: they are often somebody else's."""
    found: dict[Key, Manifest] = {}
    for key in {key for route in routes for key in passages.gateways(route)}:
        try:
            live = await _get(client, key)
        except hub.ApiError as error:
            if not error.forbidden:
                raise
        else:
            found |= {key: live} if live else {}
    return found


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
                urls[endpoint] = endpoint.url(scheme)

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
