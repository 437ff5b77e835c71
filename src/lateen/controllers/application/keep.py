"""Keep what was delivered as it was declared (semantics C8)."""

from __future__ import annotations

from lateen.api import manifest
from lateen.api.manifest import Key, Manifest
from lateen.api.tracker import Resource, Tracker
from lateen.base.problem import Problem
from lateen.controllers import observing
from lateen.dispatch import drift, ownership
from lateen.hub import client, errors


async def keep(
    tracker: Tracker,
    hub: client.Client,
    live: observing.Owned,
    owner: tuple[str, str],
    clean: dict[Key, str],
    identity: client.Identity | None = None,
) -> list[Key]:
    """Put back every tracked object that was deleted or changed; returns those that were.

    Args:
        clean: object -> the resourceVersion at which it was last found as declared; updated.

    Raises:
        Problem: `keep.failed` when the API server refuses, `dispatch.owned` when an object was
            taken over by another application.
    """
    restored = []
    for resource in tracker.resources:
        if resource.raw is None:
            continue
        found = await live.find(resource.key)
        if found is not None and clean.get(resource.key) == _version(found):
            continue
        if await _restore(resource, found, hub, live, owner, clean, identity):
            restored.append(resource.key)
    return restored


async def _restore(
    resource: Resource,
    found: Manifest | None,
    hub: client.Client,
    live: observing.Owned,
    owner: tuple[str, str],
    clean: dict[Key, str],
    identity: client.Identity | None,
) -> bool:
    desired = resource.raw or {}
    if found is not None:
        if manifest.metadata(found).get("deletionTimestamp"):
            return False  # it comes back once it is gone
        ownership.refuse_foreign(found, owner)
        desired = drift.without_scaled_replicas(desired, found)
        if not drift.differs(desired, found):
            clean[resource.key] = _version(found)
            return False
    try:
        applied = await hub.apply(desired, force=True, identity=identity)
    except errors.ApiError as error:
        message = f"cannot restore {resource.key}: {error.message}"
        raise Problem("keep.failed", message, retry=True) from error
    live.observe(applied)
    clean[resource.key] = _version(applied)
    return found is None or _version(found) != _version(applied)


def _version(found: Manifest) -> str:
    return str(manifest.metadata(found).get("resourceVersion", ""))
