"""Apply what was rendered: check all of it, record all of it, then write it (semantics C7)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import anyio

from lateen.api import manifest, names
from lateen.api.manifest import Check, Key, Manifest
from lateen.api.tracker import Resource
from lateen.api.treatment import PLAIN, WHOLE, Treatment
from lateen.base.problem import Problem, Problems, raise_any
from lateen.definitions import uniting
from lateen.dispatch import drift, ownership, preparing, writing
from lateen.dispatch.ownership import Stance
from lateen.dispatch.recording import Ledger
from lateen.hub import client, clusters, errors

_PARALLEL = 10


class Site(Protocol):
    """One cluster, and the objects applications own in it, as a watch last saw them."""

    @property
    def client(self) -> client.Client: ...
    async def find(self, key: Key) -> Manifest | None: ...
    def observe(self, found: Manifest) -> None: ...


class Sites(Protocol):
    """The clusters that can be delivered to; `controllers.observing.Fleet` is one."""

    def at(self, cluster: str) -> Site:
        """Raises: Problem: `cluster.unknown`, `cluster.unreachable`."""
        ...


@dataclass(frozen=True)
class Desired:
    """A rendered manifest and whose it is; `trait` is empty on the main object. `path` is where the
    application asks for it. `check` is shown what is there, or about to be, under its name, and
    raises where that is not to be written over.
    """

    manifest: Manifest
    component: str
    trait: str = ""
    path: str = ""
    check: Check | None = None


Treat = Callable[[Manifest], Treatment]
"""What the policies of an application say about an object."""


@dataclass
class _Pending:
    desired: Manifest
    live: Manifest | None
    site: Site
    writer: writing.Writer
    key: Key
    treatment: Treatment = PLAIN
    check: Check | None = None
    stance: Stance = Stance.OWNER

    @property
    def cluster(self) -> str:
        return manifest.cluster(self.desired)


Place = tuple[str, Key]  # a cluster, and an object in it

_RIGHTS: Final = (
    "give the account that right with a Role and a RoleBinding, or let the application act as one "
    f"that has it, by the annotation {names.SERVICE_ACCOUNT}"
)


class Dispatcher:
    """Writes the objects of one application, each in the cluster its label names."""

    def __init__(
        self,
        sites: Sites,
        ledger: Ledger,
        owner: tuple[str, str],
        identity: client.Identity | None = None,
        treat: Treat = lambda _: PLAIN,
    ) -> None:
        self._sites = sites
        self._ledger = ledger
        self._owner = owner
        self._identity = identity
        self._treat = treat

    async def dispatch(self, wanted: Sequence[Desired]) -> list[Manifest]:
        """Apply manifests so that they are all there, or, when one is refused, none is touched.

        Returns the objects as they are in the cluster, in the order given. An object whose render
        hash is already there is not written again. What another component brings as well is left to
        the one that came first.

        Raises:
            Problem: `template.duplicate` when another component brings the object, and differently.
            Problem | Problems: `dispatch.owned`, `dispatch.unowned`, `dispatch.missing` (it is only
                read, and not there), `dispatch.refused` (the API server would not take it),
                `dispatch.failed` (it did not, this time), `cluster.unreachable`, and what policies
                are wrong about.
        Source: semantics C7, F5 to F7, F10.
        """
        wanted = list({_place(item.manifest): item for item in wanted}.values())
        for cluster in {manifest.cluster(item.manifest) for item in wanted}:
            self._sites.at(cluster)  # before anything is done, they all have to be there
        async with self._ledger.preparing():
            prepared, unborn = await self._prepare([item.manifest for item in wanted])
            claimed = {
                _place(desired): entry
                for desired, item in zip(prepared, wanted, strict=True)
                if (entry := self._claim(desired, item)) is not None
            }
            own = [
                (desired, item.check)
                for desired, item in zip(prepared, wanted, strict=True)
                if _place(desired) in claimed
            ]
            found, pending = await self._compare(own)
            await self._rehearse(pending)
        await self._ledger.record(list(claimed.values()))
        for rank in (True, False):
            group = [item for item in pending if preparing.precedes(item.desired) is rank]
            for done, applied in zip(group, await _each(group, self._apply), strict=True):
                found[_place(done.desired)] = applied
            if rank:
                for cluster, key in unborn:
                    known = self._sites.at(cluster).client.resources
                    await known.wait(key.group, key.version, key.kind)
        return [found.get(_place(desired), desired) for desired in prepared]

    async def remove(self, found: Manifest) -> None:
        """Delete a live object and wait until it is gone; the inventory forgets it first, so that
        nobody takes it for missing.

        Raises:
            ApiError: the API server refuses.
            Problem: `dispatch.stuck` when it does not go.
        """
        await self._ledger.forget([Resource.tracking(found, "", "")])
        site = self._sites.at(manifest.cluster(found))
        await writing.Writer(site.client, self._owner, self._identity).remove(found)

    def _claim(self, desired: Manifest, item: Desired) -> Resource | None:
        """The entry to record for an object, None when another component brings the same."""
        entry = Resource.tracking(desired, item.component, item.trait, self._treat(desired))
        other = self._ledger.claimed(entry)
        if item.check is not None and other is not None and other.raw is not None:
            item.check(other.raw)  # another step may be about to write it
        first = self._ledger.claim(entry)
        if first is entry:
            return entry
        if first.raw is not None and not uniting.same(first.raw, desired):
            raise duplicate(first.component, item)
        return None

    async def _compare(
        self, prepared: Sequence[tuple[Manifest, Check | None]]
    ) -> tuple[dict[Place, Manifest], list[_Pending]]:
        """The objects that are there as wanted, and those that are to be written."""
        found: dict[Place, Manifest] = {}
        pending: list[_Pending] = []
        for desired, check in prepared:
            key, site = manifest.key(desired), self._sites.at(manifest.cluster(desired))
            treatment = self._treat(desired)
            live = await site.find(key)
            if live is None and (treatment.read_only or treatment.take_over):
                live = await writing.fetch(site.client, key)  # watched is only what has an owner
            if treatment.read_only:
                found[_place(desired)] = ownership.present(live, key)
                continue
            writer = writing.Writer(site.client, self._owner, self._identity)
            item = _Pending(desired, live, site, writer, key, treatment, check)
            if live is not None and self._stands(item, live):
                found[_place(desired)] = live
            else:
                pending.append(item)
        return found, pending

    def _stands(self, item: _Pending, live: Manifest) -> bool:
        """Whether a live object needs no write; else what is to be sent is made ready."""
        item.stance = ownership.stance(live, self._owner, item.treatment)
        if item.check is not None:
            item.check(live)
        if item.stance is Stance.SHARER:
            return True
        if item.stance is Stance.NEWCOMER:
            return False
        if preparing.render_hash(live) == preparing.render_hash(item.desired):
            return True
        if WHOLE in item.treatment.left_on_update:
            return True
        item.desired = drift.leaving(item.desired, live, item.treatment.left_on_update)
        return False

    async def _prepare(self, given: Sequence[Manifest]) -> tuple[list[Manifest], set[Place]]:
        """What is to be sent, and the places of those whose kind only this dispatch will bring."""
        prepared, unborn = [], set()
        for each in given:
            key = manifest.key(each)
            known = self._sites.at(manifest.cluster(each)).client.resources
            try:
                resource = await known.find(key.group, key.version, key.kind)
            except Problem:
                definition = preparing.defined_by(each, given)
                if definition is None:
                    raise
                namespaced = definition["spec"].get("scope") != "Cluster"
                prepared.append(preparing.prepare(each, namespaced=namespaced))
                unborn.add(_place(prepared[-1]))
            else:
                prepared.append(preparing.prepare(each, namespaced=resource.namespaced))
        return prepared, unborn

    async def _rehearse(self, pending: list[_Pending]) -> None:
        """Ask the API server whether it would take every one of them."""
        if len(pending) == 1 and pending[0].live is not None:
            return  # one object is all or nothing by itself
        leaders = [item.desired for item in pending if preparing.precedes(item.desired)]
        judged = [item for item in pending if not preparing.makes_room_for(item.desired, leaders)]
        await _each(judged, self._dry_run)

    async def _dry_run(self, item: _Pending) -> Manifest:
        try:
            return await item.writer.rehearse(item.desired, item.live, item.stance, item.treatment)
        except errors.ApiError as error:
            if not error.already_exists:
                raise _refusal(item, error) from error
        try:
            item.live = await item.site.client.get(item.key)
        except errors.ApiError as error:
            raise _refusal(item, error) from error
        self._stands(item, item.live)
        return item.live

    async def _apply(self, item: _Pending) -> Manifest:
        looks = 0
        while True:
            looks += 1
            try:
                applied = await item.writer.write(
                    item.desired, item.live, item.stance, item.treatment
                )
                item.site.observe(applied)  # at once: the pass may be over before the others are
                return applied
            except errors.ApiError as error:
                if not error.conflict or looks == errors.LOOKS:
                    raise _failure(item, error) from error
            item.live = await self._look(item)
            if item.live is not None and self._stands(item, item.live):
                return item.live

    async def _look(self, item: _Pending) -> Manifest | None:
        """The object as it is, when it turned out not to be as a watch last saw it."""
        try:
            return await writing.fetch(item.site.client, item.key)
        except errors.ApiError as error:
            raise _failure(item, error) from error


def duplicate(first: str, second: Desired) -> Problem:
    """Two components give one object, and do not say the same of it."""
    key = manifest.key(second.manifest)
    return Problem(
        "template.duplicate",
        f"components {first} and {second.component} both give {key}, and not the same",
        second.path,
        hint="leave it out of one of them, or give one object another name",
    )


def _place(desired: Manifest) -> Place:
    return manifest.cluster(desired), manifest.key(desired)


def _refusal(item: _Pending, error: errors.ApiError) -> Problem:
    if away := clusters.lost(item.cluster, error):
        return away
    hint = f"the API server{_of(item)} would not take {item.key}; nothing was applied"
    return Problem(
        "dispatch.refused",
        f"Dispatch: pre-dispatch dryrun failed: Found 1 errors. [({error.message})]",
        hint=f"{hint}; {_RIGHTS}" if error.forbidden else hint,
        retry=True,
    )


def _failure(item: _Pending, error: errors.ApiError) -> Problem:
    if away := clusters.lost(item.cluster, error):
        return away
    hint = _RIGHTS if error.forbidden else ""
    said = f"cannot apply {item.key}: {error.message}"
    return Problem("dispatch.failed", said, hint=hint, retry=True)


def _of(item: _Pending) -> str:
    return "" if item.cluster == names.LOCAL else f" of cluster {item.cluster}"


async def _each(
    items: Sequence[_Pending], work: Callable[[_Pending], Awaitable[Manifest]]
) -> list[Manifest]:
    """Run `work` on all items side by side; every problem is raised, in the order of the items."""
    results: list[Manifest] = [{}] * len(items)
    problems: list[Problem] = []
    limit = anyio.CapacityLimiter(_PARALLEL)

    async def one(index: int) -> None:
        async with limit:
            try:
                results[index] = await work(items[index])
            except Problem as problem:
                problems.append(problem)
            except Problems as several:
                problems.extend(several.problems)

    if len(items) == 1:
        await one(0)
    else:
        async with anyio.create_task_group() as group:
            for index in range(len(items)):
                group.start_soon(one, index)
    raise_any(problems)
    return results
