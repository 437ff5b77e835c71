"""The verbs of the Kubernetes API over plain maps. One client is one control plane or cluster."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
from yarl import URL

from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.manifest import Key, Manifest
from lateen.base.problem import Problem
from lateen.hub import connection, errors, resources, watching
from lateen.hub.connection import Call, Connection

Operations = list[Any]  # of a JSON patch

_PAGE = 1000  # objects in one answer of a list
_APPLY = "application/apply-patch+yaml"  # JSON is YAML
_MERGE = "application/merge-patch+json"
_STRATEGIC = "application/strategic-merge-patch+json"
_JSON = "application/json-patch+json"
_PLAIN = "application/json"
# no object has this version, and one that is made is not asked for it: applied, it makes or fails
_NONE_YET = "1"


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a request is made as, when not as ourselves (impersonation)."""

    user: str
    groups: tuple[str, ...] = ()


class Client:
    """Every method raises `ApiError` when the server refuses or cannot be reached, and `Problem`
    `hub.unknown-kind` for a kind the server does not have. Retries are inside (see `connection`).

    `counts` holds how often each (verb, resource) was sent, retries included: verbs get, list,
    watch, create, apply, replace, patch, delete, dry runs apart as `apply?dryRun`; resources are
    plural, a subresource after a slash.
    """

    def __init__(self, link: Connection, *, manager: str = names.FIELD_MANAGER) -> None:
        self.connection = link
        self.resources = resources.Resources(link)
        self._manager = f"fieldManager={quote(manager)}"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the API server."""
        url = URL(self.connection.access.server)
        return str(url.host), int(url.port or 443)

    @property
    def counts(self) -> Counter[tuple[str, str]]:
        return self.connection.counts

    async def get(
        self, key: Key, *, subresource: str = "", identity: Identity | None = None
    ) -> Manifest:
        call = await self._call("GET", "get", key, subresource=subresource, identity=identity)
        return _object(await self._sent(call))

    async def list(
        self,
        group: str,
        version: str,
        kind: str,
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        identity: Identity | None = None,
    ) -> tuple[list[Manifest], str]:
        """All objects, with apiVersion and kind filled in, and the resourceVersion to watch from.

        An empty namespace means all of them. Long lists are read in pages of one moment in time.
        """
        resource = await self.resources.find(group, version, kind)
        query = {"limit": str(_PAGE), **_selection(label_selector, field_selector)}
        items: list[Manifest] = []
        while True:
            path = f"{resource.path(namespace)}?{urlencode(query)}"
            try:
                answer = await self._sent(
                    Call("GET", path, "list", resource.plural, headers=_headers("", identity))
                )
            except errors.ApiError as error:
                if not (error.gone and "continue" in query):
                    raise
                # the moment is compacted away: all over again, in one page
                query = _selection(label_selector, field_selector)
                items = []
                continue
            for item in answer.get("items") or ():
                items.append({"apiVersion": resource.api_version, "kind": resource.kind, **item})
            found = answer.get("metadata") or {}
            if not found.get("continue"):
                return items, str(found.get("resourceVersion") or "")
            query["continue"] = found["continue"]

    async def watch(
        self,
        group: str,
        version: str,
        kind: str,
        *,
        resource_version: str,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        way: watching.Way = watching.watch,
    ) -> AsyncGenerator[watching.Event]:
        """Changes since a resourceVersion, as (`ADDED`|`MODIFIED`|`DELETED`, object), for ever.

        Lost connections are resumed, unless `way` is `watching.unbroken`. Leave it through
        `contextlib.aclosing`.

        Raises:
            ApiError: `gone` when the changes since then are no longer known: list again.
        """
        resource = await self.resources.find(group, version, kind)
        query = _selection(label_selector, field_selector)
        path = resource.path(namespace)
        stream = way(self.connection, resource, path, query, resource_version)
        async with aclosing(stream) as events:
            with self._mistrusting():
                async for event in events:
                    yield event

    async def create(
        self,
        manifest: Mapping[str, Any],
        *,
        dry_run: bool = False,
        identity: Identity | None = None,
    ) -> Manifest:
        """Create an object; `already_exists` when the name is taken."""
        key = manifests.key(manifest)
        call = await self._call(
            "POST",
            "create",
            key,
            query=self._manager,
            body=manifest,
            content=_PLAIN,
            dry_run=dry_run,
            identity=identity,
            repeatable=False,
        )
        return self._changed(await self._sent(call))

    async def submit(self, key: Key, subresource: str, body: Mapping[str, Any]) -> Manifest:
        """Post to a subresource of an object, as a request for a token is; gives the answer."""
        call = await self._call(
            "POST",
            "create",
            key,
            subresource=subresource,
            body=body,
            content=_PLAIN,
            repeatable=False,
        )
        return _object(await self._sent(call))

    async def apply(
        self,
        manifest: Mapping[str, Any],
        *,
        force: bool = False,
        new: bool = False,
        dry_run: bool = False,
        subresource: str = "",
        identity: Identity | None = None,
    ) -> Manifest:
        """Server-side apply as our field manager; returns the object as it now is.

        A resourceVersion or uid in the manifest is a condition. Without `force`, fields that
        another manager owns give a `conflict` whose `owned_fields` name them. A `new` object must
        not be there yet: else it is a `conflict`, and what is there stays as it is.
        """
        metadata = dict(manifests.metadata(manifest))
        metadata.pop("managedFields", None)  # the server refuses it
        if new:
            metadata["resourceVersion"] = _NONE_YET
        manifest = {**manifest, "metadata": metadata}
        call = await self._call(
            "PATCH",
            "apply",
            manifests.key(manifest),
            subresource=subresource,
            query=f"{self._manager}&force={'true' if force else 'false'}",
            body=manifest,
            content=_APPLY,
            dry_run=dry_run,
            identity=identity,
        )
        return self._changed(await self._sent(call))

    async def replace(
        self,
        manifest: Mapping[str, Any],
        *,
        subresource: str = "",
        dry_run: bool = False,
        identity: Identity | None = None,
    ) -> Manifest:
        """PUT the whole object; a resourceVersion in it must be the current one (`conflict`)."""
        call = await self._call(
            "PUT",
            "replace",
            manifests.key(manifest),
            subresource=subresource,
            query=self._manager,
            body=manifest,
            content=_PLAIN,
            dry_run=dry_run,
            identity=identity,
        )
        return self._changed(await self._sent(call))

    async def patch(
        self,
        key: Key,
        body: Mapping[str, Any] | Operations,
        *,
        strategic: bool = False,
        subresource: str = "",
        dry_run: bool = False,
        identity: Identity | None = None,
    ) -> Manifest:
        """A merge patch for a map (or a strategic one), a JSON patch for a list of operations."""
        merge = isinstance(body, Mapping)
        content = _STRATEGIC if strategic else _MERGE if merge else _JSON
        call = await self._call(
            "PATCH",
            "patch",
            key,
            subresource=subresource,
            query=self._manager,
            body=body,
            content=content,
            dry_run=dry_run,
            identity=identity,
            repeatable=merge,  # an `add` to a list adds twice
        )
        return self._changed(await self._sent(call))

    async def delete(
        self,
        key: Key,
        *,
        uid: str = "",
        version: str = "",
        propagation: str = "Background",
        grace: int | None = None,
        dry_run: bool = False,
        identity: Identity | None = None,
    ) -> Manifest | None:
        """Delete an object; with `uid` only that very one, with `version` only as it was then,
        else a `conflict`.

        Returns the object while something (a finalizer, a grace period) still holds it, None when
        it is gone, now or already before. `grace` is in seconds.
        """
        options: dict[str, Any] = {"propagationPolicy": propagation}
        conditions = {"uid": uid, "resourceVersion": version}
        if met := {name: value for name, value in conditions.items() if value}:
            options["preconditions"] = met
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        call = await self._call(
            "DELETE",
            "delete",
            key,
            body=options,
            content=_PLAIN,
            dry_run=dry_run,
            identity=identity,
        )
        try:
            answer = await self._sent(call)
        except errors.ApiError as error:
            if error.not_found:
                return None
            raise
        return None if answer.get("kind") == "Status" else self._changed(answer)

    async def read_text(
        self, path: str, /, *, identity: Identity | None = None, **query: str
    ) -> str:
        """A path that answers with text, such as a pod's log."""
        call = _text_call(path, query, identity)
        return (await self.connection.read(call)).decode(errors="replace")

    async def stream(
        self, path: str, params: Mapping[str, str] | None = None
    ) -> AsyncGenerator[bytes]:
        """Lines of a text as they come, such as a pod's log with `follow`.

        Ends when the server ends it; leave it earlier through `contextlib.aclosing`.
        """
        call = _text_call(path, params or {})
        # a followed log may be silent for as long as the program is
        async with self.connection.open(call, silence=None) as lines:
            async for line in lines:
                yield line

    @asynccontextmanager
    async def talk(
        self, path: str, query: Sequence[tuple[str, str]], protocols: tuple[str, ...]
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A WebSocket to something of a pod: `exec`, `attach`, `portforward`."""
        target = f"{path}?{urlencode(query)}"
        call = Call("GET", target, "connect", path.rsplit("/", 1)[-1])
        async with self.connection.websocket(call, protocols) as socket:
            yield socket

    async def version(self) -> dict[str, Any]:
        """The server's version, `gitVersion` and others."""
        found: dict[str, Any] = await self.connection.request(
            Call("GET", "/version", "get", "version")
        )
        return found

    async def ready(self, timeout: float = 5.0) -> bool:
        """Whether the server says that it is ready to serve."""
        call = Call("GET", "/readyz", "get", "readyz")
        try:
            await self.connection.read(call, timeout=timeout, attempts=1)
        except errors.ApiError as error:
            if error.transient or error.status in {401, 403, 404}:  # as it starts
                return False
            raise
        return True

    async def _call(
        self,
        method: str,
        verb: str,
        key: Key,
        *,
        subresource: str = "",
        query: str = "",
        body: Mapping[str, Any] | Operations | None = None,
        content: str = "",
        dry_run: bool = False,
        identity: Identity | None = None,
        repeatable: bool = True,
    ) -> Call:
        resource = await self.resources.find(key.group, key.version, key.kind)
        if resource.namespaced and not key.namespace:
            raise Problem(
                "hub.namespace-missing",
                f"{key.kind} {key.name} needs a namespace",
                "metadata.namespace",
            )
        # the name of an object to create is in its body only
        name = "" if method == "POST" and not subresource else key.name
        path = resource.path(key.namespace, name, subresource)
        if dry_run:
            query = f"{query}&dryRun=All" if query else "dryRun=All"
            verb += "?dryRun"
        return Call(
            method,
            f"{path}?{query}" if query else path,
            verb,
            f"{resource.plural}/{subresource}" if subresource else resource.plural,
            key,
            None if body is None else connection.encode(body),
            _headers(content, identity),
            repeatable,
        )

    async def _sent(self, call: Call) -> Any:
        with self._mistrusting():
            return await self.connection.request(call)

    @contextmanager
    def _mistrusting(self) -> Iterator[None]:
        """What is not served any more is not to be asked for again: a kind, or a version of it."""
        try:
            yield
        except errors.ApiError as error:
            if error.unserved:
                self.resources.forget()
            raise

    def _changed(self, answer: Any) -> Manifest:
        changed = _object(answer)
        if resources.is_definition(changed):
            self.resources.expire()
        return changed


def _object(answer: Any) -> Manifest:
    if not isinstance(answer, dict):
        raise errors.ApiError(0, "Broken", "the API server's answer is not an object")
    return answer


def _headers(content: str, identity: Identity | None) -> tuple[tuple[str, str], ...]:
    headers = [("Content-Type", content)] if content else []
    if identity is not None:
        headers.append(("Impersonate-User", identity.user))
        headers += [("Impersonate-Group", group) for group in identity.groups]
    return tuple(headers)


def _selection(label_selector: str, field_selector: str) -> dict[str, str]:
    given = {"labelSelector": label_selector, "fieldSelector": field_selector}
    return {name: value for name, value in given.items() if value}


def _text_call(path: str, query: Mapping[str, str], identity: Identity | None = None) -> Call:
    target = f"{path}?{urlencode(query)}" if query else path
    resource = path.rsplit("/", 1)[-1]
    headers = (("Accept", "text/plain, */*"), *_headers("", identity))
    return Call("GET", target, "get", resource, headers=headers)
