"""Keep what was delivered as it was declared (semantics C8)."""

from __future__ import annotations

from dataclasses import dataclass

from lateen.api import manifest, names, sharing
from lateen.api.manifest import Key, Manifest
from lateen.api.tracker import Resource
from lateen.api.treatment import WHOLE, Treatment
from lateen.base.problem import Problem, raise_any
from lateen.controllers import observing
from lateen.dispatch import applying, copies, drift, ownership, recording, writing
from lateen.hub import client, clusters, errors


@dataclass(frozen=True)
class Keeper:
    """Puts back what others changed.

    Args:
        clean: identity of an object -> the resourceVersion at which it was last found as declared;
            updated.
    """

    live: observing.Fleet
    owner: tuple[str, str]
    identity: client.Identity | None
    treat: applying.Treat
    clean: dict[tuple[str, ...], str]

    async def keep(self, ledger: recording.Ledger) -> list[Key]:
        """Put back every tracked object that was deleted or changed; returns those that were.

        One that apply-once leaves to others and that is gone leaves the inventory. What is in a
        cluster that does not answer waits until it does.

        Raises:
            Problem | Problems: `keep.failed` when the API server refuses, `dispatch.owned` when an
                object was taken over by another application, `dispatch.unowned` when it was deleted
                and there is one of its name that is nobody's.
        """
        restored: list[Key] = []
        gone: list[Resource] = []
        problems: list[Problem] = []
        for resource in ledger.resources:
            try:
                if await self._look_after(resource, gone):
                    restored.append(resource.key)
            except Problem as problem:
                if problem.code not in clusters.AWAY:
                    problems.append(problem)
        if gone:
            await ledger.forget(gone)
        raise_any(problems)
        return restored

    async def _look_after(self, resource: Resource, gone: list[Resource]) -> bool:
        """Put one object back if it needs it; whether it did."""
        if resource.raw is None:
            return False
        there = self.live.at(resource.cluster)
        found = await there.find(resource.key)
        source = copies.source(resource.raw)
        clean = self.clean.get(resource.identity)
        if source is None and found is not None and clean == _version(found):
            return False
        treatment = self.treat(resource.raw)
        if treatment.read_only:
            return False
        if found is None and treatment.left_on_drift:
            gone.append(resource)
            return False
        desired = resource.raw
        if source is not None:
            desired = copies.of(desired, await self.live.at(names.LOCAL).find(source))
        return await self._restore(there, resource, desired, found, treatment)

    async def _restore(
        self,
        there: observing.Owned,
        resource: Resource,
        desired: Manifest,
        found: Manifest | None,
        treatment: Treatment,
    ) -> bool:
        """Whether the object had to be written."""
        writer = writing.Writer(there.client, self.owner, self.identity)
        looks = 0
        while True:
            looks += 1
            try:
                # what is watched is what is labelled: it may be there, and not be ours any more
                if looks > 1 or (found is not None and not manifest.owner(found)):
                    found = await writing.fetch(there.client, resource.key)
                order = self._order(resource, desired, found, treatment)
                if order is None:
                    return self._passed(resource, found)
                applied = await writer.write(order.desired, found, order.stance, treatment)
                break
            except errors.ApiError as error:
                if away := clusters.lost(resource.cluster, error):
                    raise away from error
                if not error.conflict or looks == errors.LOOKS:
                    message = f"cannot restore {resource.key}: {error.message}"
                    raise Problem("keep.failed", message, retry=True) from error
        there.observe(applied)
        self.clean[resource.identity] = _version(applied)
        return found is None or _version(found) != _version(applied)

    def _order(
        self, resource: Resource, desired: Manifest, found: Manifest | None, treatment: Treatment
    ) -> _Order | None:
        """What is to be written, None when the object may stay as it was found."""
        if found is None:
            return _Order(desired)
        if manifest.metadata(found).get("deletionTimestamp"):
            return None  # it comes back once it is gone
        if ownership.applied(found) and not manifest.owner(found):
            return _Order(desired)  # somebody took our labels off
        stance = ownership.stance(found, self.owner, treatment)
        if stance is ownership.Stance.SHARER:
            return None
        if stance is ownership.Stance.OWNER:
            desired = _wanted(desired, found, treatment)
        left = copies.outdated(resource.raw or desired, desired, found)
        return _Order(desired, stance) if left or self._differs(desired, found, treatment) else None

    def _passed(self, resource: Resource, found: Manifest | None) -> bool:
        if found is not None and not manifest.metadata(found).get("deletionTimestamp"):
            self.clean[resource.identity] = _version(found)
        return False

    def _differs(self, desired: Manifest, found: Manifest, treatment: Treatment) -> bool:
        joined = not treatment.shared or sharing.shares(found, self.owner)
        return not joined or drift.differs(desired, found)


@dataclass(frozen=True)
class _Order:
    """What is to be written over an object, or in place of one that is gone."""

    desired: Manifest
    stance: ownership.Stance = ownership.Stance.OWNER


def _wanted(desired: Manifest, found: Manifest, treatment: Treatment) -> Manifest:
    """What is to be put back, given what is there: not what others rightly set."""
    if WHOLE in treatment.left_on_drift:
        return found
    kept = drift.leaving(desired, found, treatment.left_on_drift)
    return drift.without_scaled_replicas(kept, found)


def _version(found: Manifest) -> str:
    return str(manifest.metadata(found).get("resourceVersion", ""))
