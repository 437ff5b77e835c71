"""Carry out a garbage plan: delete what is doomed, then retire the trackers that listed it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Protocol

import anyio

from lateen.api import manifest, names, sharing, tracker
from lateen.api.manifest import Key, Manifest
from lateen.api.tracker import Resource, Tracker
from lateen.api.treatment import PLAIN, Lifetime, Treatment
from lateen.base.problem import Problem, raise_any
from lateen.gc import leaning
from lateen.gc.planning import Plan
from lateen.hub import client, clusters, errors

_PARALLEL = 10

# what takes data with it that no manifest brings back
HOLDS_DATA = frozenset(
    {
        ("", "PersistentVolumeClaim"),
        ("", "PersistentVolume"),
        ("", "Namespace"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
    }
)


class Fate(Enum):
    """What becomes of an object that is no longer wanted."""

    DELETED = "deleted"
    SPARED = "spared"  # it holds data, and stays as it is
    FREED = "freed"  # it stays, and belongs to no application any more
    HANDED_ON = "handed-on"  # it belongs to the next of those that share it


@dataclass(frozen=True)
class _Away:
    """In the place of an object of which nobody knows whether it is there. `why` is told, but of a
    cluster that does not answer, which is told elsewhere.
    """

    why: Problem | None = None


_UNKNOWN = frozenset({"hub.unserved", "hub.unwatched"})  # codes of problems with one kind


class Bin(Protocol):
    """Where an object goes before it is deleted."""

    async def keep(self, found: Manifest, owner: tuple[str, str]) -> None: ...


class Site(Protocol):
    """One cluster, and the objects applications own in it, as a watch last saw them."""

    @property
    def client(self) -> client.Client: ...
    async def find(self, key: Key) -> Manifest | None: ...


class Sites(Protocol):
    """Where applications have objects; `controllers.observing.Fleet` is one."""

    def at(self, cluster: str) -> Site:
        """Raises: Problem: `cluster.unreachable`."""
        ...

    def knows(self, cluster: str) -> bool:
        """Whether there is such a cluster, up or down."""
        ...


@dataclass(frozen=True)
class Fates:
    """Decides what becomes of the objects of one application that are no longer wanted.

    `orphan`: everything is let go instead of deleted. `spare_data`: what holds data is left where
    it is, still labelled as the application's.
    """

    owner: tuple[str, str]
    treat: Callable[[Manifest], Treatment] = lambda _: PLAIN
    orphan: bool = False
    spare_data: bool = False

    def of(self, resource: Resource, found: Manifest) -> Fate:
        """The fate of an object of the application that is doomed."""
        if any(each != self.owner for each in sharing.concerned(found)):
            return Fate.HANDED_ON
        treatment = self.treat(found)
        kept = Lifetime.FOREVER in (resource.lifetime, treatment.lifetime)
        if self.orphan or kept or treatment.orphan:
            return Fate.FREED
        holds_data = (resource.key.group, resource.key.kind) in HOLDS_DATA
        return Fate.SPARED if self.spare_data and holds_data else Fate.DELETED


@dataclass(frozen=True)
class Sweeper:
    """Cleans up after one application, with the rights it acts with."""

    hub: client.Client
    live: Sites
    fates: Fates
    identity: client.Identity | None = None
    bin: Bin | None = None

    @property
    def owner(self) -> tuple[str, str]:
        return self.fates.owner

    async def count(self, plan: Plan) -> int:
        """How many objects `sweep` would delete that nobody has asked to be deleted yet.

        Those in a cluster that does not answer count: they go once it does.
        """
        return sum(
            isinstance(found, _Away)
            or (self.fates.of(each, found) is Fate.DELETED and not _going(found))
            for each, found in await self._there(plan.doomed)
        )

    async def sweep(self, plan: Plan) -> list[Resource]:
        """Delete what the plan dooms; returns what is still there, in the plan's order.

        An object counts only while it is this application's, or shared by it; one that another took
        over, or whose kind or cluster is gone, counts as gone. One in a cluster that does not
        answer counts as there: nothing is forgotten. It goes only as it was seen: what became of it
        meanwhile, a namesake or somebody else's, stays.

        Raises:
            Problem: `gc.failed` when the API server refuses a deletion; `hub.unserved`,
                `hub.unwatched` when nobody can tell what there is of a kind.
        Source: semantics C9.
        """
        there = await self._there(plan.doomed)
        components = {each.component for each, _ in there}
        leaned = leaning.leaned_on(
            found for each, found in there if each.local and not isinstance(found, _Away)
        )
        ready = [
            each.identity not in plan.held
            and not (each.local and each.key.identity in leaned)
            and not components & plan.after.get(each.component, frozenset())
            for each, _ in there
        ]
        left = await self._each(
            [(each, found) for (each, found), now in zip(there, ready, strict=True) if now]
        )
        remaining = [
            each
            for (each, _), now in zip(there, ready, strict=True)
            if not now or each.identity in left
        ]
        if not remaining:
            for old in plan.retired:
                await retire(old, self.hub)
        return remaining

    async def _each(
        self, pairs: Sequence[tuple[Resource, Manifest | _Away]]
    ) -> set[tuple[str, ...]]:
        """Remove objects side by side; returns the identities of those still ours afterwards."""
        left = {each.identity for each, found in pairs if isinstance(found, _Away)}
        problems = list(
            dict.fromkeys(found.why for _, found in pairs if isinstance(found, _Away) and found.why)
        )
        limit = anyio.CapacityLimiter(_PARALLEL)

        async def one(resource: Resource, found: Manifest) -> None:
            async with limit:
                try:
                    if await self._remove(resource, found):
                        left.add(resource.identity)
                except Problem as problem:
                    problems.append(problem)

        async with anyio.create_task_group() as tasks:
            for resource, found in pairs:
                if not isinstance(found, _Away):
                    tasks.start_soon(one, resource, found)
        raise_any(problems)
        return left

    async def settle(self, plan: Plan) -> None:
        """Retire trackers of which nothing is left, and delete nothing (keepLegacyResource)."""
        doomed = {each.identity for each in plan.doomed}
        for old in plan.retired:
            still = [each for each in old.resources if each.identity in doomed]
            if not await self._there(still):
                await retire(old, self.hub)

    async def _there(self, doomed: Iterable[Resource]) -> list[tuple[Resource, Manifest | _Away]]:
        """Those of the objects that are there, or may be."""
        there: list[tuple[Resource, Manifest | _Away]] = []
        unknown: dict[tuple[str, str, str], _Away] = {}  # kinds, which are waited for only once
        for each in doomed:
            kind = (each.cluster, each.key.group, each.kind)
            found = unknown.get(kind) or await self._look(each)
            if isinstance(found, _Away):
                unknown[kind] = found
            if found is not None:
                there.append((each, found))
        return there

    async def _look(self, resource: Resource) -> Manifest | _Away | None:
        """The object while it is ours; `_Away` where that cannot be known."""
        try:
            return await self._find(resource)
        except Problem as problem:
            if problem.code in _UNKNOWN:
                return _Away(problem)
            if problem.code != "cluster.unreachable":
                raise
        except errors.ApiError as error:
            if clusters.lost(resource.cluster, error) is None:
                raise
        return _Away()

    async def _find(self, resource: Resource) -> Manifest | None:
        if not self.live.knows(resource.cluster):
            return None
        found = await self.live.at(resource.cluster).find(resource.key)
        return found if found is not None and self._ours(found) else None

    def _ours(self, found: Manifest) -> bool:
        return manifest.owner(found) == self.owner or sharing.shares(found, self.owner)

    async def _remove(self, resource: Resource, found: Manifest) -> bool:
        """Delete one object, or let it go; whether it is still ours afterwards."""
        uid, looks = manifest.metadata(found)["uid"], 0
        while True:
            looks += 1
            try:
                return await self._part(resource, found)
            except errors.ApiError as error:
                if error.not_found:
                    return False
                if clusters.lost(resource.cluster, error):
                    return True
                if not error.conflict or looks == errors.LOOKS:
                    message = f"cannot delete {resource.key}: {error.message}"
                    raise Problem("gc.failed", message, retry=True) from error
            now = await self._now(resource)
            if now is None or manifest.metadata(now)["uid"] != uid or not self._ours(now):
                return False  # a namesake, or what somebody took or let go, is not ours
            found = now

    async def _now(self, resource: Resource) -> Manifest | None:
        """The object as it is, when it turned out not to be as a watch last saw it."""
        try:
            return await self.live.at(resource.cluster).client.get(_served(resource))
        except errors.ApiError as error:
            if error.not_found:
                return None
            message = f"cannot delete {resource.key}: {error.message}"
            raise Problem("gc.failed", message, retry=True) from error

    async def _part(self, resource: Resource, found: Manifest) -> bool:
        """As `_remove`, of the object as it was found.

        Raises:
            ApiError: among others a `conflict` when it is not as it was found.
        """
        fate = self.fates.of(resource, found)
        there = self.live.at(resource.cluster).client
        if body := self._release(fate, found):
            await there.patch(_served(resource), body, identity=self.identity)
            return False
        meta = manifest.metadata(found)
        if meta.get("deletionTimestamp"):
            return True
        if fate is Fate.SPARED:
            return False
        if self.bin is not None:
            await self.bin.keep(found, self.owner)
        left = await there.delete(
            _served(resource),
            uid=meta["uid"],
            version=meta["resourceVersion"],
            identity=self.identity,
        )
        return left is not None

    def _release(self, fate: Fate, found: Manifest) -> Manifest | None:
        """The merge patch that lets an object go, None for one that is not let go."""
        if fate is Fate.HANDED_ON:
            return sharing.leaving(found, self.owner)
        return _let_go(found) if fate is Fate.FREED else None


def _served(resource: Resource) -> Key:
    """The object in whichever version is served by now."""
    return replace(resource.key, version="")


def _going(found: Manifest) -> bool:
    return bool(manifest.metadata(found).get("deletionTimestamp"))


def _let_go(found: Manifest) -> Manifest:
    """The merge patch after which no application owns an object any more."""
    return {
        "metadata": {
            "resourceVersion": manifest.metadata(found)["resourceVersion"],
            "labels": {names.APP_NAME: None, names.APP_NAMESPACE: None},
            "annotations": {names.SHARED_BY: None},
        }
    }


async def retire(old: Tracker, hub: client.Client) -> None:
    """Let a tracker go: it is asked to be deleted, then loses the finalizer that held it."""
    key = tracker.key_of(old)
    uid = old.raw["metadata"]["uid"]
    try:
        if not old.deleting:
            await hub.delete(key, uid=uid)
        kept = [
            f for f in old.raw["metadata"].get("finalizers") or () if f != names.TRACKER_FINALIZER
        ]
        await hub.patch(key, {"metadata": {"uid": uid, "finalizers": kept}})
    except errors.ApiError as error:
        if not error.not_found:
            raise
