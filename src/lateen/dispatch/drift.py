"""Does the live object still say what was applied? (semantics C8)

Pure. A live object has more fields than were applied (defaults, status, what others own), so the
question is whether everything that was applied is still there with the same value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lateen.api import manifest
from lateen.api.manifest import Manifest
from lateen.api.treatment import WHOLE
from lateen.base import paths, quantity
from lateen.base.problem import Problem

_SERVER_OWNED = frozenset({"status", "managedFields", "resourceVersion", "uid", "generation"})


def differs(desired: Manifest, live: Manifest) -> bool:
    """Whether any field of `desired` is missing from `live` or has another value there.

    May say yes where the API server wrote a value in another form; a server-side apply then finds
    nothing to change. It never says no to a real difference.
    """
    return not _within({k: v for k, v in desired.items() if k not in _SERVER_OWNED}, live)


def _within(desired: Any, live: Any) -> bool:
    if desired is None:
        return True
    if isinstance(desired, Mapping):
        if not isinstance(live, Mapping):
            return not desired and live is None
        return all(_within(value, live.get(key)) for key, value in desired.items())
    if isinstance(desired, list):
        if not isinstance(live, list):
            return not desired and live is None
        return len(desired) == len(live) and all(map(_within, desired, live))
    return bool(desired == live) or quantity.equal(desired, live)


def without_scaled_replicas(desired: Manifest, live: Manifest) -> Manifest:
    """`desired` less `spec.replicas` where something scales the object through its subresource.

    An autoscaler (or `kubectl scale`) then owns the number; putting ours back would be a fight.
    """
    fields = (live.get("metadata") or {}).get("managedFields") or ()
    scaled = any(
        entry.get("subresource") == "scale"
        and "f:replicas" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
        for entry in fields
    )
    if not scaled or "replicas" not in (desired.get("spec") or {}):
        return desired
    spec = {key: value for key, value in desired["spec"].items() if key != "replicas"}
    return {**desired, "spec": spec}


def leaving(desired: Manifest, live: Manifest, left: Iterable[str]) -> Manifest:
    """`desired` with the live values at some field paths: what others set there stands.

    Raises:
        Problem: `dispatch.left` when the live object has nothing at a path.
    Source: semantics F5.
    """
    for text in left:
        if text == WHOLE:
            return live
        path = paths.parse(text)
        value = paths.lookup(live, path)
        if value is paths.MISSING:
            what = manifest.key(live)
            raise Problem(
                "dispatch.left",
                f'apply-once is to leave "{text}" of {what} alone, which has no such field',
                hint="correct the path in the policy, or set the field on the object",
                retry=True,
            )
        desired = paths.assign(desired, path, value)
    return desired


def recreates(desired: Manifest, live: Manifest, fields: Iterable[str]) -> bool:
    """Whether one of some field paths differs, so that the object is to be made anew.

    Raises:
        Problem: `dispatch.recreate` when `desired` has nothing at a path.
    Source: semantics C7, item 4.
    """
    for text in fields:
        path = paths.parse(text)
        wanted = paths.lookup(desired, path)
        if wanted is paths.MISSING:
            raise Problem(
                "dispatch.recreate",
                f"failed to evaluate recreateFields: {manifest.key(desired)} has no field {text}",
                hint="correct the path in the resource-update policy",
            )
        if not _within(wanted, paths.lookup(live, path, None)):
            return True
    return False
