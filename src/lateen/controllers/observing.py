"""Watches of everything applications own, started kind by kind as kinds are first used."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Protocol

import anyio
from anyio.abc import TaskGroup

from lateen.api import manifest, names, sharing
from lateen.api.manifest import Key, Manifest
from lateen.api.tracker import Resource
from lateen.base.problem import Problem
from lateen.hub import client, clusters, informer

_PATIENCE = 15.0  # seconds for the first list of a kind


class Owned:
    """The live objects that carry an application's label, in one cluster.

    `changed(namespace, name)` is called whenever one of them changes, with the application that
    owns it and those that share it.
    """

    def __init__(
        self, hub: client.Client, tasks: TaskGroup, changed: Callable[[str, str], None]
    ) -> None:
        self.client = hub
        self._tasks = tasks
        self._changed = changed
        self._informers: dict[tuple[str, str], informer.Informer] = {}

    @property
    def watches(self) -> list[informer.Informer]:
        """One for each kind that is owned so far."""
        return list(self._informers.values())

    async def find(self, key: Key) -> Manifest | None:
        """The object as last seen, in whichever version; None also where the cluster has no such
        kind.

        Waits for the first list of a kind.

        Raises:
            Problem: `hub.unserved` where nobody can tell whether it has, `hub.unwatched`.
        """
        try:
            resource = await self.client.resources.nearest(key.group, key.version, key.kind)
        except Problem as problem:
            if problem.code == "hub.unknown-kind":
                return None  # its definition may be on its way, or is gone with all its objects
            raise
        watched = await self._informer(key)
        return watched.get(key.namespace if resource.namespaced else "", key.name)

    def observe(self, found: Manifest) -> None:
        """Take in what a write answered, before the watch brings it."""
        watched = self._informers.get((manifest.key(found).group, manifest.key(found).kind))
        if watched is not None:
            watched.observe(found)

    def owned_by(self, owner: tuple[str, str]) -> list[Manifest]:
        """Every live object an application owns or shares, as far as its kinds are watched yet."""
        return [found for watched in self._informers.values() for found in watched.by_index(owner)]

    async def _informer(self, key: Key) -> informer.Informer:
        found = self._informers.get((key.group, key.kind))
        if found is None:
            found = informer.Informer(
                self.client,
                key.group,
                key.version,
                key.kind,
                label_selector=names.APP_NAME,
                index=sharing.concerned,
                transform=_trim,
            )
            found.on_change(self._tell)
            self._informers[key.group, key.kind] = found
            self._tasks.start_soon(found.run, name=f"watch {key.kind}")
        with anyio.move_on_after(_PATIENCE):
            await found.wait_synced()
            return found
        why = found.error or "the API server does not answer"
        raise Problem("hub.unwatched", f"{key.kind} objects cannot be watched: {why}", retry=True)

    def _tell(self, old: Manifest | None, new: Manifest | None) -> None:
        sides = [side for side in (old, new) if side]
        for each in dict.fromkeys(each for side in sides for each in sharing.concerned(side)):
            self._changed(*each)


class Sites(Protocol):
    """The clusters, and the live objects in each."""

    def at(self, cluster: str) -> Owned:
        """Raises: Problem: `cluster.unknown`, `cluster.unreachable`."""
        ...

    def knows(self, cluster: str) -> bool:
        """Whether there is such a cluster, up or down."""
        ...


class Fleet:
    """The live objects of applications in every cluster.

    `changed(namespace, name)` is called with the owning application whenever one of them changes.
    """

    def __init__(self, known: clusters.Clusters, changed: Callable[[str, str], None]) -> None:
        self._clusters = known
        self._changed = changed
        self._owned: dict[str, Owned] = {}

    def at(self, cluster: str) -> Owned:
        """Those in one cluster.

        Raises:
            Problem: `cluster.unknown`, `cluster.unreachable`.
        """
        there = self._clusters.at(cluster)
        found = self._owned.get(there.name)
        if found is None or found.client is not there.client:  # it was joined anew
            found = self._owned[there.name] = Owned(there.client, there.tasks, self._changed)
        return found

    async def watch(self, resources: Iterable[Resource]) -> None:
        """Have the kinds of these objects watched where they are, as far as that can be reached."""
        kinds = {(each.cluster, each.key.group, each.kind): each for each in resources}
        for each in kinds.values():
            try:
                await self.at(each.cluster).find(each.key)
            except Problem as problem:
                if problem.code not in clusters.AWAY:
                    raise

    @property
    def watches(self) -> list[tuple[str, informer.Informer]]:
        """What is watched of which cluster."""
        return [(name, each) for name, owned in self._owned.items() for each in owned.watches]

    def knows(self, cluster: str) -> bool:
        """Whether there is such a cluster, up or down."""
        return self._clusters.knows(cluster)

    def owned_by(self, owner: tuple[str, str]) -> list[tuple[str, Manifest]]:
        """Every live object of one application, as far as its kind is watched yet, and where it
        is. In a cluster that is down they are those that were last seen.
        """
        return [
            (cluster, found)
            for cluster, owned in self._owned.items()
            if self._clusters.knows(cluster)
            for found in owned.owned_by(owner)
        ]


@dataclass(frozen=True)
class Foreseen:
    """The clusters that were there when it was decided what becomes of the objects in them.

    One that came since may be where they belong: nobody asked. It counts as one that does not
    answer, until it is decided again.
    """

    sites: Sites
    known: Collection[str]

    def at(self, cluster: str) -> Owned:
        if cluster not in ("", names.LOCAL, *self.known) and self.knows(cluster):
            raise clusters.unreachable(cluster, "it came after it was decided what goes")
        return self.sites.at(cluster)

    def knows(self, cluster: str) -> bool:
        return self.sites.knows(cluster)


def _trim(found: Manifest) -> Manifest:
    """What an informer drops, but for who scales the object: drift repair must know (C8)."""
    fields = manifest.metadata(found).get("managedFields") or ()
    trimmed = informer.trim(found)
    if scaling := [entry for entry in fields if entry.get("subresource") == "scale"]:
        trimmed["metadata"]["managedFields"] = scaling
    return trimmed
