"""Secrets that are copies of another one of their application: they say what that one says.

Pure. The copy is recorded as it was first made; what is wanted of it follows from its source.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.manifest import Key, Manifest


def source(recorded: Manifest) -> Key | None:
    """The Secret in the control plane's own cluster that this is a copy of; None for no copy."""
    namespace, _, name = manifests.annotation(recorded, names.COPY_OF).partition("/")
    return Key("", "Secret", namespace, name, "v1") if name else None


def of(recorded: Manifest, original: Manifest | None) -> Manifest:
    """The copy as it is to be now. Where its source is gone, or another's by now, it stays as it
    was recorded: who reads it may still need it.
    """
    if original is None or manifests.owner(original) != manifests.owner(recorded):
        return recorded
    return {**recorded, "data": dict(_data(original))}


def outdated(recorded: Manifest, desired: Manifest, live: Manifest) -> bool:
    """Whether the live copy still has what its source had when it was made, and has no more."""
    lost = _data(recorded).keys() - _data(desired).keys()
    return bool(lost & _data(live).keys())


def _data(secret: Manifest) -> Mapping[str, Any]:
    return secret.get("data") or {}
