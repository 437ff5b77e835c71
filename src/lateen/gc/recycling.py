"""The recycle bin: what the control plane deletes is kept for a while, and can be brought back.

Each object is a Secret in the system namespace, whatever it was: it may have held secrets. A Secret
that is deleted is kept only where the settings say so.
"""

from __future__ import annotations

import base64
import logging
import zlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import anyio
import orjson

from lateen.api import manifest, names
from lateen.api.manifest import Key, Manifest
from lateen.base import clock as clocks
from lateen.base import hashing
from lateen.hub import client, errors

_LOG = logging.getLogger(__name__)

_APP = "recycle.lateen.dev/app"
_NAMESPACE = "recycle.lateen.dev/namespace"
_OBJECT = "recycle.lateen.dev/object"
_DELETED = "recycle.lateen.dev/deleted"
_TYPE = "recycle.lateen.dev/object"
_HOUR = 3600.0
_MOST = 700_000  # bytes, compressed: what fits into one Secret as base64

Owner = tuple[str, str]


@dataclass(frozen=True)
class Recycled:
    """One object in the bin. `stored` is the name of the Secret it is kept in."""

    owner: Owner
    deleted: datetime
    stored: str
    object: Manifest

    @property
    def key(self) -> Key:
        return manifest.key(self.object)

    @property
    def cluster(self) -> str:
        """Where it was, and where it goes when it is brought back."""
        return manifest.cluster(self.object)


@dataclass(frozen=True)
class Bin:
    """Keeps what is deleted for a number of days; for none of them it keeps nothing."""

    hub: client.Client
    clock: clocks.Clock
    days: float
    secrets: bool = False

    async def keep(self, found: Manifest, owner: Owner) -> None:
        """Put an object into the bin, before it is deleted. Idempotent for one object.

        Raises:
            ApiError: it cannot be kept; then it should not be deleted either.
        """
        secret = found.get("kind") == "Secret" and not found["apiVersion"].count("/")
        if not self.days or (secret and not self.secrets):
            return
        packed = zlib.compress(orjson.dumps(lean(found)), 9)
        if len(packed) > _MOST:
            return
        namespace, name = owner
        await self.hub.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {
                    "name": f"recycled-{hashing.digest(found['metadata']['uid'], 20)}",
                    "namespace": names.SYSTEM_NAMESPACE,
                    "labels": {_APP: name, _NAMESPACE: namespace},
                    "annotations": {
                        _OBJECT: str(manifest.key(found)),
                        _DELETED: clocks.stamp(self.clock.now()),
                    },
                },
                "type": _TYPE,
                "data": {"object": base64.b64encode(packed).decode()},
            },
            force=True,
        )

    async def empty(self) -> None:
        """Empty it of what is over its time, now and every hour, until cancelled."""
        while True:
            try:
                await self.expire()
            except errors.ApiError as error:
                _LOG.warning("the recycle bin is not emptied: %s", error)
            await anyio.sleep(_HOUR)

    async def expire(self) -> None:
        """Empty the bin of what has been in it for longer than it is kept."""
        oldest = self.clock.now() - timedelta(days=self.days)
        found, _ = await self.hub.list(
            "", "v1", "Secret", namespace=names.SYSTEM_NAMESPACE, label_selector=_APP
        )
        for stored in found:
            if clocks.parse(manifest.annotation(stored, _DELETED)) < oldest:
                await self.hub.delete(manifest.key(stored), uid=stored["metadata"]["uid"])


async def content(hub: client.Client, owner: Owner | None = None) -> list[Recycled]:
    """What is in the bin, of one application or of all, the latest deleted first."""
    chosen = _APP if owner is None else f"{_NAMESPACE}={owner[0]},{_APP}={owner[1]}"
    found, _ = await hub.list(
        "", "v1", "Secret", namespace=names.SYSTEM_NAMESPACE, label_selector=chosen
    )
    recycled = [_recycled(stored) for stored in found]
    return sorted(recycled, key=lambda each: each.deleted, reverse=True)


def latest(recycled: Iterable[Recycled]) -> list[Recycled]:
    """Of objects that were deleted several times the last one, in the order given."""
    seen: dict[tuple[str, ...], Recycled] = {}
    for each in recycled:
        seen.setdefault((each.cluster, *each.key.identity), each)
    return list(seen.values())


async def restore(hub: client.Client, there: client.Client, recycled: Recycled) -> bool:
    """Make the object again and take it out of the bin; False when there is one of its name.

    Args:
        there: the cluster it belongs to, where `hub` has the bin.

    Raises:
        ApiError: the API server would not take it.
    """
    try:
        await there.create(recycled.object)
    except errors.ApiError as error:
        if not error.already_exists:
            raise
        return False
    await hub.delete(Key("", "Secret", names.SYSTEM_NAMESPACE, recycled.stored, "v1"))
    return True


def _recycled(stored: Manifest) -> Recycled:
    labels = manifest.labels(stored)
    packed = base64.b64decode(stored["data"]["object"])
    return Recycled(
        (labels[_NAMESPACE], labels[_APP]),
        clocks.parse(manifest.annotation(stored, _DELETED)),
        stored["metadata"]["name"],
        orjson.loads(zlib.decompress(packed)),
    )


# what the server gives an object, and gives the next one of its name anew
_OF_THE_SERVER = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
)
# what binding leaves on a claim: one that has it and no volume counts as having lost its own
_BOUND = ("pv.kubernetes.io/bind-completed", "pv.kubernetes.io/bound-by-controller")
_MARKS = ("controller-uid", "batch.kubernetes.io/controller-uid")


def lean(found: Manifest) -> dict[str, Any]:
    """A live object as it could be created again."""
    key = manifest.key(found)
    body = _without(found, ("status",))
    meta = _without(manifest.metadata(found), _OF_THE_SERVER)
    meta["finalizers"] = [f for f in meta.get("finalizers") or () if f != names.APP_FINALIZER]
    if annotations := meta.get("annotations"):
        meta["annotations"] = _without(annotations, _BOUND)
    spec = body.get("spec")
    if isinstance(spec, Mapping):
        body["spec"] = spec = _without(spec, _given(key, found))
        if key.kind == "Job":
            template = spec.get("template") or {}
            labels = _without(manifest.labels(template), _MARKS)
            inner = {**manifest.metadata(template), "labels": labels}
            body["spec"] = {**spec, "template": {**template, "metadata": inner}}
            meta["labels"] = _without(meta.get("labels") or {}, _MARKS)
    return {**body, "metadata": meta}


def _given(key: Key, found: Manifest) -> Collection[str]:
    """The fields of its spec that nobody declared: the next one of its name is given others."""
    spec = found["spec"]
    match key.group, key.kind:
        case "", "Service" if spec.get("clusterIP") != "None":  # which is a wish to have none
            return ("clusterIP", "clusterIPs")
        case "", "PersistentVolumeClaim" if manifest.annotation(found, _BOUND[0]):
            return ("volumeName",)
        case "batch", "Job" if not spec.get("manualSelector"):
            return ("selector",)
    return ()


def _without(fields: Mapping[str, Any], left: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in left}
