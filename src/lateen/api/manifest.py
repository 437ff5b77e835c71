"""Kubernetes objects as plain maps, and the few things every stage asks of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lateen.api import names

Manifest = dict[str, Any]
Check = Callable[[Manifest], None]
"""Is shown what is there, or about to be; raises where that is not to be written over."""


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Which object: what a ResourceTracker, a cache and an owner reference identify it by.

    The version is not part of the identity (semantics C6) but is needed to address it.
    """

    group: str
    kind: str
    namespace: str
    name: str
    version: str = ""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def identity(self) -> tuple[str, str, str, str]:
        return (self.group, self.kind, self.namespace, self.name)

    def __str__(self) -> str:
        place = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {place}"


def split_version(api_version: str) -> tuple[str, str]:
    """`apps/v1` -> (`apps`, `v1`); `v1` -> (``, `v1`)."""
    group, _, version = api_version.rpartition("/")
    return group, version


def key(manifest: Mapping[str, Any]) -> Key:
    group, version = split_version(str(manifest.get("apiVersion", "")))
    meta = manifest.get("metadata") or {}
    return Key(
        group,
        str(manifest.get("kind", "")),
        str(meta.get("namespace") or ""),
        str(meta.get("name") or ""),
        version,
    )


def metadata(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return manifest.get("metadata") or {}


def selector(wanted: Mapping[str, str]) -> str:
    """What a request for objects with these labels asks for."""
    return ",".join(f"{name}={value}" for name, value in wanted.items())


def labels(manifest: Mapping[str, Any]) -> dict[str, str]:
    return metadata(manifest).get("labels") or {}


def annotation(manifest: Mapping[str, Any], name: str, default: str = "") -> str:
    return str((metadata(manifest).get("annotations") or {}).get(name, default))


def controller(api_version: str, kind: str, name: str, uid: str) -> dict[str, Any]:
    """The entry of `ownerReferences` for the one object that another belongs to and goes with."""
    return {
        "apiVersion": api_version,
        "kind": kind,
        "name": name,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def annotated(manifest: Mapping[str, Any], name: str, value: str | None) -> Manifest:
    """The manifest with an annotation, or without it for None."""
    meta = metadata(manifest)
    found = {k: v for k, v in (meta.get("annotations") or {}).items() if k != name}
    if value is not None:
        found[name] = value
    bare = {k: v for k, v in meta.items() if k != "annotations"}
    return {**manifest, "metadata": {**bare, **({"annotations": found} if found else {})}}


def cluster(manifest: Mapping[str, Any]) -> str:
    """Which cluster an object is delivered to, or is in; the control plane's own by name."""
    return labels(manifest).get(names.APP_CLUSTER) or names.LOCAL


def owner(manifest: Mapping[str, Any]) -> tuple[str, str] | None:
    """(namespace, name) of the application an object is labelled as owned by (semantics C7)."""
    found = labels(manifest)
    if names.APP_NAME not in found or names.APP_NAMESPACE not in found:
        return None
    return found[names.APP_NAMESPACE], found[names.APP_NAME]
