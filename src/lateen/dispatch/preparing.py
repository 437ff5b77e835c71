"""What every manifest goes through before it is sent (semantics B6 item 7, C7). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lateen.api import manifest, names
from lateen.api.manifest import Manifest
from lateen.base import hashing

# These make room for the others: a namespace for what is in it, a CRD for objects of its kind.
_FIRST = ("Namespace", "CustomResourceDefinition")


def prepare(desired: Manifest, *, namespaced: bool) -> Manifest:
    """The manifest as it is sent: no nulls, no status, no namespace on what has none, hash label.

    The hash is over the manifest before the label, so equal manifests carry equal labels.
    """
    body = {key: value for key, value in _pruned(desired).items() if key != "status"}
    meta = dict(body.get("metadata") or {})
    if not namespaced:
        meta.pop("namespace", None)
    body["metadata"] = meta
    meta["labels"] = {**(meta.get("labels") or {}), names.RENDER_HASH: hashing.digest(body)}
    return body


def precedes(desired: Mapping[str, Any]) -> bool:
    """Whether other objects of the same dispatch may need this one to exist first."""
    return desired.get("kind") in _FIRST


def makes_room_for(desired: Mapping[str, Any], others: list[Manifest]) -> bool:
    """Whether `desired` can only be judged by the API server once one of `others` exists."""
    namespace = manifest.key(desired).namespace
    return defined_by(desired, others) is not None or any(
        other.get("kind") == "Namespace" and other["metadata"]["name"] == namespace
        for other in others
    )


def defined_by(desired: Mapping[str, Any], others: Iterable[Manifest]) -> Manifest | None:
    """The CustomResourceDefinition among `others` that brings the kind of `desired`."""
    key = manifest.key(desired)
    for other in others:
        spec = other.get("spec") or {}
        if (
            other.get("kind") == "CustomResourceDefinition"
            and spec.get("group") == key.group
            and (spec.get("names") or {}).get("kind") == key.kind
        ):
            return other
    return None


def render_hash(found: Mapping[str, Any]) -> str:
    return manifest.labels(found).get(names.RENDER_HASH, "")


def _pruned(value: Any) -> Any:
    """`value` without nulls: a template says null to leave a field out, and so does kubectl."""
    if isinstance(value, Mapping):
        return {key: _pruned(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_pruned(item) for item in value]
    return value
