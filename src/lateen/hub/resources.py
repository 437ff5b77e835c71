"""Kinds as the API server serves them: from `Deployment` in `apps/v1` to its path.

Learnt by discovery, two requests for everything where the server can (Kubernetes 1.30 and later),
one per group and version where it cannot. A kind that is not known is looked for again, so that
what a new CustomResourceDefinition brings is found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import anyio

from lateen.api import manifest as manifests
from lateen.base import suggest
from lateen.base.problem import Problem
from lateen.hub.connection import Call, Connection

_AGGREGATED = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
    "application/json"
)
_FRESH = 2.0  # seconds for which an answer is not asked for again
_NEVER = float("-inf")


@dataclass(frozen=True, slots=True)
class Resource:
    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: frozenset[str]
    subresources: frozenset[str] = frozenset()
    aliases: frozenset[str] = frozenset()  # what people may call it: singular, short names

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of one object, or without a name of the collection."""
        root = f"/apis/{self.group}" if self.group else "/api"
        path = f"{root}/{self.version}"
        if self.namespaced and namespace:
            path += f"/namespaces/{quote(namespace)}"
        path += f"/{self.plural}"
        if name:
            path += f"/{quote(name, safe=':')}"
        return f"{path}/{subresource}" if subresource else path


class Resources:
    """What one API server serves, remembered."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._found: dict[tuple[str, str, str], Resource] = {}
        self._lock = anyio.Lock()
        self._read_at = _NEVER

    async def find(self, group: str, version: str, kind: str) -> Resource:
        """The resource of a kind; version `""` means the one the server prefers.

        Raises:
            Problem: `hub.unknown-kind`, with what may have been meant. `retry` is set, for a
                CustomResourceDefinition may bring it.
            ApiError: discovery itself failed.
        """
        found = self._found.get((group, version, kind))
        if found is not None:
            return found
        await self._refresh()
        found = self._found.get((group, version, kind))
        if found is None:
            raise self._unknown(group, version, kind)
        return found

    async def wait(self, group: str, version: str, kind: str, timeout: float = 10.0) -> Resource:
        """As `find`, but gives a CustomResourceDefinition just created time to be served.

        Raises:
            Problem: `hub.unknown-kind` when the kind is not served within `timeout` seconds.
        """
        last = anyio.current_time() + timeout
        while True:
            self.expire()
            try:
                return await self.find(group, version, kind)
            except Problem:
                if anyio.current_time() >= last:
                    raise
            await anyio.sleep(0.1)

    def expire(self) -> None:
        """Ask again before long: a CustomResourceDefinition has been applied."""
        self._read_at = _NEVER

    async def named(self, text: str) -> Resource:
        """What people call `deployment`, `deploy`, `Deployments` or `deployment.apps`, in the
        version the server prefers. Of several groups with that name Kubernetes' own come first.

        Raises:
            Problem: `hub.unknown-kind`.
            ApiError: discovery failed.
        """
        name, _, group = text.lower().partition(".")
        found = self._called(name, group)
        if not found:
            await self._refresh()
            found = self._called(name, group)
        if found:
            return min(found, key=lambda each: ("." in each.group, each.group))
        hint = suggest.nearest(name, (each.kind.lower() for each in self.known))
        raise Problem("hub.unknown-kind", f"the cluster has no kind {text}", hint=hint, retry=True)

    def _called(self, name: str, group: str) -> list[Resource]:
        return [
            each
            for (_, version, _), each in self._found.items()
            if not version
            and name in (each.kind.lower(), each.plural, *each.aliases)
            and (not group or each.group == group)
        ]

    async def served(self) -> list[Resource]:
        """Everything that is served, read if it has not been since it may have changed.

        Raises:
            ApiError: discovery failed.
        """
        if self._read_at == _NEVER:
            await self._refresh()
        return self.known

    @property
    def known(self) -> list[Resource]:
        """All resources as last read, each once for every version it is served in."""
        return [found for (_, version, _), found in self._found.items() if version]

    async def _refresh(self) -> None:
        async with self._lock:
            if anyio.current_time() - self._read_at < _FRESH:
                return
            found: dict[tuple[str, str, str], Resource] = {}
            for root in ("/api", "/apis"):
                for resource in await self._discover(root):
                    found[(resource.group, resource.version, resource.kind)] = resource
                    # the server lists its preferred version first
                    found.setdefault((resource.group, "", resource.kind), resource)
            self._found = found
            self._read_at = anyio.current_time()

    async def _discover(self, root: str) -> list[Resource]:
        answer = await self._get(root, _AGGREGATED)
        if answer.get("kind") == "APIGroupDiscoveryList":
            return [resource for group in answer.get("items") or () for resource in _group(group)]
        if root == "/api":
            versions = [("", version) for version in answer.get("versions") or ()]
        else:
            versions = [
                (group["name"], version["version"])
                for group in answer.get("groups") or ()
                for version in _preferred_first(group)
            ]
        found = []
        for group, version in versions:
            path = f"/apis/{group}/{version}" if group else f"/api/{version}"
            listed = await self._get(path, "application/json")
            found += _plain(group, version, listed.get("resources") or ())
        return found

    async def _get(self, path: str, accept: str) -> dict[str, Any]:
        call = Call("GET", path, "get", path.split("/")[1], headers=(("Accept", accept),))
        answer: dict[str, Any] = await self._connection.request(call)
        return answer

    def _unknown(self, group: str, version: str, kind: str) -> Problem:
        wanted = f"{group}/{version}".strip("/") or "v1"
        elsewhere = sorted({r.api_version for r in self.known if r.kind == kind})
        if elsewhere:
            hint = f"{kind} is served in {', '.join(elsewhere)}"
        else:
            near = suggest.nearest(kind, (r.kind for r in self.known))
            hint = near or "is its CustomResourceDefinition installed?"
        message = f"the cluster has no kind {kind} in {wanted}"
        return Problem("hub.unknown-kind", message, "kind", hint=hint, retry=True)


def _group(group: Mapping[str, Any]) -> Iterable[Resource]:
    name = str((group.get("metadata") or {}).get("name") or "")
    for served in group.get("versions") or ():
        for item in served.get("resources") or ():
            kind = (item.get("responseKind") or {}).get("kind")
            if kind:
                yield Resource(
                    name,
                    served["version"],
                    kind,
                    item["resource"],
                    item.get("scope") == "Namespaced",
                    frozenset(item.get("verbs") or ()),
                    frozenset(sub["subresource"] for sub in item.get("subresources") or ()),
                    _aliases(item.get("singularResource"), item),
                )


def _preferred_first(group: Mapping[str, Any]) -> list[dict[str, str]]:
    preferred = (group.get("preferredVersion") or {}).get("version")
    return sorted(group.get("versions") or (), key=lambda v: v["version"] != preferred)


def _plain(group: str, version: str, items: Iterable[Mapping[str, Any]]) -> list[Resource]:
    """Resources of a plain APIResourceList, where subresources are items of their own."""
    subresources: dict[str, set[str]] = {}
    for item in items:
        plural, _, subresource = item["name"].partition("/")
        if subresource:
            subresources.setdefault(plural, set()).add(subresource)
    return [
        Resource(
            group,
            version,
            item["kind"],
            item["name"],
            bool(item.get("namespaced")),
            frozenset(item.get("verbs") or ()),
            frozenset(subresources.get(item["name"], ())),
            _aliases(item.get("singularName"), item),
        )
        for item in items
        if "/" not in item["name"]
    ]


def _aliases(singular: Any, item: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(filter(None, (singular, *(item.get("shortNames") or ()))))


def is_definition(manifest: Mapping[str, Any]) -> bool:
    """Whether an object changes which kinds there are."""
    return manifests.key(manifest).identity[:2] == (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
    )
