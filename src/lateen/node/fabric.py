"""Services of the node: their addresses answer, their names are known, their status says where."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from ipaddress import IPv4Address

import anyio

from lateen.api import manifest as manifests
from lateen.api import names as known_names
from lateen.api.manifest import Key, Manifest
from lateen.base import lifting
from lateen.base.problem import Problem
from lateen.hub import ApiError, Client, Informer
from lateen.node import addresses, balancing, claims, junction, metering, services
from lateen.node.balancing import Balancer, Entrance, Target
from lateen.node.naming import Names
from lateen.node.networks import Ground
from lateen.node.services import Backend, Service

_LOG = logging.getLogger(__name__)
_PAUSE = 0.05  # seconds in which changes are gathered
_AGAIN = 30.0  # seconds after which what was taken by others is tried again
_LOOPBACK = "127.0.0.1"

ROLE: Manifest = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "lateen:node"},
    "rules": [
        *claims.RULES,
        *metering.RULES,
        {"apiGroups": [""], "resources": ["services"], "verbs": ["get", "list", "watch", "patch"]},
        {"apiGroups": [""], "resources": ["services/status"], "verbs": ["patch"]},
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},  # certificates
        {
            "apiGroups": ["networking.k8s.io"],
            "resources": ["ingresses"],
            "verbs": ["get", "list", "watch"],
        },
        {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses/status"], "verbs": ["patch"]},
        {
            "apiGroups": ["discovery.k8s.io"],
            "resources": ["endpointslices"],
            "verbs": ["get", "list", "watch"],
        },
    ],
}


def rights(node: str) -> list[Manifest]:
    """What lets the node do all this; whoever composes the control plane creates it."""
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "lateen:node"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "lateen:node",
        },
        "subjects": [
            {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "User",
                "name": f"system:node:{node}",
            }
        ],
    }
    return [ROLE, binding, claims.STORAGE_CLASS, *metering.OBJECTS]


class Fabric:
    """All Services. `run` must be running for their addresses to answer."""

    def __init__(
        self, client: Client, pods: Informer, ground: Ground, plane: str, lowest: int = 0
    ) -> None:
        self._client = client
        self._pods = pods
        self._ground = ground
        self._lowest = lowest  # the first port that we may listen at
        self._services = Informer(client, "", "v1", "Service")
        self._slices = Informer(client, "discovery.k8s.io", "v1", "EndpointSlice")
        self._balancer = Balancer(ground.junctions.open)
        self._names: tuple[str, Callable[[], None]] | None = None  # where they are served
        self._unserved = ""  # where they cannot be
        self._changed = anyio.Event()
        self._subnet = addresses.service_subnet(plane)
        self._server = client.address
        self._chosen: dict[str, str] = {}  # service -> an address of ours, not of its own
        self.services: dict[str, Service] = {}

    def variables(self, namespace: str, api: bool, links: bool, inside: bool) -> dict[str, str]:
        """What a container is told of the Services beside it, where it finds them."""
        known = self.services.values() if inside else map(self._local, self.services.values())
        return services.variables(known, namespace, api=api, links=links)

    def _leading(self, service: Service) -> Service:
        """The API server's Service, which leads to where we reach it: nobody tells of an endpoint
        on loopback.
        """
        backend = Backend(*self._server)
        return replace(service, ports=tuple(replace(p, backends=(backend,)) for p in service.ports))

    def _local(self, service: Service) -> Service:
        """As seen by who is in no network of ours."""
        if self._ground.gateway:
            return service
        if service.key == services.API:
            address, port = self._server
            ports = tuple(replace(each, port=port) for each in service.ports)
            return replace(service, address=address, ports=ports)
        address = self._chosen.get(service.key, service.address)
        ports = tuple(
            replace(each, port=self._lifted(address, each.port)) for each in service.ports
        )
        return replace(service, address=address, ports=ports)

    def _lifted(self, address: str, port: int) -> int:
        """Where the machine finds it."""
        return lifting.lift(address, port, self._lowest)

    async def run(self) -> None:
        """Follow Services until cancelled."""
        try:
            async with anyio.create_task_group() as group:
                for informer in (self._services, self._slices, self._pods):
                    informer.on_change(self._noticed)
                group.start_soon(self._services.run)
                group.start_soon(self._slices.run)
                group.start_soon(self._follow_junctions)
                await self._services.wait_synced()
                await self._slices.wait_synced()
                while True:
                    self._changed = anyio.Event()
                    settled = await self._guarded()
                    with anyio.move_on_after(None if settled else _AGAIN):
                        await self._changed.wait()
                    await anyio.sleep(_PAUSE)
        finally:
            self._balancer.close()
            self._close_names()

    async def _follow_junctions(self) -> None:
        while True:
            await self._ground.junctions.changes()
            self._changed.set()

    async def _serve_names(self) -> bool:
        """For pods, at what leads them to the machine; whether that could be done."""
        gateway, device = self._ground.gateway, ""
        if not gateway and (device := self._ground.junctions.device):
            gateway = junction.GATEWAY
        place = f"{gateway} {device}" if gateway else ""
        if self._names and self._names[0] == place:
            return True
        self._close_names()
        if not gateway:
            return True
        try:
            names = Names(lambda: self.services)
            opened = self._ground.junctions.open
            self._names = place, await names.open(gateway, device=device, opened=opened)
        except OSError as error:
            if self._unserved != place:  # once, not at every attempt
                _LOG.warning("names of Services are not served: %s", error)
            self._unserved = place
            return False
        return True

    def _close_names(self) -> None:
        if self._names:
            self._names[1]()
        self._names = None

    def _noticed(self, old: Manifest | None, new: Manifest | None) -> None:
        self._changed.set()

    async def _guarded(self) -> bool:
        try:
            return await self._arrange()
        except (ApiError, Problem, OSError) as error:
            _LOG.warning("Services: %s", error)
            return False

    async def _arrange(self) -> bool:
        """Bring listening sockets and what is told in line; whether all could be done."""
        found = {}
        for raw in self._services.list():
            service = services.resolve(raw, self._pods.list(), self._slices.list())
            found[service.key] = self._leading(service) if service.key == services.API else service
        self.services = found
        # without networks of ours it is reached where it listens, as its certificate says
        placed = [
            s
            for s in found.values()
            if s.address and (self._ground.gateway or s.key != services.API)
        ]
        named = await self._serve_names()
        await self._ground.hold({service.address for service in placed})
        self._remember(placed)
        refused = await self._balancer.serve(self._entrances(placed))
        taken = {entrance.address for entrance in refused if entrance.device == "lo"}
        moved = [s for s in placed if s.address in taken and s.key not in self._chosen]
        if moved:  # another control plane of this machine is there: this one answers beside it
            for service in moved:
                self._chosen[service.key] = self._free()
            refused = await self._balancer.serve(self._entrances(placed))
        for service in placed:
            await self._tell(service)
        return named and not refused

    def _remember(self, placed: Sequence[Service]) -> None:
        """Addresses of ours: those told before, and new ones where we hold none of theirs."""
        alive = {service.key for service in placed}
        self._chosen = {key: value for key, value in self._chosen.items() if key in alive}
        for service in placed:
            told = self._told(service)
            if told and IPv4Address(told) in self._subnet:
                self._chosen.setdefault(service.key, told)
            elif not self._ground.gateway:
                self._chosen.setdefault(service.key, self._free())

    def _free(self) -> str:
        taken = set(self._chosen.values())
        free = (str(each) for each in self._subnet.hosts() if str(each) not in taken)
        if (address := next(free, None)) is None:
            raise Problem("node.network", "all addresses for Services are taken", retry=True)
        return address

    def _entrances(self, placed: Iterable[Service]) -> dict[Entrance, Target]:
        wanted: dict[Entrance, Target] = {}
        for service in placed:
            for index, port in enumerate(service.ports):
                if port.protocol not in balancing.PROTOCOLS:
                    continue
                target = Target(partial(self._backends, service.key, index), service.affinity)
                own = self._chosen.get(service.key)
                places = [(own, port.port, "") if own else (service.address, port.port, "lo")]
                if self._ground.gateway:
                    places.append((service.address, port.port, self._ground.device))
                if port.node_port:
                    places.append((_LOOPBACK, port.node_port, ""))
                for address, number, device in places:
                    there = self._lifted(address, number)
                    wanted[Entrance(address, there, device, port.protocol)] = target
        if device := self._ground.junctions.device:
            wanted |= dict(self._through(device))
        return wanted

    def _through(self, device: str) -> Iterator[tuple[Entrance, Target]]:
        """Where containers come in that have loopback addresses of their own: for every Service,
        and for every pod with such an address.
        """
        for service in self.services.values():
            own = {service.address, self._chosen.get(service.key)}
            for index, port in enumerate(service.ports):
                if port.protocol not in balancing.PROTOCOLS:
                    continue
                target = Target(partial(self._backends, service.key, index), service.affinity)
                for address in filter(None, own):
                    yield Entrance(address, port.port, device, port.protocol), target
        for protocol, backend in services.listening(self._pods.list(), self.services.values()):
            if protocol in balancing.PROTOCOLS and addresses.of_loopback(backend.address):
                entrance = Entrance(backend.address, backend.port, device, protocol)
                yield entrance, Target(partial(tuple, self._reached([backend])))

    def _backends(self, key: str, index: int) -> Sequence[Backend]:
        service = self.services.get(key)
        ports = service.ports if service else ()
        return self._reached(ports[index].backends) if index < len(ports) else ()

    def behind(self, namespace: str, name: str, port: str) -> Sequence[Backend]:
        """Who answers for a port of a Service, by its number or name."""
        service = self.services.get(f"{namespace}/{name}")
        for each in service.ports if service else ():
            if port in (str(each.port), each.name):
                return self._reached(each.backends)
        return ()

    def _reached(self, backends: Iterable[Backend]) -> Sequence[Backend]:
        """Them, as the machine reaches them."""
        return [replace(each, port=self._lifted(each.address, each.port)) for each in backends]

    def _told(self, service: Service) -> str:
        raw = self._services.get(service.namespace, service.name)
        return manifests.annotation(raw, known_names.ADDRESS) if raw else ""

    async def _tell(self, service: Service) -> None:
        """Where it answers on this machine: an annotation, and of load balancers the status."""
        address = self._chosen.get(service.key) or service.address
        key = Key("", "Service", service.namespace, service.name, "v1")
        try:
            if self._told(service) != address:
                body = {"metadata": {"annotations": {known_names.ADDRESS: address}}}
                self._services.observe(await self._client.patch(key, body))
            raw = self._services.get(service.namespace, service.name) or {}
            ingress = [{"ip": address, "ipMode": "Proxy"}]
            status: Mapping[str, object] = (raw.get("status") or {}).get("loadBalancer") or {}
            if service.kind == "LoadBalancer" and status.get("ingress") != ingress:
                patch = {"status": {"loadBalancer": {"ingress": ingress}}}
                self._services.observe(await self._client.patch(key, patch, subresource="status"))
        except ApiError as error:
            if not (error.not_found or error.conflict):
                raise
