"""Where HTTPRoutes are reached: at the listeners of their Gateways, which say where. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.manifest import Key, Manifest
from lateen.cli.endpoints import Endpoint
from lateen.providers import endpoints as collecting

_SPOKEN: Final = {"HTTP": "http", "HTTPS": "https"}


@dataclass(frozen=True)
class Passage:
    """A listener that a route hangs from: what is spoken there, and where. `hosts` are the names
    that both listen to, one empty name for all of them.
    """

    scheme: str
    port: int
    hosts: tuple[str, ...]
    addresses: tuple[str, ...]


def is_route(key: Key) -> bool:
    return (key.group, key.kind) == ("gateway.networking.k8s.io", "HTTPRoute")


def gateways(route: Manifest) -> list[Key]:
    """The Gateways that a route hangs from."""
    return list(dict.fromkeys(key for key, _ in collecting.gateways_of(route)))


def resolve(
    routes: Iterable[Manifest], found: Mapping[Key, Manifest], idle: Collection[tuple[str, str]]
) -> list[Endpoint]:
    """Endpoints of HTTPRoutes, by the Gateways that were found. `idle` are namespace and name of
    Services that have no ready pod: what leads to them only is not served.
    """
    every = (each for route in routes for each in _of_route(route, found, idle))
    return list(dict.fromkeys(every))


def unserved(route: Manifest, found: Mapping[Key, Manifest]) -> str:
    """Why nobody serves a route; empty where a Gateway does."""
    wanted = gateways(route)
    if not wanted:
        return "it names no Gateway"
    if not any(key in found for key in wanted):
        return f"there is no {' or '.join(str(key) for key in wanted)}"
    if refusal := _refused(route):
        return refusal
    if not list(_passages(route, found)):
        return "no listener of its Gateway is for its hosts, and speaks HTTP"
    return ""


def _of_route(
    route: Manifest, found: Mapping[Key, Manifest], idle: Collection[tuple[str, str]]
) -> Iterator[Endpoint]:
    if _refused(route):
        return
    component = manifests.labels(route).get(names.APP_COMPONENT, "")
    name = manifests.key(route).name
    for passage in _passages(route, found):
        for host in passage.hosts:
            for path in _paths(route, idle):
                # without an address of its Gateway the host is asked: it may be known
                for address in passage.addresses or ((host,) if host else ()):
                    yield Endpoint(
                        component,
                        name,
                        address,
                        passage.port,
                        scheme=passage.scheme,
                        name=host,
                        path=path,
                    )


def _paths(route: Manifest, idle: Collection[tuple[str, str]]) -> list[str]:
    place = manifests.key(route).namespace
    found: list[str] = []
    for rule in (route.get("spec") or {}).get("rules") or ():
        behind = [_backend(each, place) for each in rule.get("backendRefs") or ()]
        if behind and all(each in idle for each in behind):
            continue
        for match in rule.get("matches") or [{}]:
            path = match.get("path") or {}
            plain = path.get("type", "PathPrefix") != "RegularExpression"
            found.append(str(path.get("value") or "/") if plain else "/")
    return list(dict.fromkeys(found))


def _backend(each: Mapping[str, Any], place: str) -> tuple[str, str]:
    if each.get("kind", "Service") != "Service":
        return "", ""
    return str(each.get("namespace") or place), str(each.get("name") or "")


def _refused(route: Manifest) -> str:
    """What Gateways say to a route that none of them accepts."""
    said = [
        condition
        for parent in (route.get("status") or {}).get("parents") or ()
        for condition in parent.get("conditions") or ()
        if condition.get("type") == "Accepted"
    ]
    if not said or any(each.get("status") != "False" for each in said):
        return ""
    return str(said[0].get("message") or said[0].get("reason") or "its Gateway does not accept it")


def _passages(route: Manifest, found: Mapping[Key, Manifest]) -> Iterator[Passage]:
    spec = route.get("spec") or {}
    wanted = tuple(str(host) for host in spec.get("hostnames") or ())
    ports = [parent.get("port") for parent in _parents(spec)]
    for (key, section), port in zip(collecting.gateways_of(route), ports, strict=True):
        gateway = found.get(key, {})
        for listener in (gateway.get("spec") or {}).get("listeners") or ():
            scheme = _SPOKEN.get(str(listener.get("protocol")))
            named = section in ("", listener.get("name")) and port in (None, listener["port"])
            hosts = _common(wanted, str(listener.get("hostname") or ""))
            if scheme and named and hosts:
                number = collecting.outer(gateway, int(listener["port"]))
                yield Passage(scheme, number, hosts, _addresses(gateway))


def _parents(spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [p for p in spec.get("parentRefs") or () if p.get("kind", "Gateway") == "Gateway"]


def _addresses(gateway: Manifest) -> tuple[str, ...]:
    said = (gateway.get("status") or {}).get("addresses") or ()
    return tuple(str(each["value"]) for each in said if each.get("value"))


def _common(wanted: tuple[str, ...], listened: str) -> tuple[str, ...]:
    """The hosts of a route that a listener has too; names with a `*` are left out, where there are
    others.
    """
    if not wanted:
        return (listened if "*" not in listened else "",)
    if not listened:
        both = wanted
    else:
        both = tuple(
            host if _covers(listened, host) else listened
            for host in wanted
            if _covers(listened, host) or _covers(host, listened)
        )
    return tuple(dict.fromkeys("" if "*" in host else host for host in both))


def _covers(pattern: str, host: str) -> bool:
    return pattern == host or (pattern.startswith("*.") and host.endswith(pattern[1:]))
