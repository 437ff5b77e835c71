"""Apply what was rendered: check all of it, record all of it, then write it (semantics C7)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import anyio

from lateen.api import manifest
from lateen.api.manifest import Key, Manifest
from lateen.api.tracker import Resource
from lateen.api.treatment import PLAIN, WHOLE, Treatment
from lateen.base.problem import Problem, Problems, raise_any
from lateen.definitions import uniting
from lateen.dispatch import drift, ownership, preparing, writing
from lateen.dispatch.ownership import Stance
from lateen.dispatch.recording import Ledger
from lateen.hub import client, errors

_PARALLEL = 10
LOOKS = 5  # at an object that others change between the look and the write


class Live(Protocol):
    """The objects an application owns, as a watch last saw them."""

    async def find(self, key: Key) -> Manifest | None: ...
    def observe(self, found: Manifest) -> None: ...


@dataclass(frozen=True)
class Desired:
    """A rendered manifest and whose it is; `trait` is empty on the main object. `path` is where the
    application asks for it.
    """

    manifest: Manifest
    component: str
    trait: str = ""
    path: str = ""


Treat = Callable[[Manifest], Treatment]
"""What the policies of an application say about an object."""


@dataclass
class _Pending:
    desired: Manifest
    live: Manifest | None
    key: Key
    treatment: Treatment = PLAIN
    stance: Stance = Stance.OWNER


class Dispatcher:
    """Writes the objects of one application in one cluster."""

    def __init__(
        self,
        hub: client.Client,
        live: Live,
        ledger: Ledger,
        owner: tuple[str, str],
        identity: client.Identity | None = None,
        treat: Treat = lambda _: PLAIN,
    ) -> None:
        self._hub = hub
        self._live = live
        self._ledger = ledger
        self._writer = writing.Writer(hub, owner, identity)
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
                `dispatch.failed` (it did not, this time), and what policies are wrong about.
        Source: semantics C7, F5 to F7, F10.
        """
        wanted = list({manifest.key(item.manifest): item for item in wanted}.values())
        async with self._ledger.preparing():
            prepared, unborn = await self._prepare([item.manifest for item in wanted])
            claimed = {
                manifest.key(desired): entry
                for desired, item in zip(prepared, wanted, strict=True)
                if (entry := self._claim(desired, item)) is not None
            }
            own = [desired for desired in prepared if manifest.key(desired) in claimed]
            found, pending = await self._compare(own, unborn)
            await self._rehearse(pending)
        await self._ledger.record(list(claimed.values()))
        for rank in (True, False):
            group = [item for item in pending if preparing.precedes(item.desired) is rank]
            for done, applied in zip(group, await _each(group, self._apply), strict=True):
                self._live.observe(applied)
                found[done.key] = applied
            if rank:
                for key in unborn:
                    await self._hub.resources.wait(key.group, key.version, key.kind)
        return [found.get(manifest.key(desired), desired) for desired in prepared]

    def _claim(self, desired: Manifest, item: Desired) -> Resource | None:
        """The entry to record for an object, None when another component brings the same."""
        entry = Resource.tracking(desired, item.component, item.trait, self._treat(desired))
        first = self._ledger.claim(entry)
        if first is entry:
            return entry
        if first.raw is not None and not uniting.same(first.raw, desired):
            raise duplicate(first.component, item)
        return None

    async def _compare(
        self, prepared: Sequence[Manifest], unborn: set[Key]
    ) -> tuple[dict[Key, Manifest], list[_Pending]]:
        """The objects that are there as wanted, and those that are to be written."""
        found: dict[Key, Manifest] = {}
        pending: list[_Pending] = []
        for desired in prepared:
            key = manifest.key(desired)
            treatment = self._treat(desired)
            live = await self._live.find(key)
            if live is None and (treatment.read_only or treatment.take_over):
                live = await writing.fetch(self._hub, key)  # watched is only what has an owner
            if treatment.read_only:
                found[key] = ownership.present(live, key)
                continue
            item = _Pending(desired, live, key, treatment)
            if live is not None and self._stands(item, live):
                found[key] = live
            else:
                pending.append(item)
        return found, pending

    def _stands(self, item: _Pending, live: Manifest) -> bool:
        """Whether a live object needs no write; else what is to be sent is made ready."""
        item.stance = ownership.stance(live, self._writer.owner, item.treatment)
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

    async def _prepare(self, given: Sequence[Manifest]) -> tuple[list[Manifest], set[Key]]:
        """What is to be sent, and the keys of those whose kind only this dispatch will bring."""
        prepared, unborn = [], set()
        for each in given:
            key = manifest.key(each)
            try:
                resource = await self._hub.resources.find(key.group, key.version, key.kind)
            except Problem:
                definition = preparing.defined_by(each, given)
                if definition is None:
                    raise
                namespaced = definition["spec"].get("scope") != "Cluster"
                prepared.append(preparing.prepare(each, namespaced=namespaced))
                unborn.add(manifest.key(prepared[-1]))
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
            return await self._writer.rehearse(item.desired, item.live, item.stance, item.treatment)
        except errors.ApiError as error:
            if not error.already_exists:
                raise _refusal(item, error) from error
        try:
            item.live = await self._hub.get(item.key)
        except errors.ApiError as error:
            raise _refusal(item, error) from error
        self._stands(item, item.live)
        return item.live

    async def _apply(self, item: _Pending) -> Manifest:
        looks = 0
        while True:
            looks += 1
            try:
                return await self._writer.write(
                    item.desired, item.live, item.stance, item.treatment
                )
            except errors.ApiError as error:
                if not error.conflict or looks == LOOKS:
                    raise _failure(item, error) from error
            item.live = await self._look(item)
            if item.live is not None and self._stands(item, item.live):
                return item.live

    async def _look(self, item: _Pending) -> Manifest | None:
        """The object as it is, when it turned out not to be as a watch last saw it."""
        try:
            return await writing.fetch(self._hub, item.key)
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


def _refusal(item: _Pending, error: errors.ApiError) -> Problem:
    return Problem(
        "dispatch.refused",
        f"Dispatch: pre-dispatch dryrun failed: Found 1 errors. [({error.message})]",
        hint=f"the API server would not take {item.key}; nothing was applied",
        retry=True,
    )


def _failure(item: _Pending, error: errors.ApiError) -> Problem:
    return Problem("dispatch.failed", f"cannot apply {item.key}: {error.message}", retry=True)


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
