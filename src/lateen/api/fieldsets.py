"""Who owns which field of an object: what the API server notes in `managedFields`. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lateen.api import manifest as manifests
from lateen.base import paths


@dataclass(frozen=True)
class Owner:
    """One manager of a field."""

    manager: str
    operation: str  # Apply or Update
    subresource: str  # status, scale, or nothing
    time: str


def owners(live: Mapping[str, Any], path: paths.Path) -> list[Owner]:
    """The managers of a field of an object that was read from a cluster, the last writer last."""
    found = [
        Owner(
            str(entry.get("manager", "")),
            str(entry.get("operation", "")),
            str(entry.get("subresource") or ""),
            str(entry.get("time") or ""),
        )
        for entry in manifests.metadata(live).get("managedFields") or ()
        if _owns(entry.get("fieldsV1") or {}, live, path)
    ]
    return sorted(found, key=lambda owner: owner.time)


def _owns(fields: Mapping[str, Any], value: Any, path: paths.Path) -> bool:
    """Whether a set of fields has one in it; one without fields of its own stands for all below."""
    if not path:
        return True
    inner = paths.lookup(value, path[:1])
    for name, below in fields.items():
        if name != "." and _named(name, path[0], inner):
            return not any(key != "." for key in below) or _owns(below, inner, path[1:])
    return False


def _named(name: str, part: str | int, item: Any) -> bool:
    """Whether an entry of a set, such as `f:spec` or `k:{"name":"web"}`, means this part."""
    kind, _, text = name.partition(":")
    match kind:
        case "f":
            return text == part
        case "i":
            return isinstance(part, int) and int(text) == part
        case "v":
            return isinstance(part, int) and bool(json.loads(text) == item)
        case "k":
            if not isinstance(part, int) or not isinstance(item, Mapping):
                return False
            # what is left at its default is in the key, maybe not in the item
            keys = json.loads(text)
            return all(item.get(key, value) == value for key, value in keys.items())
    return False


def left_by_installers(live: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """`managedFields` without those who only brought the object here, such as Helm and kubectl.

    What they set stays as it is, and belongs to nobody but who applies it next: as long as it is
    theirs as well, leaving a field out removes nothing. None when there is nothing to leave out.
    """
    entries = manifests.metadata(live).get("managedFields") or []
    left = [each for each in entries if each.get("subresource") or not _installs(each)]
    if len(left) == len(entries):
        return None
    return left or [{}]  # the server takes an empty list for a mistake


def _installs(entry: Mapping[str, Any]) -> bool:
    manager = str(entry.get("manager", ""))
    return manager in ("helm", "Helm", "before-first-apply") or manager.startswith("kubectl")
