"""What runs before and after a component goes: each once, in order, and nothing goes out of turn.

How far it is stands on the object that holds it, so a controller that dies goes on where it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from lateen.api import bequests, manifest, names
from lateen.api.bequests import Farewell
from lateen.api.manifest import Manifest
from lateen.api.tracker import Resource
from lateen.base.clock import Clock
from lateen.base.problem import Problem, Problems, every
from lateen.controllers import observing
from lateen.controllers.application import targets, waving
from lateen.dispatch import preparing, writing
from lateen.dispatch.applying import Desired
from lateen.gc import sweeping
from lateen.hub import client, clusters, errors

AGAIN: Final = 30.0  # seconds after which what failed is run again

Identity = tuple[str, ...]


@dataclass(frozen=True)
class Held:
    """Objects that are not to be deleted yet, and what is waited for."""

    objects: frozenset[Identity] = frozenset()
    why: str = ""


@dataclass
class _Holding:
    objects: set[Identity] = field(default_factory=set)
    said: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Farewells:
    """Takes leave for one application, with the rights it acts with. `skip`: nothing is run."""

    live: observing.Sites
    fates: sweeping.Fates
    clock: Clock
    identity: client.Identity | None = None
    skip: bool = False

    async def attend(self, doomed: Sequence[Resource]) -> Held:
        """Go one step on with what is to run before and after these go; returns what stays."""
        holding = _Holding()
        for each in doomed if not self.skip else ():
            if each.raw is None or not bequests.holds(each.raw):
                continue
            try:
                await self._attend(each, doomed, holding)
            except (Problem, Problems) as error:
                if all(told.code in clusters.AWAY for told in every(error)):
                    continue  # where nobody answers nothing is deleted either
                self._wait(str(error), each, doomed, holding)
            except errors.ApiError as error:
                if clusters.lost(each.cluster, error) is None:
                    self._wait(str(error), each, doomed, holding)
        return Held(frozenset(holding.objects), "; ".join(holding.said))

    async def _attend(
        self, holder: Resource, doomed: Sequence[Resource], holding: _Holding
    ) -> None:
        if not self.live.knows(holder.cluster):
            return
        found = await self.live.at(holder.cluster).find(holder.key)
        if found is None or manifest.owner(found) != self.fates.owner:
            return
        fate = self.fates.of(holder, found)
        if fate is not sweeping.Fate.DELETED or manifest.metadata(found).get("deletionTimestamp"):
            return
        farewell = _read(found)
        own = {_identity(hook.manifest) for hook in farewell.hooks}
        due = farewell.due
        if due is None:
            await self._clean(farewell)
            return
        others = [each for each in _kin(holder, doomed) if each.identity not in own]
        if not due.after:
            holding.objects |= {each.identity for each in others}
        holding.objects |= own | {holder.identity}
        if due.after and await self._any(others):
            return
        waits = await self._run(farewell, found)
        if waits:
            holding.said.append(waits)

    async def _run(self, farewell: Farewell, found: Manifest) -> str:
        """Run what is due; returns what is waited for, empty when it has run to its end."""
        due = farewell.due
        assert due is not None
        target = self._target()
        waves = waving.Waves(target, self.clock.now(), again=AGAIN)
        if waits := await waves.finish([Desired(due.manifest, "")]):
            return waits
        there = self.live.at(manifest.cluster(found))
        noted = {names.FAREWELL_DONE: str(farewell.done + 1)}
        meta = {"annotations": noted, "resourceVersion": found["metadata"]["resourceVersion"]}
        body = {"metadata": meta}
        there.observe(await there.client.patch(manifest.key(found), body, identity=self.identity))
        if due.brief:
            await target.remove(due.manifest)
        return f"{manifest.key(due.manifest)} has ended ({due.event})"

    async def _any(self, others: Sequence[Resource]) -> bool:
        for each in others:
            found = await self.live.at(each.cluster).find(each.key)
            if found is not None and manifest.owner(found) == self.fates.owner:
                return True
        return False

    async def _clean(self, farewell: Farewell) -> None:
        """What has run goes, before it is forgotten that it was there."""
        target = self._target()
        for hook in farewell.hooks:
            found = await target.find(hook.manifest)
            ran = manifest.annotation(hook.manifest, names.ONCE)
            if found is not None and manifest.annotation(found, names.ONCE) == ran:
                await target.remove(hook.manifest)

    def _wait(
        self, why: str, holder: Resource, doomed: Sequence[Resource], holding: _Holding
    ) -> None:
        kin = _kin(holder, doomed)
        holding.objects |= {holder.identity, *(each.identity for each in kin)}
        holding.said.append(f"{why}; until it has succeeded nothing of {holder.component} goes")

    def _target(self) -> _Site:
        return _Site(self.live, self.fates.owner, self.identity)


@dataclass(frozen=True)
class _Site:
    """Where hooks run. No inventory lists them: who holds them does. Implements `waving.Target`."""

    live: observing.Sites
    owner: tuple[str, str]
    identity: client.Identity | None

    async def dispatch(self, wanted: Sequence[Desired]) -> list[Manifest]:
        return [await self._make(each.manifest) for each in wanted]

    async def _make(self, wanted: Manifest) -> Manifest:
        if found := await self.find(wanted):
            return found
        there, key = self.live.at(manifest.cluster(wanted)), manifest.key(wanted)
        resource = await there.client.resources.find(key.group, key.version, key.kind)
        desired = preparing.prepare(wanted, namespaced=resource.namespaced)
        made = await writing.Writer(there.client, self.owner, self.identity).write(desired, None)
        there.observe(made)
        return made

    async def find(self, wanted: Manifest) -> Manifest | None:
        return await self.live.at(manifest.cluster(wanted)).find(manifest.key(wanted))

    async def remove(self, wanted: Manifest) -> None:
        found = await self.find(wanted)
        if found is None or manifest.owner(found) != self.owner:
            return
        there = self.live.at(manifest.cluster(wanted))
        await writing.Writer(there.client, self.owner, self.identity).remove(found)
        await targets.forgotten(self, found)


def _read(found: Manifest) -> Farewell:
    try:
        return bequests.read(found)
    except (ValueError, LookupError, TypeError, OSError) as error:
        raise Problem(
            "gc.farewell",
            f"{manifest.key(found)} does not say any more what has to run",
            hint=f'annotate the application {names.SKIP_HOOKS}: "true" to do without',
        ) from error


def _kin(holder: Resource, doomed: Sequence[Resource]) -> list[Resource]:
    """The other objects of its component in its cluster, but those that take leave themselves."""
    whose = (holder.component, holder.cluster)
    return [
        each
        for each in doomed
        if (each.component, each.cluster) == whose and not (each.raw and bequests.holds(each.raw))
    ]


def _identity(wanted: Manifest) -> Identity:
    return (manifest.cluster(wanted), *manifest.key(wanted).identity)
