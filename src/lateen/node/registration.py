"""The Node object and its Lease: that there is a node, what it has, and that it is alive."""

from __future__ import annotations

import logging
import os
import platform
import shutil
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio

from lateen.api import names
from lateen.api.manifest import Key, Manifest
from lateen.base.problem import Problem
from lateen.hub import ApiError, Client
from lateen.node import limiting, phases
from lateen.node.settings import Settings

_LOG = logging.getLogger(__name__)

RUNTIME_LABEL = "lateen.dev/runtime"

# whoever composes the control plane creates it: a node may not
RUNTIME_CLASS: Manifest = {
    "apiVersion": "node.k8s.io/v1",
    "kind": "RuntimeClass",
    "metadata": {"name": "process"},
    "handler": "process",
    "scheduling": {"nodeSelector": {RUNTIME_LABEL: "process"}},
}

_ARCHITECTURES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "armv7l": "arm"}
Wait = Callable[[], Awaitable[None]]

_LEASE_NAMESPACE = "kube-node-lease"
_LEASE_SECONDS = 40
_PRESSURES = {
    "MemoryPressure": "KubeletHasSufficientMemory",
    "DiskPressure": "KubeletHasNoDiskPressure",
    "PIDPressure": "KubeletHasSufficientPID",
}


def node(settings: Settings) -> Manifest:
    """The Node object, without its status."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": settings.name,
            "labels": {
                "kubernetes.io/hostname": settings.name,
                "kubernetes.io/os": platform.system().lower(),
                "kubernetes.io/arch": _architecture(),
                RUNTIME_LABEL: "process",
            },
            "annotations": {names.LOWEST_PORT: str(settings.lowest_port)},
        },
    }


@dataclass(frozen=True)
class Told:
    """What changes in the life of a node: the port of the kubelet API, and what runs containers,
    `podman://4.3.1`, empty for nothing, for a reason; why processes are not isolated, and which
    limits of theirs do not hold.
    """

    port: int
    runtime: str = ""
    reason: str = ""
    unisolated: str = ""
    unlimited: str = ""
    held: frozenset[str] = limiting.ALL  # the kinds of limits that hold in containers
    alone: str = ""  # why containers reach no other pods

    @property
    def sentence(self) -> str:
        if self.runtime:
            engine = self.runtime.replace("://", " ")
            loose = limiting.listed(limiting.ALL - self.held)
            rest = f", where {loose} do not hold" if loose else ""
            return f"the node runs processes, and containers in {engine}{rest}"
        return f"the node runs processes, and no containers: {self.reason or 'not looked yet'}"


def status(settings: Settings, told: Told, before: Mapping[str, Any], now: float) -> dict[str, Any]:
    """The node's status; `before` is the one it had, `now` in seconds since 1970."""
    resources = {
        "cpu": str(os.cpu_count() or 1),
        "memory": f"{_memory() // 1024}Ki",
        "ephemeral-storage": f"{shutil.disk_usage(_existing(settings.directory)).total // 1024}Ki",
        "pods": str(settings.capacity),
    }
    return {
        # who asks for commands and ports is passed on to us as it speaks: WebSocket
        "declaredFeatures": ["ExtendWebSocketsToKubelet"],
        "capacity": resources,
        "allocatable": resources,
        "conditions": _conditions(before, told, now),
        "addresses": [
            {"type": "InternalIP", "address": "127.0.0.1"},
            {"type": "Hostname", "address": settings.name},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": told.port}},
        "nodeInfo": {
            "machineID": _read("/etc/machine-id"),
            "systemUUID": _read("/etc/machine-id"),
            "bootID": _read("/proc/sys/kernel/random/boot_id"),
            "kernelVersion": platform.release(),
            "osImage": f"{platform.system()} {platform.release()}",
            "containerRuntimeVersion": told.runtime
            or f"process://{settings.version.removeprefix('v')}",
            "kubeletVersion": settings.version,
            "kubeProxyVersion": "",
            "operatingSystem": platform.system().lower(),
            "architecture": _architecture(),
        },
    }


def _conditions(before: Mapping[str, Any], told: Told, now: float) -> list[dict[str, str]]:
    earlier = {c["type"]: c for c in before.get("conditions") or ()}
    found = {
        **{kind: ("False", reason, "") for kind, reason in _PRESSURES.items()},
        "Ready": ("True", "KubeletReady", told.sentence),
        "ProcessIsolation": ("False", "NotIsolated", told.unisolated)
        if told.unisolated
        else ("True", "Isolated", "processes are isolated by bubblewrap"),
        "ProcessLimits": ("False", "NotLimited", told.unlimited)
        if told.unlimited
        else ("True", "Limited", "limits hold for processes"),
        "ContainerNetwork": ("False", "LoopbackNetwork", told.alone)
        if told.alone
        else ("True", "PodNetwork", "containers reach Services and other pods"),
    }
    conditions = []
    for kind, (state, reason, message) in found.items():
        known = earlier.get(kind, {})
        since = known.get("lastTransitionTime") if known.get("status") == state else None
        conditions.append(
            {
                "type": kind,
                "status": state,
                "reason": reason,
                "message": message or reason,
                "lastHeartbeatTime": phases.moment(now),
                "lastTransitionTime": since or phases.moment(now),
            }
        )
    return conditions


async def register(client: Client, settings: Settings, told: Told) -> Manifest:
    """Make the Node object, or bring the one that is there up to date; returns it.

    Raises:
        ApiError: the server does not let us.
    """
    wanted = node(settings)
    key = Key("", "Node", "", settings.name, "v1")
    try:
        found = await client.create(wanted)
    except ApiError as error:
        if not error.already_exists:
            raise
        found = await client.get(key)
        ours = {each: wanted["metadata"][each] for each in ("labels", "annotations")}
        known = {each: found["metadata"].get(each) or {} for each in ours}
        if any(not ours[each].items() <= known[each].items() for each in ours):
            await client.patch(key, {"metadata": ours})
    body = {"status": status(settings, told, found.get("status") or {}, time.time())}
    return await client.patch(key, body, subresource="status")


async def keep_registered(
    client: Client, settings: Settings, told: Callable[[], Told], changed: Wait
) -> None:
    """Tell the status again when it has changed, and from time to time: somebody may have marked
    the node as lost.
    """
    while True:
        with anyio.move_on_after(settings.refresh_interval):
            await changed()
        try:
            await register(client, settings, told())
        except (ApiError, Problem) as error:
            _LOG.warning("the node's status cannot be told: %s", error)


async def keep_lease(
    client: Client, settings: Settings, owner: Manifest, told: Callable[[], Told]
) -> None:
    """Renew the node's Lease for ever; without it the node is taken for lost after 40 s."""
    missed = False
    while True:
        try:
            await _renew(client, settings, owner)
            if missed:  # the node may have been marked as lost meanwhile
                await register(client, settings, told())
            missed = False
        except (ApiError, Problem) as error:
            missed = True
            _LOG.warning("the node's lease cannot be renewed: %s", error)
        await anyio.sleep(settings.lease_interval)


async def _renew(client: Client, settings: Settings, owner: Manifest) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    key = Key("coordination.k8s.io", "Lease", _LEASE_NAMESPACE, settings.name, "v1")
    try:
        await client.patch(key, {"spec": {"renewTime": now}})
    except ApiError as error:
        if not error.not_found:
            raise
        metadata = owner["metadata"]
        reference = {"apiVersion": "v1", "kind": "Node", "name": metadata["name"]}
        await client.create(
            {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {
                    "name": settings.name,
                    "namespace": _LEASE_NAMESPACE,
                    "ownerReferences": [{**reference, "uid": metadata["uid"]}],
                },
                "spec": {
                    "holderIdentity": settings.name,
                    "leaseDurationSeconds": _LEASE_SECONDS,
                    "renewTime": now,
                },
            }
        )


def _architecture() -> str:
    return _ARCHITECTURES.get(platform.machine(), platform.machine())


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
