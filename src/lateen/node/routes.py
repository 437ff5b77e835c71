"""Which Service an HTTP request is for, by the Ingresses there are. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lateen.api import manifest as manifests
from lateen.api.manifest import Manifest


@dataclass(frozen=True)
class Route:
    """`host` may begin with `*.`, or be empty for all; `port` is a number or a name."""

    host: str
    path: str
    exact: bool
    namespace: str
    service: str
    port: str

    @property
    def rank(self) -> tuple[bool, bool, int, bool]:
        """Greater is asked first: a whole host, a part of one; then the longest path."""
        wild = self.host.startswith("*.")
        return bool(self.host) and not wild, wild, len(self.path), self.exact

    def fits(self, host: str, path: str) -> bool:
        if self.host.startswith("*."):
            first, _, rest = host.partition(".")
            if not first or rest != self.host[2:]:
                return False
        elif self.host and host != self.host:
            return False
        if self.exact:
            return path == self.path
        prefix = self.path.rstrip("/")
        return path == prefix or path.startswith(f"{prefix}/")


def read(ingresses: Iterable[Manifest]) -> list[Route]:
    """All routes, those to be asked first in front; of equals the older Ingress's."""
    aged = sorted(
        ingresses, key=lambda each: str(manifests.metadata(each).get("creationTimestamp"))
    )
    found = [route for ingress in aged for route in _of(ingress)]
    return sorted(found, key=lambda route: route.rank, reverse=True)


def _created(ingress: Manifest) -> str:
    return str(manifests.metadata(ingress).get("creationTimestamp") or "")


def _of(ingress: Manifest) -> Iterator[Route]:
    spec = ingress.get("spec") or {}
    namespace = str(manifests.metadata(ingress).get("namespace"))
    for rule in spec.get("rules") or ():
        host = str(rule.get("host") or "").lower()
        for path in (rule.get("http") or {}).get("paths") or ():
            exact = path.get("pathType") == "Exact"
            yield from _to(path.get("backend"), host, path.get("path") or "/", exact, namespace)
    yield from _to(spec.get("defaultBackend"), "", "/", False, namespace)


def _to(
    backend: Mapping[str, Any] | None, host: str, path: str, exact: bool, namespace: str
) -> Iterator[Route]:
    service = (backend or {}).get("service") or {}
    port = service.get("port") or {}
    if service:
        number = str(port.get("number") or port.get("name") or "")
        yield Route(host, path, exact, namespace, str(service["name"]), number)


def match(routes: Sequence[Route], host: str, path: str) -> Route | None:
    """The route of a request; `host` as its header says, `path` without a query."""
    bare = host.lower()
    if not bare.startswith("["):
        bare = bare.partition(":")[0]
    return next((route for route in routes if route.fits(bare, path)), None)


def certificates(ingresses: Iterable[Manifest]) -> dict[str, tuple[str, str]]:
    """Host -> (namespace, name) of the Secret with its certificate; host "" for any."""
    found: dict[str, tuple[str, str]] = {}
    for ingress in ingresses:
        namespace = str(manifests.metadata(ingress).get("namespace"))
        for each in (ingress.get("spec") or {}).get("tls") or ():
            if each.get("secretName"):
                for host in each.get("hosts") or [""]:
                    found.setdefault(str(host).lower(), (namespace, str(each["secretName"])))
    return found
