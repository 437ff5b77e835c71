"""PersistentVolumeClaims of the node: each gets a directory of this machine."""

from __future__ import annotations

import logging
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from lateen.api.manifest import Key, Manifest
from lateen.base.problem import Problem
from lateen.hub import ApiError, Client, Informer

_LOG = logging.getLogger(__name__)
_PAUSE = 0.05
_AGAIN = 30.0  # seconds

PROVISIONER = "lateen.dev/directory"

# the default one, so that a claim that names none gets a directory
STORAGE_CLASS: Manifest = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {
        "name": "lateen",
        "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
    },
    "provisioner": PROVISIONER,
    "reclaimPolicy": "Delete",
    "volumeBindingMode": "Immediate",
}

RULES: list[dict[str, Any]] = [
    {
        "apiGroups": [""],
        "resources": ["persistentvolumes"],
        "verbs": ["get", "list", "watch", "create", "delete"],
    },
    {
        "apiGroups": [""],
        "resources": ["persistentvolumeclaims"],
        "verbs": ["get", "list", "watch"],
    },
]


class Claims:
    """Makes a volume for each claim of our class, and removes it with its data once released."""

    def __init__(self, client: Client, directory: Path) -> None:
        self._client = client
        self._directory = directory
        self._claims = Informer(client, "", "v1", "PersistentVolumeClaim")
        self._volumes = Informer(client, "", "v1", "PersistentVolume")
        self._changed = anyio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        async with anyio.create_task_group() as group:
            for informer in (self._claims, self._volumes):
                informer.on_change(lambda old, new: self._changed.set())
                group.start_soon(informer.run)
            await self._claims.wait_synced()
            await self._volumes.wait_synced()
            while True:
                self._changed = anyio.Event()
                with anyio.move_on_after(None if await self._guarded() else _AGAIN):
                    await self._changed.wait()
                await anyio.sleep(_PAUSE)

    async def _guarded(self) -> bool:
        try:
            await self._arrange()
        except (ApiError, Problem, OSError) as error:
            _LOG.warning("volumes: %s", error)
            return False
        return True

    async def _arrange(self) -> None:
        for claim in self._claims.list():
            spec = claim["spec"]
            ours = spec.get("storageClassName") == STORAGE_CLASS["metadata"]["name"]
            pending = not spec.get("volumeName") and not claim["metadata"].get("deletionTimestamp")
            if ours and pending and self._volumes.get("", _name(claim)) is None:
                await self._provide(claim)
        for volume in self._volumes.list():
            if _left_over(volume):
                await self._remove(volume)

    async def _provide(self, claim: Manifest) -> None:
        place = self._directory / _name(claim)
        place.mkdir(parents=True, exist_ok=True)
        place.chmod(0o777)  # a container may run as anybody; the directory above is ours alone
        meta, spec = claim["metadata"], claim["spec"]
        volume = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {
                "name": _name(claim),
                "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER},
            },
            "spec": {
                "capacity": {"storage": spec["resources"]["requests"]["storage"]},
                "accessModes": spec.get("accessModes") or ["ReadWriteOnce"],
                "volumeMode": "Filesystem",
                "persistentVolumeReclaimPolicy": STORAGE_CLASS["reclaimPolicy"],
                "storageClassName": STORAGE_CLASS["metadata"]["name"],
                "claimRef": {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    "namespace": meta["namespace"],
                    "name": meta["name"],
                    "uid": meta["uid"],
                },
                "hostPath": {"path": str(place), "type": "Directory"},
            },
        }
        try:
            self._volumes.observe(await self._client.create(volume))
        except ApiError as error:
            if not error.already_exists:
                raise

    async def _remove(self, volume: Manifest) -> None:
        meta = volume["metadata"]
        place = self._directory / str(meta["name"])
        key = Key("", "PersistentVolume", "", str(meta["name"]), "v1")
        # as it is now: data does not come back, and somebody may just have said that it is to stay
        try:
            found = await self._client.get(key)
        except ApiError as error:
            if not error.not_found:
                raise
            _LOG.info("%s stays: somebody else has deleted its volume", place)
            return
        if found["metadata"]["uid"] != meta["uid"] or not _left_over(found):
            return
        await anyio.to_thread.run_sync(partial(shutil.rmtree, place, ignore_errors=True))
        await self._client.delete(key, uid=str(meta["uid"]))


def _left_over(volume: Manifest) -> bool:
    """Whether a volume of ours is to go with its data, now that its claim is gone."""
    spec = volume["spec"]
    ours = spec.get("storageClassName") == STORAGE_CLASS["metadata"]["name"]
    released = (volume.get("status") or {}).get("phase") == "Released"
    return ours and released and spec.get("persistentVolumeReclaimPolicy") == "Delete"


def _name(claim: Manifest) -> str:
    return f"pvc-{claim['metadata']['uid']}"
