"""Addresses at which Services, Ingresses and HTTPRoutes are served. Pure.

Source: inventory 3.1 (query), semantics E8.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from lateen.api import manifest as manifests
from lateen.api.manifest import Key, Manifest

Endpoint = dict[str, Any]

_SPOKEN: Final = {80: "http", 8080: "http", 443: "https", 3306: "mysql", 6379: "redis"}
_GATEWAY_NODE, _WORKER_NODE = "node-role.kubernetes.io/gateway", "node-role.kubernetes.io/worker"
_INGRESS_HOST = "ingress.controller/host"
_INGRESS_PORT = "ingress.controller/http-port"
_INGRESS_TLS_PORT = "ingress.controller/https-port"
_PORTS = "ports-mapping"  # on a Gateway: what leads to its listeners, "8000:80,8443:443"


def of_service(service: Manifest, node: str) -> list[Endpoint]:
    """`node` is an address of a node, where ports of nodes are open."""
    spec, meta = service.get("spec") or {}, manifests.metadata(service)
    kind = spec.get("type", "ClusterIP")
    found: list[Endpoint] = []
    for port in spec.get("ports") or ():
        if kind == "LoadBalancer":
            status = (service.get("status") or {}).get("loadBalancer") or {}
            for ingress in status.get("ingress") or ():
                hosts = filter(None, (ingress.get("hostname"), ingress.get("ip")))
                found += [_at(host, port, port["port"], inner=False) for host in hosts]
        elif kind == "NodePort":
            found.append(_at(node, port, port.get("nodePort", 0), inner=False))
        else:
            host = f"{meta['name']}.{meta.get('namespace', '')}"
            found.append(_at(host, port, port["port"], inner=True))
    return found


def of_ingress(ingress: Manifest) -> list[Endpoint]:
    """One for each path of each rule; the ports are those of the controller."""
    spec = ingress.get("spec") or {}
    return [
        _web(
            rule.get("host") or manifests.annotation(ingress, _INGRESS_HOST), path.get("path"), how
        )
        for rule in spec.get("rules") or ()
        for how in [entrance(ingress, rule.get("host", ""), spec.get("tls") or ())]
        for path in (rule.get("http") or {}).get("paths") or ()
    ]


def gateways_of(route: Manifest) -> list[tuple[Key, str]]:
    """The Gateways a route hangs from, with the name of the listener, empty for the first."""
    place = str(manifests.metadata(route).get("namespace") or "")
    return [
        (
            Key(
                str(parent.get("group", "gateway.networking.k8s.io")),
                "Gateway",
                str(parent.get("namespace") or place),
                str(parent["name"]),
                manifests.key(route).version,
            ),
            str(parent.get("sectionName") or ""),
        )
        for parent in (route.get("spec") or {}).get("parentRefs") or ()
        if parent.get("kind", "Gateway") == "Gateway"
    ]


def of_route(route: Manifest, gateways: Iterable[tuple[Manifest, str]]) -> list[Endpoint]:
    """One for each host and path; the first listener found says how it is reached."""
    spec = route.get("spec") or {}
    how = next((found for each in gateways for found in _listening(*each)), ("http", 80))
    found: dict[tuple[str, str], Endpoint] = {}
    for rule in spec.get("rules") or ():
        for host in spec.get("hostnames") or ():
            for match in rule.get("matches") or [{}]:
                path = match.get("path") or {}
                prefix = path.get("type", "PathPrefix") == "PathPrefix"
                text = str(path.get("value") or "") if prefix else ""
                found.setdefault((host, text), _web(host, text, how))
    return list(found.values())


def address_of(nodes: Iterable[Manifest]) -> str:
    """Where a cluster is reached: gateways before workers, outer addresses before inner."""
    known = list(nodes)
    for label in (_GATEWAY_NODE, _WORKER_NODE):
        marked = [node for node in known if label in manifests.labels(node)]
        if marked:
            known = marked
            break
    addresses = [
        {
            each["type"]: each["address"]
            for each in (node.get("status") or {}).get("addresses") or ()
        }
        for node in known
    ]
    for kind in ("ExternalIP", "InternalIP"):
        for each in addresses:
            if kind in each:
                return str(each[kind])
    return ""


def _at(host: str, port: Mapping[str, Any], number: int, *, inner: bool) -> Endpoint:
    name = {"portName": port["name"]} if port.get("name") else {}
    spoken = str(port.get("appProtocol") or _SPOKEN.get(port["port"], ""))
    return {
        "protocol": port.get("protocol", "TCP"),
        "appProtocol": spoken,
        "host": host,
        "port": number,
        **name,
        **({"inner": True} if inner else {}),
    }


def _web(host: str, path: str | None, how: tuple[str, int]) -> Endpoint:
    scheme, port = how
    shown = {"path": path} if path else {}
    return {"protocol": "TCP", "appProtocol": scheme, "host": host, "port": port, **shown}


def entrance(ingress: Manifest, host: str, tls: Iterable[Mapping[str, Any]]) -> tuple[str, int]:
    """What is spoken to a host of an Ingress, and at which port."""
    secured = any(not each.get("hosts") or host in each["hosts"] for each in tls)
    name, usual = (_INGRESS_TLS_PORT, 443) if secured else (_INGRESS_PORT, 80)
    given = manifests.annotation(ingress, name)
    return "https" if secured else "http", int(given) if given.isdecimal() else usual


def _listening(gateway: Manifest, section: str) -> Iterator[tuple[str, int]]:
    for listener in (gateway.get("spec") or {}).get("listeners") or ():
        if not section or listener.get("name") == section:
            port = int(listener["port"])
            scheme = "https" if listener.get("protocol") == "HTTPS" else "http"
            yield scheme, outer(gateway, port)


def outer(gateway: Manifest, port: int) -> int:
    """The port that leads to the port of a listener from outside."""
    mapping = manifests.annotation(gateway, _PORTS)
    pairs = dict(pair.split(":", 1) for pair in mapping.split(",") if ":" in pair)
    mapped = pairs.get(str(port), "").strip()
    return int(mapped) if mapped.isdecimal() else port
