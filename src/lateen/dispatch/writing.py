"""Write one object as its policies want it written (semantics C7 items 4 and 5, F5, F7, F10)."""

from __future__ import annotations

from dataclasses import dataclass

import anyio

from lateen.api import fieldsets, manifest, sharing
from lateen.api.manifest import Key, Manifest
from lateen.api.treatment import PLAIN, Treatment
from lateen.base.backoff import Backoff
from lateen.base.problem import Problem
from lateen.dispatch import drift
from lateen.dispatch.ownership import Stance
from lateen.hub import client, errors

_POLL = Backoff(first=0.05, factor=1.6, ceiling=1.0)
_PATIENCE = 30.0  # seconds for an object to go before it is made anew


@dataclass(frozen=True)
class Writer:
    """Writes as one application, with the rights it acts with."""

    hub: client.Client
    owner: tuple[str, str]
    identity: client.Identity | None = None

    async def write(
        self,
        desired: Manifest,
        live: Manifest | None,
        stance: Stance = Stance.OWNER,
        treatment: Treatment = PLAIN,
    ) -> Manifest:
        """Make a live object what is desired; returns it as it then is.

        One that is not there is made, and never written over what appeared meanwhile.

        Raises:
            ApiError: what the API server had against it; a `conflict` when the object is not as it
                was seen, and that matters: look again.
            Problem: `dispatch.stuck` when an object that is to be made anew does not go.
        """
        if live is not None and stance is Stance.SHARER:
            return live
        if live is not None and stance is Stance.NEWCOMER:
            body = sharing.joining(live, self.owner)
            return await self.hub.patch(manifest.key(live), body, identity=self.identity)
        if live is not None:  # not over another one that took its place
            uid = live["metadata"]["uid"]
            desired = {**desired, "metadata": {**desired["metadata"], "uid": uid}}
        if treatment.shared or sharing.sharers(live or {}):
            desired = sharing.stamped(desired, live, self.owner)
        if live is not None and drift.recreates(desired, live, treatment.recreate):
            await self.remove(live, as_seen=True)
            live = None
            desired = {**desired, "metadata": _unborn(desired["metadata"])}
        if live is not None and treatment.replace:
            return await self._replace(desired, live)
        if live is not None and treatment.take_over and manifest.owner(live) is None:
            await self._take(live)
        return await self.hub.apply(desired, force=True, new=live is None, identity=self.identity)

    async def rehearse(
        self,
        desired: Manifest,
        live: Manifest | None,
        stance: Stance = Stance.OWNER,
        treatment: Treatment = PLAIN,
    ) -> Manifest:
        """Ask the API server whether it would take it; nothing is written.

        Raises:
            ApiError: what it has against it; `already_exists` when something is in the way.
        """
        if live is None:
            # a create that would succeed also proves that nobody else's object is in the way
            return await self.hub.create(desired, dry_run=True, identity=self.identity)
        if stance is not Stance.OWNER or drift.recreates(desired, live, treatment.recreate):
            return live
        return await self.hub.apply(desired, force=True, dry_run=True, identity=self.identity)

    async def _take(self, live: Manifest) -> None:
        """Make an object that is adopted wholly ours: who brought it has no say in it any more."""
        left = fieldsets.left_by_installers(live)
        if left is None:
            return
        meta = {
            "managedFields": left,
            "resourceVersion": live["metadata"]["resourceVersion"],
        }
        await self.hub.patch(manifest.key(live), {"metadata": meta}, identity=self.identity)

    async def _replace(self, desired: Manifest, live: Manifest) -> Manifest:
        """The whole object, with what only the server may set kept as it is."""
        meta = {**desired["metadata"], "resourceVersion": live["metadata"]["resourceVersion"]}
        if finalizers := live["metadata"].get("finalizers"):
            meta.setdefault("finalizers", finalizers)
        return await self.hub.replace({**desired, "metadata": meta}, identity=self.identity)

    async def remove(self, live: Manifest, *, as_seen: bool = False) -> None:
        """Delete an object and wait until it is gone.

        Raises:
            ApiError: the API server refuses; with `as_seen`, a `conflict` when it has changed.
            Problem: `dispatch.stuck` when it does not go.
        """
        key, uid = manifest.key(live), live["metadata"]["uid"]
        version = live["metadata"]["resourceVersion"] if as_seen else sharing.version(live)
        left = await self.hub.delete(key, uid=uid, version=version, identity=self.identity)
        with anyio.move_on_after(_PATIENCE):
            attempt = 0
            while left is not None and left["metadata"]["uid"] == uid:
                attempt += 1
                await anyio.sleep(_POLL.delay(attempt))
                left = await fetch(self.hub, key)
            return
        raise Problem(
            "dispatch.stuck",
            f"{key} is to be made anew, but does not go: something holds it",
            hint="look at its finalizers",
            retry=True,
        )


def _unborn(meta: Manifest) -> Manifest:
    return {name: value for name, value in meta.items() if name != "uid"}


async def fetch(hub: client.Client, key: Key) -> Manifest | None:
    """The object as the API server has it, None when there is none."""
    try:
        return await hub.get(key)
    except errors.ApiError as error:
        if error.not_found:
            return None
        raise
