"""A collection of objects kept in memory and up to date, with a call for every change."""

from __future__ import annotations

import logging
import math
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from contextlib import aclosing
from typing import Any

import anyio

from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.manifest import Manifest
from lateen.base.problem import Problem
from lateen.hub import errors, selectors, watching
from lateen.hub.client import Client

_LOG = logging.getLogger(__name__)

Name = tuple[str, str]  # (namespace, name); the namespace is "" for cluster-wide kinds
Manifests = list[Manifest]  # `list` is a method here
Change = Callable[[Manifest | None, Manifest | None], None]
_TOMBSTONES = 4096  # a reading of one's own writes is younger than this many deletions


def trim(manifest: Manifest) -> Manifest:
    """The object without what is large and nobody here reads: managedFields, last-applied."""
    metadata = {k: v for k, v in manifests.metadata(manifest).items() if k != "managedFields"}
    annotations = metadata.get("annotations")
    if annotations and names.KUBECTL_LAST_APPLIED in annotations:
        metadata["annotations"] = {
            k: v for k, v in annotations.items() if k != names.KUBECTL_LAST_APPLIED
        }
    return {**manifest, "metadata": metadata}


class Informer:
    """Lists and watches one kind. What it returns is shared: do not change it.

    `index` gives the values under which `by_index` finds an object.
    """

    def __init__(
        self,
        client: Client,
        group: str,
        version: str,
        kind: str,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        index: Callable[[Manifest], Iterable[Hashable]] | None = None,
        transform: Callable[[Manifest], Manifest] = trim,
    ) -> None:
        self._client = client
        self._target = (group, version, kind)
        self._namespace = namespace
        self._selection: dict[str, Any] = {
            "label_selector": label_selector,
            "field_selector": field_selector,
        }
        self._selected = selectors.parse(label_selector)
        self._index = index
        self._transform = transform
        self._store: dict[Name, Manifest] = {}
        self._indexed: dict[Hashable, dict[Name, None]] = {}
        self._tombstones: OrderedDict[Name, int] = OrderedDict()
        self._callbacks: list[Change] = []
        self._synced = anyio.Event()
        # what is here is what the server has, but for the last moment
        self._current = anyio.Event()
        self._unheard: set[Name] = set()  # what a write answered, and no watch has told yet
        self._known = 0  # the resourceVersion up to which everything was told
        self._told = ""
        self.error: errors.ApiError | Problem | None = None  # why it is not up to date

    def on_change(self, callback: Change) -> None:
        """Call `callback(old, new)` for every change: old is None when added, new when deleted.

        It runs at once and must not wait; what it raises ends the informer.
        """
        self._callbacks.append(callback)

    @property
    def kind(self) -> str:
        return self._target[2]

    @property
    def synced(self) -> bool:
        return self._synced.is_set()

    @property
    def up(self) -> bool:
        """Everything is listed, and the watch goes on."""
        return self._current.is_set()

    async def wait_up(self) -> None:
        """Wait until it is."""
        await self._current.wait()

    async def wait_synced(self) -> None:
        """Wait until everything there was at the start is in the store."""
        await self._synced.wait()

    def get(self, namespace: str, name: str) -> Manifest | None:
        return self._store.get((namespace, name))

    def list(self, namespace: str = "") -> Manifests:
        """All objects, or those of one namespace."""
        return [found for key, found in self._store.items() if namespace in ("", key[0])]

    def by_index(self, value: Hashable) -> Manifests:
        return [self._store[key] for key in self._indexed.get(value, ())]

    @property
    def count(self) -> int:
        """How many objects there are. It has no length, or an empty one would be taken for none."""
        return len(self._store)

    async def run(self) -> None:
        """List and watch until cancelled, whatever happens to the server."""
        failures = 0
        while True:
            began = math.inf
            try:
                version, position = await self._relist()
                began = anyio.current_time()
                await self._follow(version, position)
            except (errors.ApiError, Problem) as error:
                worked = anyio.current_time() - began > watching.SHORT
                failures = 1 if worked else failures + 1
                self._report(error, worked=worked)
            await self._client.connection.pause(watching.pause(failures))

    def observe(self, manifest: Manifest) -> None:
        """Take in an object just written, so that the next reading sees it.

        Ignored when the store has it newer, when it was deleted since, or when it is none of ours.
        """
        if self._namespace and manifests.metadata(manifest).get("namespace") != self._namespace:
            return
        if not self._selected(manifests.labels(manifest)):
            return
        name = _name(manifest)
        if _revision(manifest) > max(self._tombstones.get(name, -1), self._held(name)):
            self._unheard.add(name)
            self._set(name, self._transform(manifest))

    async def _relist(self) -> tuple[str, str]:
        """List everything; returns in which version, and the resourceVersion to go on from."""
        group, version, kind = self._target
        served = await self._client.resources.nearest(group, version, kind)
        before = dict(self._store)
        found, position = await self._client.list(
            group, served.version, kind, namespace=self._namespace, **self._selection
        )
        moment = int(position)
        if self._went_back(found, moment, before):
            self._client.connection.restored(self.kind)
        self._believe(found, moment, before)
        self._known = moment
        self.error = None
        self._synced.set()
        self._current.set()
        return served.version, position

    def _went_back(self, found: Manifests, moment: int, before: Mapping[Name, Manifest]) -> bool:
        """Whether the server is as it was earlier, restored from a backup: what it says does not
        follow from what it told so far, though all of that was told.
        """
        return moment < self._known or any(
            _revision(each) <= self._known and not self._followed(each, before) for each in found
        )

    def _followed(self, each: Manifest, before: Mapping[Name, Manifest]) -> bool:
        name = _name(each)
        held = before.get(name)
        # k3s answers writes with revisions that objects do not have
        return name in self._unheard or (held is not None and _revision(held) == _revision(each))

    def _believe(self, found: Manifests, moment: int, before: Mapping[Name, Manifest]) -> None:
        """A list is what is, whatever was told earlier: but for what is younger, and was taken in
        while the list was on its way. What becomes of that the watch will tell.
        """
        younger = {
            name
            for name, each in self._store.items()
            if each is not before.get(name) and _revision(each) > moment
        }
        listed = {_name(each): each for each in found}
        for name in [name for name, revision in self._tombstones.items() if revision > moment]:
            del self._tombstones[name]
        for name, each in listed.items():
            if name in younger:
                continue
            self._unheard.discard(name)
            new = self._transform(each)
            if new != self._store.get(name):
                self._set(name, new)
        for name in self._store.keys() - listed.keys() - younger:
            self._bury(name, moment)
            self._drop(name)

    async def _follow(self, version: str, position: str) -> None:
        group, _, kind = self._target
        events = self._client.watch(
            group,
            version,
            kind,
            resource_version=position,
            namespace=self._namespace,
            way=watching.unbroken,
            **self._selection,
        )
        async with aclosing(events):
            async for change, manifest in events:
                self._known = _revision(manifest)
                if change == watching.BOOKMARK:
                    continue
                name = _name(manifest)
                if change == "DELETED":
                    self._remove(name, self._known)
                else:
                    self._put(name, self._transform(manifest))

    def _put(self, name: Name, new: Manifest) -> None:
        revision, held = _revision(new), self._held(name)
        if revision >= held:
            self._unheard.discard(name)
        if revision > held:
            self._set(name, new)

    def _held(self, name: Name) -> int:
        """The revision of what is here under a name, -1 for nothing."""
        old = self._store.get(name)
        return _revision(old) if old is not None else -1

    def _set(self, name: Name, new: Manifest) -> None:
        old = self._store.get(name)
        if old is not None:
            self._unindex(name, old)
        self._store[name] = new
        if self._index is not None:
            for value in self._index(new):
                self._indexed.setdefault(value, {})[name] = None
        self._tell(old, new)

    def _remove(self, name: Name, revision: int) -> None:
        self._bury(name, revision)
        if name in self._store and self._held(name) <= revision:  # else made anew, and observed
            self._drop(name)

    def _bury(self, name: Name, revision: int) -> None:
        self._tombstones[name] = revision
        self._tombstones.move_to_end(name)
        if len(self._tombstones) > _TOMBSTONES:
            self._tombstones.popitem(last=False)

    def _drop(self, name: Name) -> None:
        old = self._store.pop(name)
        self._unheard.discard(name)
        self._unindex(name, old)
        self._tell(old, None)

    def _unindex(self, name: Name, old: Manifest) -> None:
        if self._index is None:
            return
        for value in self._index(old):
            names_here = self._indexed.get(value)
            if names_here is not None:
                names_here.pop(name, None)
                if not names_here:
                    del self._indexed[value]

    def _tell(self, old: Manifest | None, new: Manifest | None) -> None:
        for callback in self._callbacks:
            callback(old, new)

    def _report(self, error: errors.ApiError | Problem, *, worked: bool) -> None:
        """Say once, not at every attempt, what lasts; that a watch that `worked` was lost, or what
        may pass, is no news.
        """
        self.error = error
        if self._current.is_set():
            self._current = anyio.Event()
        passing = isinstance(error, errors.ApiError) and error.transient and self.synced
        if worked or passing:
            _LOG.debug("%s is listed anew after: %s", self.kind, error)
        elif str(error) != self._told:
            _LOG.warning("%s is not up to date: %s", self.kind, error)
        self._told = "" if worked else str(error)


def _name(manifest: Manifest) -> Name:
    metadata = manifest["metadata"]
    return metadata.get("namespace") or "", metadata["name"]


def _revision(manifest: Manifest) -> int:
    """Comparable within one server, which Kubernetes promises since 1.35 and always kept."""
    return int(manifest["metadata"]["resourceVersion"])
