"""Addresses at which an application answers.

Pure. A Service that the node of a standalone control plane serves says where it answers on this
machine; one with a load balancer or a port of the machines of its cluster answers there; besides,
each is resolved to the addresses of its ready pods. An Ingress answers where its status says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.manifest import Manifest
from lateen.base import lifting
from lateen.providers import endpoints as collecting

_USUAL: Final = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Endpoint:
    """One address. `service` is empty for a port of a pod that no Service leads to, `scheme` when
    the pod does not say what is spoken there. `name` is the host that an Ingress listens to, which
    need not be known to the machine that asks, and `path` where in it.
    """

    component: str
    service: str
    host: str
    port: int
    protocol: str = "TCP"
    scheme: str = ""
    cluster: str = names.LOCAL
    name: str = ""
    path: str = ""

    @property
    def address(self) -> str:
        return self._at(self.host)

    def url(self, scheme: str) -> str:
        usual = self.port == _USUAL.get(scheme)
        host = self.name or self.host
        # what has a path is for a browser, which leaves the usual port out
        authority = host if usual and self.path and ":" not in host else self._at(host)
        return f"{scheme}://{authority}{self.path}"

    def _at(self, host: str) -> str:
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"


def resolve(
    services: Iterable[Manifest],
    pods: Iterable[Manifest],
    others: Iterable[Manifest],
    machines: Iterable[Manifest] = (),
    ingresses: Iterable[Manifest] = (),
) -> list[Endpoint]:
    """Endpoints of the application's Ingresses and Services in one cluster, then of its pods that
    have none; loopback addresses with the ports that the machine has there.

    `pods` are the application's own; `others` all that its Services may select; `machines` the
    Nodes of the cluster.
    """
    outer = collecting.address_of(machines)
    found: dict[tuple[str, int], Endpoint] = {}
    candidates, known = list(others), list(services)
    entrances = [each for it in ingresses for each in _of_ingress(it, known, candidates)]
    for service in known:
        behind = list(_of_service(service, candidates))
        served = manifests.annotation(service, names.ADDRESS)
        for endpoint in (*_at(service, served, behind), *_outside(service, outer, behind), *behind):
            found.setdefault((endpoint.host, endpoint.port), endpoint)
    for pod in pods:
        for endpoint in _of_pod(pod):
            found.setdefault((endpoint.host, endpoint.port), endpoint)
    least = _lowest(machines)
    placed = (
        replace(each, port=lifting.lift(each.host, each.port, least)) for each in found.values()
    )
    return [*entrances, *placed]


def _lowest(machines: Iterable[Manifest]) -> int:
    """The first port of loopback addresses, as a standalone node tells it."""
    told = (manifests.annotation(machine, names.LOWEST_PORT) for machine in machines)
    return max((int(each) for each in told if each.isdecimal()), default=0)


def _of_ingress(
    ingress: Manifest, services: Iterable[Manifest], pods: Iterable[Manifest]
) -> Iterator[Endpoint]:
    """Where an Ingress is served: what leads to a Service of ours without a ready pod is not."""
    spec = ingress.get("spec") or {}
    empty = {name for _, name in idle(services, pods)}
    component = manifests.labels(ingress).get(names.APP_COMPONENT, "")
    for host, path, service in _rules(spec):
        scheme, port = collecting.entrance(ingress, host, spec.get("tls") or ())
        for place in served(ingress) if service not in empty else ():
            spoken, number = _told(place, scheme, port)
            where = str(place.get("ip") or place.get("hostname") or "")
            name = str(manifests.metadata(ingress).get("name") or "")
            yield Endpoint(component, name, where, number, "TCP", spoken, name=host, path=path)


def idle(services: Iterable[Manifest], pods: Iterable[Manifest]) -> set[tuple[str, str]]:
    """Namespace and name of the Services that have no ready pod, of those that are for pods."""
    candidates = list(pods)
    found = (
        manifests.key(each)
        for each in services
        if (each.get("spec") or {}).get("selector") and not list(_of_service(each, candidates))
    )
    return {(key.namespace, key.name) for key in found}


def served(ingress: Manifest) -> list[Mapping[str, Any]]:
    """The addresses that whoever serves an Ingress has given it."""
    status = (ingress.get("status") or {}).get("loadBalancer") or {}
    return list(status.get("ingress") or ())


def _rules(spec: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Host, path and Service of everything an Ingress leads to."""
    for rule in spec.get("rules") or ():
        for each in (rule.get("http") or {}).get("paths") or ():
            service = (each.get("backend") or {}).get("service") or {}
            path = str(each.get("path") or "/")
            yield str(rule.get("host") or ""), path, str(service.get("name") or "")
    if default := (spec.get("defaultBackend") or {}).get("service"):
        yield "", "/", str(default.get("name") or "")


def _told(place: Mapping[str, Any], scheme: str, port: int) -> tuple[str, int]:
    """What is spoken at which port, by who serves it: plain HTTP first, TLS, where it is, last."""
    ports = [int(each["port"]) for each in place.get("ports") or ()]
    if not ports:
        return scheme, port
    if scheme == "https" and len(ports) == 1 and ports[0] != _USUAL["https"]:
        return "http", ports[0]
    return scheme, ports[-1] if scheme == "https" else ports[0]


def _at(service: Manifest, address: str, behind: Sequence[Endpoint]) -> Iterator[Endpoint]:
    """A Service at its own address, as its pods speak; nothing while it has none."""
    if not address or not behind:
        return
    for port in (service.get("spec") or {}).get("ports") or ():
        first = behind[0]
        protocol = str(port.get("protocol") or "TCP")
        number = int(port["port"])
        yield replace(first, host=address, port=number, protocol=protocol)


def on_machines(made: Manifest) -> bool:
    """Whether a Service or a pod is reached at ports of the machines of its cluster."""
    address = str((made.get("status") or {}).get("podIP") or "")
    return address.startswith("127.") or (made.get("spec") or {}).get("type") == "NodePort"


def _outside(service: Manifest, node: str, behind: Sequence[Endpoint]) -> Iterator[Endpoint]:
    """Where a Service is served outside of its cluster, as its pods speak."""
    if not behind:
        return
    for each in collecting.of_service(service, node):
        if not each.get("inner") and each["host"] and each["port"]:
            protocol = str(each["protocol"])
            yield replace(behind[0], host=each["host"], port=each["port"], protocol=protocol)


def _of_service(service: Manifest, pods: Iterable[Manifest]) -> Iterator[Endpoint]:
    spec, meta = service.get("spec") or {}, manifests.metadata(service)
    selector = spec.get("selector") or {}
    if not selector:
        return
    for port in spec.get("ports") or ():
        for pod in pods:
            same = manifests.metadata(pod).get("namespace") == meta.get("namespace")
            labels = manifests.labels(pod)
            if not (same and ready(pod) and selector.items() <= labels.items()):
                continue
            number = _number(port.get("targetPort", port.get("port")), pod)
            if number:
                yield Endpoint(
                    manifests.labels(service).get(names.APP_COMPONENT, ""),
                    str(meta.get("name") or ""),
                    str(pod["status"]["podIP"]),
                    number,
                    str(port.get("protocol") or "TCP"),
                    _scheme(number, pod),
                )


def _of_pod(pod: Manifest) -> Iterator[Endpoint]:
    if not ready(pod):
        return
    component = manifests.labels(pod).get(names.APP_COMPONENT, "")
    for port in _ports(pod):
        yield Endpoint(
            component,
            "",
            str(pod["status"]["podIP"]),
            int(port["containerPort"]),
            str(port.get("protocol") or "TCP"),
            _scheme(int(port["containerPort"]), pod),
        )


def ready(pod: Manifest) -> bool:
    """Whether a pod has an address and says that it can be asked."""
    status = pod.get("status") or {}
    conditions = status.get("conditions") or ()
    says = any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)
    gone = manifests.metadata(pod).get("deletionTimestamp")
    return bool(says and status.get("podIP") and not gone)


def _number(target: Any, pod: Manifest) -> int:
    """The port a Service means: a number, or the name of a port of the pod; 0 for none."""
    if isinstance(target, int):
        return target
    named = (p for p in _ports(pod) if p.get("name") == target)
    return next((int(port["containerPort"]) for port in named), 0)


def _scheme(port: int, pod: Manifest) -> str:
    """`http` or `https` where a probe of the pod speaks it."""
    for container in (pod.get("spec") or {}).get("containers") or ():
        for probe in ("readinessProbe", "livenessProbe", "startupProbe"):
            asked = (container.get(probe) or {}).get("httpGet") or {}
            if asked and _number(asked.get("port"), pod) == port:
                return str(asked.get("scheme") or "http").lower()
    return ""


def _ports(pod: Manifest) -> Iterator[Mapping[str, Any]]:
    for container in (pod.get("spec") or {}).get("containers") or ():
        yield from container.get("ports") or ()
