"""What Terraform remembers, in Secrets: under the names and in the form of its own backend.

So a state that KubeVela's controller or a person's Terraform has written is taken over, and the
other way round. Only a state too big for one Secret has a form of its own: its parts are named by
their content, and written before the Secret that names them, so that none is ever half there.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import anyio
import orjson

from lateen.api import manifest as manifests
from lateen.api.configuration import Configuration
from lateen.api.manifest import Key, Manifest
from lateen.base import clock as clocks
from lateen.base.clock import Clock
from lateen.base.problem import Problem
from lateen.hub import client, errors

PART_BYTES: Final = 700_000  # a Secret takes 1 MiB
_PARTS: Final = "lateen.dev/state-parts"  # digest/number of parts
_SECRET, _PREFIX = "the Secret ", "tfstate-default-"
_LOCK: Final = "app.terraform.io/lock-info"
_REMEDY: Final = (
    "restore the Secret; or, if nothing is left of what it was about, let the Configuration go "
    "with forceDelete: true, and make it again"
)
_LEASE: Final = 60  # seconds a lock outlives its holder
RENEW: Final = 15.0


@dataclass(frozen=True)
class Place:
    """Which state: the end of the names of what holds it, in a namespace."""

    namespace: str
    suffix: str

    @property
    def name(self) -> str:
        return f"{_PREFIX}{self.suffix}"

    @property
    def shown(self) -> str:
        return f"{_SECRET}{self.namespace}/{self.name}"

    @classmethod
    def of(cls, shown: str) -> Place | None:
        """The place that is so `shown`; None for what is none."""
        namespace, _, name = shown.removeprefix(_SECRET).partition("/")
        if not shown.startswith(_SECRET) or not name.startswith(_PREFIX):
            return None
        return cls(namespace, name.removeprefix(_PREFIX))

    @property
    def labels(self) -> dict[str, str]:
        return {
            "tfstate": "true",
            "tfstateSecretSuffix": self.suffix,
            "tfstateWorkspace": "default",
            "app.kubernetes.io/managed-by": "terraform",
        }


class States:
    """Reads, writes and locks states as `holder`, a name that stays the same when we restart."""

    def __init__(
        self, hub: client.Client, clock: Clock, holder: str, *, part_bytes: int = PART_BYTES
    ) -> None:
        self._hub = hub
        self._clock = clock
        self._holder = holder
        self._part = part_bytes

    async def read(self, place: Place) -> bytes | None:
        """The state; None where there is none.

        Raises:
            Problem: `terraform.state` for one that is damaged.
        """
        found = await self._get("Secret", place, place.name)
        packed = (found or {}).get("data", {}).get("tfstate")
        if found is None or not packed:
            return None
        whole = base64.b64decode(packed)
        try:
            for name in _part_names(place, found):
                part = await self._get("Secret", place, name)
                whole += base64.b64decode((part or {})["data"]["tfstate"])
            return gzip.decompress(whole)
        except (KeyError, EOFError, OSError, ValueError) as error:
            message = f"the state in the Secret {place.name} is damaged"
            raise Problem("terraform.state", message, hint=_REMEDY, retry=True) from error

    async def write(self, place: Place, state: bytes) -> None:
        """Keep a state: whole, or as it was."""
        packed = gzip.compress(state, mtime=0)
        parts = [packed[at : at + self._part] for at in range(0, len(packed), self._part)] or [b""]
        before = await self._get("Secret", place, place.name)
        digest = hashlib.sha256(packed).hexdigest()[:10]
        annotations = {"encoding": "gzip"}
        if len(parts) > 1:
            annotations[_PARTS] = f"{digest}/{len(parts) - 1}"
        head = _secret(place, place.name, parts[0], annotations)
        names = _part_names(place, head)
        for name, part in zip(names, parts[1:], strict=True):
            await self._hub.apply(_secret(place, name, part, {}), force=True)
        await self._hub.apply(head, force=True)
        for name in set(_part_names(place, before or {})) - set(names):
            await self._hub.delete(_key("Secret", place, name))

    async def delete(self, place: Place) -> None:
        """Forget a state and its lock."""
        found = await self._get("Secret", place, place.name)
        for name in (*_part_names(place, found or {}), place.name):
            await self._hub.delete(_key("Secret", place, name))
        await self._hub.delete(_key("Lease", place, f"lock-{place.name}"))

    @asynccontextmanager
    async def locked(self, place: Place, operation: str) -> AsyncIterator[None]:
        """Hold the lock of a state, as Terraform's own backend does; to be renewed meanwhile.

        Raises:
            Problem: `terraform.locked` while somebody else has it.
        """
        await self._acquire(place, operation)
        try:
            yield
        finally:
            with anyio.CancelScope(shield=True):
                await self._release(place)

    async def _acquire(self, place: Place, operation: str) -> None:
        now = self._clock.now()
        found = await self._get("Lease", place, f"lock-{place.name}")
        if found is not None and (other := self._other(found, now)):
            raise Problem(
                "terraform.locked",
                f"the state {place.name} is locked by {other}",
                hint="wait until they are done, or break the lock by deleting the Lease "
                f"lock-{place.name}",
                retry=True,
            )
        info = {
            "ID": self._holder,
            "Operation": operation,
            "Who": f"{self._holder}@{socket.gethostname()}",
            "Created": clocks.stamp(now),
        }
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {
                "name": f"lock-{place.name}",
                "namespace": place.namespace,
                "labels": place.labels,
                "annotations": {_LOCK: orjson.dumps(info).decode()},
            },
            "spec": {
                "holderIdentity": self._holder,
                "leaseDurationSeconds": _LEASE,
                "renewTime": _micro(now),
            },
        }
        try:
            if found is None:
                await self._hub.create(lease)
            else:
                version = found["metadata"]["resourceVersion"]
                lease["metadata"] = {**manifests.metadata(lease), "resourceVersion": version}
                await self._hub.replace(lease)
        except errors.ApiError as error:
            if error.doomed:  # nobody else can begin either, and what is in the cloud has to go
                return
            if not (error.conflict or error.already_exists):
                raise
            message = f"the state {place.name} has just been locked by somebody else"
            raise Problem("terraform.locked", message, retry=True) from error

    def _other(self, lease: Manifest, now: datetime) -> str:
        """Who else has it; the lock of a person's Terraform does not end by itself."""
        spec = lease.get("spec") or {}
        holder = str(spec.get("holderIdentity") or "")
        if holder in ("", self._holder):
            return ""
        lasting = timedelta(seconds=int(spec.get("leaseDurationSeconds") or 0))
        renewed = spec.get("renewTime")
        if lasting and renewed and clocks.parse(renewed) + lasting < now:
            return ""
        try:
            info = orjson.loads(manifests.annotation(lease, _LOCK, "{}"))
        except orjson.JSONDecodeError:
            info = {}
        who = info.get("Who") or holder if isinstance(info, dict) else holder
        return f"{who} since {info['Created']}" if info.get("Created") else str(who)

    async def renew(self, place: Place) -> None:
        """Say that the lock is still wanted; due every `RENEW` seconds."""
        key = _key("Lease", place, f"lock-{place.name}")
        await self._hub.patch(key, {"spec": {"renewTime": _micro(self._clock.now())}})

    async def _release(self, place: Place) -> None:
        key = _key("Lease", place, f"lock-{place.name}")
        body = {
            "spec": {"holderIdentity": None, "leaseDurationSeconds": None, "renewTime": None},
            "metadata": {"annotations": {_LOCK: None}},
        }
        try:
            await self._hub.patch(key, body)
        except errors.ApiError as error:
            if not error.not_found:
                raise

    async def _get(self, kind: str, place: Place, name: str) -> Manifest | None:
        try:
            return await self._hub.get(_key(kind, place, name))
        except errors.ApiError as error:
            if error.not_found:
                return None
            raise


def found(declared: Configuration, place: Place, known: bytes | None) -> bytes | None:
    """The state that is `known`, which is to be there if anything was brought.

    Raises:
        Problem: `terraform.state` for one that is lost: without it, what was brought would be
            brought a second time, and never go.
    """
    if known is None and declared.remembered:
        message = f"the state in {place.shown} is gone, and with it what was brought"
        raise Problem("terraform.state", message, hint=_REMEDY, retry=True)
    return known


def newer(local: bytes | None, kept: bytes | None) -> bytes | None:
    """Which of two states to go on with: what a run that was cut off has left here is ahead of
    what was kept, if it is of the same line.
    """
    if local is None or kept is None:
        return kept if local is None else local
    mine, theirs = serial(local), serial(kept)
    ahead = mine[0] == theirs[0] and mine[1] > theirs[1]
    return local if ahead else kept


def serial(state: bytes) -> tuple[str, int]:
    """The line a state is of, and its number in it; ("", -1) for what is no whole state."""
    try:
        found: Any = orjson.loads(state)
        return str(found["lineage"]), int(found["serial"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return "", -1


def empty(state: bytes | None) -> bool:
    """There is nothing in the cloud that the state knows of."""
    return not state or not (orjson.loads(state).get("resources") or ())


def resources(state: bytes | None) -> list[str]:
    """The addresses of what a state knows of in the cloud."""
    known = (orjson.loads(state).get("resources") or ()) if state else ()
    found = []
    for each in known:
        if each.get("mode") == "managed":
            path = (each.get("module"), each["type"], each["name"])
            address = ".".join(part for part in path if part)
            for instance in each.get("instances") or ():
                index = instance.get("index_key")
                key = "" if index is None else f"[{orjson.dumps(index).decode()}]"
                found.append(address + key)
    return found


def _part_names(place: Place, head: Manifest) -> list[str]:
    digest, _, count = manifests.annotation(head, _PARTS).partition("/")
    return [f"{place.name}-part-{each + 1}-{digest}" for each in range(int(count or 0))]


def _secret(place: Place, name: str, data: bytes, annotations: dict[str, str]) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": place.namespace,
            "labels": place.labels,
            "annotations": annotations,
        },
        "data": {"tfstate": base64.b64encode(data).decode()},
    }


def _key(kind: str, place: Place, name: str) -> Key:
    group = "coordination.k8s.io" if kind == "Lease" else ""
    return Key(group, kind, place.namespace, name, "v1")


def _micro(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
