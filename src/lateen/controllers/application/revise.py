"""Decide which revision the application is at, and store a new one when it is new (C3)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any, Protocol

from lateen.api import names, returns, revision
from lateen.api.application import Application
from lateen.api.manifest import Key, Manifest
from lateen.api.revision import Revision, Snapshot
from lateen.controllers.application import referring
from lateen.controllers.application.referring import Lookup
from lateen.definitions import loading
from lateen.hub import client, errors


class Revisions(Protocol):
    """The stored revisions of one application, as a watch last saw them."""

    def of(self, app: Application) -> list[Revision]: ...
    def observe(self, found: Manifest) -> None: ...


def pinned(app: Application, revisions: list[Revision]) -> Revision | None:
    """The latest revision when the author's publishVersion says to stay at it (semantics C2)."""
    latest = latest_of(app, revisions)
    if latest and app.publish_version and latest.publish_version == app.publish_version:
        return latest
    return None


def latest_of(app: Application, revisions: list[Revision]) -> Revision | None:
    """The revision of what the author wrote last: the one status names as the latest; after a lost
    status, the newest there is. While it is quarantined, status names another one.
    """
    if aside := returns.put_aside(app, revisions):
        return aside
    name = (app.status.get("latestRevision") or {}).get("name")
    named = next((r for r in revisions if r.name == name), None)
    return named or revision.newest(revisions)


def remembering(
    app: Application, revisions: list[Revision], catalogue: loading.Catalogue
) -> loading.Catalogue:
    """The catalogue, and behind it what the latest revision recorded, while the text is its text.

    An application that was delivered stays as it is when one of its definitions goes away.
    """
    latest = latest_of(app, revisions)
    if latest is None or latest.application.spec != app.spec:
        return catalogue
    # the place that is looked at last: what is there comes before what was recorded
    recorded = loading.Recorded(latest.definitions, names.SYSTEM_NAMESPACE)
    return loading.Layered(catalogue, recorded)


async def referring_to(
    snapshot: Snapshot, revisions: list[Revision], lookup: Callable[[], Lookup]
) -> Snapshot:
    """The snapshot with what it refers to: as the latest revision has it while that says the same,
    else as it is now.

    Raises:
        Problem | Problems: something is not there, or may not be read.
    """
    if not referring.refers(snapshot.application):
        return snapshot
    latest = latest_of(snapshot.application, revisions)
    version = snapshot.application.publish_version
    if latest and latest.publish_version == version and snapshot.same_intent(latest):
        return replace(snapshot, referred=latest.referred)
    return replace(snapshot, referred=await lookup().objects(snapshot.application))


def choose(snapshot: Snapshot, revisions: list[Revision]) -> Revision | None:
    """The stored revision that says the same as the snapshot, or None when it is a new one.

    The latest is kept while what the author wrote is the same, even if definitions changed, unless
    the application follows them; going back to an older text finds the revision of that time
    (semantics C3).
    """
    app = snapshot.application
    latest = latest_of(app, revisions)
    if latest is None:
        return None
    wanted = snapshot.hash()
    followed = not app.auto_update or latest.hash == wanted
    same_version = latest.publish_version == app.publish_version
    if same_version and followed and snapshot.same_intent(latest):
        return latest
    for old in sorted(revisions, key=lambda r: r.number, reverse=True):
        if old.publish_version == app.publish_version and old.hash == wanted:
            return old if snapshot.same_intent(old) else None
    return None


async def store(
    snapshot: Snapshot,
    revisions: list[Revision],
    hub: client.Client,
    observe: Callable[[Manifest], None],
) -> Revision:
    """Create the next revision; its number is above every one that was ever kept.

    A number that is taken by a revision we have not seen is passed over, unless that revision is
    this very snapshot, stored by a pass that died before it could say so.
    """
    app = snapshot.application
    newest = revision.newest(revisions)
    recorded = int((app.status.get("latestRevision") or {}).get("revision") or 0)
    number = max(newest.number if newest else 0, recorded) + 1
    while True:
        fresh = revision.build(snapshot, number)
        try:
            stored = Revision(await hub.create(fresh.raw))
        except errors.ApiError as error:
            if not error.already_exists:
                raise
            stored = Revision(await hub.get(_key(fresh)))
            if stored.hash != fresh.hash or not _same_owner(stored, fresh):
                number += 1
                continue
        observe(stored.raw)
        return stored


def _same_owner(left: Revision, right: Revision) -> bool:
    uids = [
        {ref.get("uid") for ref in side.raw["metadata"].get("ownerReferences") or ()}
        for side in (left, right)
    ]
    return uids[0] == uids[1]


def _key(stored: Revision) -> Key:
    namespace = stored.raw["metadata"]["namespace"]
    return Key(names.GROUP, "ApplicationRevision", namespace, stored.name, "v1beta1")


def in_use(
    app: Application, status: Mapping[str, Any], revisions: list[Revision]
) -> frozenset[str]:
    """Names of the revision that is delivered, and of the one that it takes the place of."""
    aside = returns.put_aside(app, revisions)
    delivered = str((status.get("latestRevision") or {}).get("name", ""))
    return frozenset([delivered, *([aside.name] if aside else [])])


async def trim(
    revisions: list[Revision], in_use: Collection[str], hub: client.Client, limit: int
) -> None:
    """Delete the oldest revisions beyond `limit` and those in use, never these (semantics C3)."""
    spare = sorted((r for r in revisions if r.name not in in_use), key=lambda r: r.number)
    for old in spare[: max(0, len(spare) - limit)]:
        await hub.delete(_key(old), uid=old.raw["metadata"]["uid"])


async def remove_all(revisions: list[Revision], hub: client.Client) -> None:
    for old in revisions:
        await hub.delete(_key(old), uid=old.raw["metadata"]["uid"])
