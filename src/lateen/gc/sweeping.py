"""Carry out a garbage plan: delete what is doomed, then retire the trackers that listed it."""

from __future__ import annotations

from typing import Protocol

from lateen.api import manifest, names, tracker
from lateen.api.manifest import Key, Manifest
from lateen.api.tracker import Resource, Tracker
from lateen.base.problem import Problem
from lateen.gc.planning import Plan
from lateen.hub import client, errors


class Live(Protocol):
    """The objects an application owns, as a watch last saw them."""

    async def find(self, key: Key) -> Manifest | None: ...


async def sweep(
    plan: Plan,
    hub: client.Client,
    live: Live,
    owner: tuple[str, str],
    identity: client.Identity | None = None,
) -> list[Resource]:
    """Delete what the plan dooms; returns what is still there, in the plan's order.

    An object counts only while it is labelled as this application's; one that another took over,
    or whose kind is gone, counts as gone. The uid guards against deleting a namesake.

    Raises:
        Problem: `gc.failed` when the API server refuses a deletion.
    Source: semantics C9.
    """
    remaining = []
    for resource in plan.doomed:
        found = await live.find(resource.key)
        if found is None or manifest.owner(found) != owner:
            continue
        meta = manifest.metadata(found)
        if meta.get("deletionTimestamp"):
            remaining.append(resource)
            continue
        try:
            left = await hub.delete(resource.key, uid=meta["uid"], identity=identity)
        except errors.ApiError as error:
            if error.conflict:
                continue  # a namesake stands there now, and it is not ours
            message = f"cannot delete {resource.key}: {error.message}"
            raise Problem("gc.failed", message, retry=True) from error
        if left is not None:
            remaining.append(resource)
    if not remaining:
        for old in plan.retired:
            await retire(old, hub)
    return remaining


async def retire(old: Tracker, hub: client.Client) -> None:
    """Let a tracker go: it is asked to be deleted, then loses the finalizer that held it."""
    key = tracker.key_of(old)
    try:
        if not old.deleting:
            await hub.delete(key, uid=old.raw["metadata"]["uid"])
        kept = [
            f for f in old.raw["metadata"].get("finalizers") or () if f != names.TRACKER_FINALIZER
        ]
        await hub.patch(key, {"metadata": {"finalizers": kept}})
    except errors.ApiError as error:
        if not error.not_found and not error.conflict:
            raise
