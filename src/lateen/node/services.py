"""What Services mean on this node: names, addresses, and the pods behind them. Pure.

All pods of a standalone control plane are on its one node, so that a Service is resolved from its
selector; one without a selector from its EndpointSlices.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lateen.api import manifest as manifests
from lateen.api.manifest import Manifest

DOMAIN = "cluster.local"
API = "default/kubernetes"  # the API server, which pods of all namespaces are told of
_AFFINITY = 10800  # seconds, as everywhere in Kubernetes
_SLICE_OF = "kubernetes.io/service-name"


@dataclass(frozen=True, order=True)
class Backend:
    """Somebody who answers for a port of a Service."""

    address: str
    port: int
    name: str = ""  # the pod's host name, where it is known by it


@dataclass(frozen=True)
class Port:
    """A port of a Service. `node_port` is 0 for none."""

    name: str
    port: int
    protocol: str
    node_port: int
    backends: tuple[Backend, ...]


@dataclass(frozen=True)
class Service:
    """A Service that pods are behind. `address` is empty for a headless one."""

    namespace: str
    name: str
    kind: str
    address: str
    ports: tuple[Port, ...]
    external: str = ""  # the name an ExternalName stands for
    affinity: float = 0.0  # for how many seconds a client stays with whom it was given to

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"


def resolve(service: Manifest, pods: Iterable[Manifest], slices: Iterable[Manifest]) -> Service:
    """A Service with those who answer for it now."""
    spec, meta = service.get("spec") or {}, manifests.metadata(service)
    address = str(spec.get("clusterIP") or "")
    behind = list(_behind(service, pods, slices))
    ports = tuple(
        Port(
            str(port.get("name") or ""),
            int(port["port"]),
            str(port.get("protocol") or "TCP"),
            int(port.get("nodePort") or 0),
            tuple(sorted({found for each in behind for found in _backends(each, port)})),
        )
        for port in spec.get("ports") or ()
    )
    return Service(
        str(meta.get("namespace")),
        str(meta.get("name")),
        str(spec.get("type") or "ClusterIP"),
        "" if address == "None" else address,
        ports,
        str(spec.get("externalName") or ""),
        _affinity(spec),
    )


def _affinity(spec: Mapping[str, Any]) -> float:
    if spec.get("sessionAffinity") != "ClientIP":
        return 0.0
    chosen = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
    return float(chosen.get("timeoutSeconds") or _AFFINITY)


def _behind(
    service: Manifest, pods: Iterable[Manifest], slices: Iterable[Manifest]
) -> Iterator[Manifest]:
    spec, meta = service.get("spec") or {}, manifests.metadata(service)
    selector = spec.get("selector") or {}
    if selector:
        early = bool(spec.get("publishNotReadyAddresses"))
        for pod in pods:
            same = manifests.metadata(pod).get("namespace") == meta.get("namespace")
            if same and selector.items() <= manifests.labels(pod).items() and _answers(pod, early):
                yield pod
        return
    for each in slices:
        same = manifests.metadata(each).get("namespace") == meta.get("namespace")
        if same and manifests.labels(each).get(_SLICE_OF) == meta.get("name"):
            yield each


def _answers(pod: Manifest, early: bool) -> bool:
    status = pod.get("status") or {}
    if not status.get("podIP") or status.get("phase") in ("Succeeded", "Failed"):
        return False
    conditions = status.get("conditions") or ()
    ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)
    return early or (ready and not manifests.metadata(pod).get("deletionTimestamp"))


def _backends(behind: Manifest, port: Mapping[str, Any]) -> Iterator[Backend]:
    if behind.get("kind") == "EndpointSlice":
        yield from _of_slice(behind, port)
        return
    target = port.get("targetPort", port["port"])
    number = target if isinstance(target, int) else _named(behind, str(target))
    if number:
        spec = behind.get("spec") or {}
        name = str(spec.get("hostname") or "") if spec.get("subdomain") else ""
        yield Backend(str(behind["status"]["podIP"]), number, name)


def _of_slice(behind: Manifest, port: Mapping[str, Any]) -> Iterator[Backend]:
    numbers = {str(p.get("name") or ""): int(p.get("port") or 0) for p in behind.get("ports") or ()}
    number = numbers.get(str(port.get("name") or ""), 0)
    for endpoint in behind.get("endpoints") or ():
        if (endpoint.get("conditions") or {}).get("ready") is not False and number:
            for address in endpoint.get("addresses") or ():
                yield Backend(str(address), number)


def _named(pod: Manifest, name: str) -> int:
    if name.isdecimal():
        return int(name)
    for container in (pod.get("spec") or {}).get("containers") or ():
        for port in container.get("ports") or ():
            if port.get("name") == name:
                return int(port["containerPort"])
    return 0


def listening(pods: Iterable[Manifest], services: Iterable[Service]) -> set[tuple[str, Backend]]:
    """(protocol, who) of all that are known to listen: as pods declare, and behind Services."""
    found = {
        (port.protocol, Backend(each.address, each.port))
        for service in services
        for port in service.ports
        for each in port.backends
    }
    for pod in pods:
        spec, address = pod.get("spec") or {}, (pod.get("status") or {}).get("podIP")
        for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
            for port in container.get("ports") or () if address else ():
                protocol = str(port.get("protocol") or "TCP")
                found.add((protocol, Backend(str(address), int(port["containerPort"]))))
    return found


def variables(
    services: Iterable[Service], namespace: str, *, api: bool, links: bool
) -> dict[str, str]:
    """What Kubernetes tells a container: of the `api` server, and of the Services beside it."""
    found = {}
    for service in services:
        told = api if service.key == API else links and service.namespace == namespace
        if not told or not service.address or not service.ports:
            continue
        stem = re.sub(r"[^A-Z0-9]", "_", service.name.upper())
        found[f"{stem}_SERVICE_HOST"] = service.address
        found[f"{stem}_SERVICE_PORT"] = str(service.ports[0].port)
        for port in service.ports:
            if port.name:
                suffix = re.sub(r"[^A-Z0-9]", "_", port.name.upper())
                found[f"{stem}_SERVICE_PORT_{suffix}"] = str(port.port)
    return found


@dataclass(frozen=True)
class Answer:
    """To a question for a name: addresses, or the name it stands for."""

    addresses: tuple[str, ...] = ()
    alias: str = ""
    targets: tuple[tuple[str, int], ...] = ()  # of an SRV question: (name, port)


def lookup(question: str, services: Mapping[str, Service]) -> Answer | None:
    """The answer for a name of the cluster, None when there is no such name.

    `services` are by namespace and name, `default/web`.
    """
    labels = question.lower().rstrip(".").removesuffix(f".svc.{DOMAIN}").split(".")
    if not question.lower().rstrip(".").endswith(f".svc.{DOMAIN}") or len(labels) < 2:
        return None
    *parts, name, namespace = labels
    service = services.get(f"{namespace}/{name}")
    if service is None:
        return None
    if service.external:
        return Answer(alias=service.external) if not parts else None
    if len(parts) == 2 and all(part.startswith("_") for part in parts):
        return _ports(service, parts[0][1:], parts[1][1:])
    backends = sorted({b for port in service.ports for b in port.backends})
    if len(parts) == 1:  # a pod by its host name
        found = tuple(dict.fromkeys(b.address for b in backends if b.name == parts[0]))
        return Answer(found) if found else None
    if parts:
        return None
    own = (service.address,) if service.address else ()
    return Answer(own or tuple(dict.fromkeys(b.address for b in backends)))


def _ports(service: Service, name: str, protocol: str) -> Answer | None:
    suffix = f"{service.name}.{service.namespace}.svc.{DOMAIN}"
    for port in service.ports:
        if port.name == name and port.protocol.lower() == protocol:
            if service.address:
                return Answer(targets=((suffix, port.port),))
            named = tuple((f"{b.name}.{suffix}", b.port) for b in port.backends if b.name)
            return Answer(targets=named)
    return None
