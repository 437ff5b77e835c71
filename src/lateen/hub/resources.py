"""Kinds as the API server serves them: from `Deployment` in `apps/v1` to its path.

Learnt by discovery, two requests for everything where the server can (Kubernetes 1.30 and later),
one per group and version where it cannot. A kind that is not known is looked for again, so that
what a new CustomResourceDefinition brings is found.

That there is no such kind is said only by a server that is ready: one that starts answers before
it knows of its own CustomResourceDefinitions. Of an aggregated API whose server does not answer,
nobody knows what it has.
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
from lateen.hub import errors
from lateen.hub.connection import Call, Connection

_AGGREGATED = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
    "application/json"
)
_ANSWER = 5.0  # seconds for a server to say whether it is ready
_FRESH = 2.0  # seconds for which an answer is not asked for again
_NEVER = float("-inf")
_NO_WORD = frozenset({401, 403, 404})  # answers that say nothing of whether a server is ready


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
        self._silent: frozenset[str] = frozenset()  # groups whose servers do not answer
        self._complete: bool | None = None  # whether the server was ready; None: it was not asked
        self._lock = anyio.Lock()
        self._read_at = _NEVER

    async def find(self, group: str, version: str, kind: str) -> Resource:
        """The resource of a kind; version `""` means the one the server prefers.

        Raises:
            Problem: `hub.unknown-kind`, with what may have been meant. `retry` is set, for a
                CustomResourceDefinition may bring it. `hub.unserved` where nobody can tell.
            ApiError: discovery itself failed.
        """
        for complete in (False, True):
            found = self._found.get((group, version, kind))
            if found is not None:
                return found
            await self._refresh(complete=complete)
        found = self._found.get((group, version, kind))
        if found is None:
            raise self._unknown(group, version, kind)
        return found

    async def nearest(self, group: str, version: str, kind: str) -> Resource:
        """As `find`; where a kind is no longer served in a version, in the preferred one."""
        try:
            return await self.find(group, version, kind)
        except Problem as problem:
            if problem.code != "hub.unknown-kind":
                raise
        return await self.find(group, "", kind)

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

    def forget(self) -> None:
        """Believe nothing of what was read: something of it is not served any more."""
        self._found = {}
        self.expire()

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

    async def _refresh(self, *, complete: bool = False) -> None:
        """Read anew what is served, unless that has just been done; if `complete`, from a server
        that is ready.
        """
        async with self._lock:
            fresh = anyio.current_time() - self._read_at < _FRESH
            if fresh and (self._complete is not None or not complete):
                return
            ready = await self._ready() if complete else None
            found: dict[tuple[str, str, str], Resource] = {}
            silent: set[str] = set()
            for root in ("/api", "/apis"):
                for resource in await self._discover(root, silent):
                    found[(resource.group, resource.version, resource.kind)] = resource
                    # the server lists its preferred version first
                    found.setdefault((resource.group, "", resource.kind), resource)
            self._found, self._silent, self._complete = found, frozenset(silent), ready
            self._read_at = anyio.current_time()

    async def _ready(self) -> bool:
        """Whether the server says so; one that does not like the question is taken for ready."""
        try:
            call = Call("GET", "/readyz", "get", "readyz")
            await self._connection.read(call, timeout=_ANSWER, attempts=1)
        except errors.ApiError as error:
            return error.status in _NO_WORD
        return True

    async def _discover(self, root: str, silent: set[str]) -> list[Resource]:
        """What is served under a root; groups of which that is not known are added to `silent`."""
        answer = await self._get(root, _AGGREGATED)
        if answer.get("kind") == "APIGroupDiscoveryList":
            groups = answer.get("items") or ()
            silent.update(_named(group) for group in groups if _stale(group))
            return [resource for group in groups for resource in _group(group)]
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
            try:
                listed = await self._get(path, "application/json", attempts=1)
            except errors.ApiError as error:
                if not error.unavailable:
                    raise
                silent.add(group)  # the others do not suffer for it
                continue
            found += _plain(group, version, listed.get("resources") or ())
        return found

    async def _get(self, path: str, accept: str, *, attempts: int = 0) -> dict[str, Any]:
        call = Call("GET", path, "get", path.split("/")[1], headers=(("Accept", accept),))
        answer: dict[str, Any] = await self._connection.request(call, attempts=attempts)
        return answer

    def _unknown(self, group: str, version: str, kind: str) -> Problem:
        wanted = f"{group}/{version}".strip("/") or "v1"
        if group in self._silent or not self._complete:
            why = (
                f"the server behind the API group {group} does not answer"
                if group in self._silent
                else "the API server is not ready"
            )
            hint = "what is delivered is left as it is until that is known"
            said = f"nobody can tell whether the cluster has the kind {kind} in {wanted}: {why}"
            return Problem("hub.unserved", said, "kind", hint=hint, retry=True)
        elsewhere = sorted({r.api_version for r in self.known if r.kind == kind})
        if elsewhere:
            hint = f"{kind} is served in {', '.join(elsewhere)}"
        else:
            near = suggest.nearest(kind, (r.kind for r in self.known))
            hint = near or "is its CustomResourceDefinition installed?"
        message = f"the cluster has no kind {kind} in {wanted}"
        return Problem("hub.unknown-kind", message, "kind", hint=hint, retry=True)


def _named(group: Mapping[str, Any]) -> str:
    return str((group.get("metadata") or {}).get("name") or "")


def _stale(group: Mapping[str, Any]) -> bool:
    """The server behind some version does not answer: what it has is what it had, or nothing."""
    return any(served.get("freshness") == "Stale" for served in group.get("versions") or ())


def _group(group: Mapping[str, Any]) -> Iterable[Resource]:
    name = _named(group)
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
