"""Objects that several applications share: `app.oam.dev/shared-by` names them (semantics F7).

The first to come owns the object: it bears its labels, and only the owner writes it. When the owner
leaves, the next in the list becomes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lateen.api import manifest, names
from lateen.api.manifest import Manifest

Owner = tuple[str, str]
"""Namespace and name of an application."""


def sharers(found: Mapping[str, Any]) -> list[Owner]:
    """Who shares an object, in the order they joined; nobody when it is not shared."""
    listed = manifest.annotation(found, names.SHARED_BY).split(",")
    return [(text.partition("/")[0], text.partition("/")[2]) for text in listed if "/" in text]


def shares(found: Mapping[str, Any], who: Owner) -> bool:
    return who in sharers(found)


def concerned(found: Mapping[str, Any]) -> list[Owner]:
    """Every application that an object is of concern to: its owner first, then who shares it."""
    owner = manifest.owner(found)
    return list(dict.fromkeys([*([owner] if owner else []), *sharers(found)]))


def version(found: Manifest) -> str:
    """What a write that rests on the list of a shared object is conditional on, else nothing.

    Who joins or leaves meanwhile makes it a conflict, and is not struck off.
    """
    return str(manifest.metadata(found)["resourceVersion"]) if sharers(found) else ""


def stamped(desired: Manifest, live: Manifest | None, who: Owner) -> Manifest:
    """What its owner writes: the manifest with the list of those that share the object.

    It is to be written only over `live` as it was.
    """
    listed = sharers(live or {})
    if who not in listed:
        listed.insert(0, who)
    meta = dict(manifest.metadata(desired))
    if live is not None:
        meta["resourceVersion"] = manifest.metadata(live)["resourceVersion"]
    meta["annotations"] = {**(meta.get("annotations") or {}), names.SHARED_BY: _listed(listed)}
    return {**desired, "metadata": meta}


def joining(live: Manifest, who: Owner) -> dict[str, Any]:
    """The merge patch that adds an application to those that share an object."""
    return _patch(live, [*sharers(live), who])


def leaving(live: Manifest, who: Owner) -> dict[str, Any]:
    """The merge patch that takes an application off the list, and hands on what it owned.

    The last one leaves an object that nobody owns.
    """
    left = [each for each in sharers(live) if each != who]
    patch = _patch(live, left)
    if manifest.owner(live) == who:
        namespace, name = left[0] if left else (None, None)
        patch["metadata"]["labels"] = {names.APP_NAMESPACE: namespace, names.APP_NAME: name}
    return patch


def _patch(live: Manifest, listed: list[Owner]) -> dict[str, Any]:
    # the version makes it a conflict when somebody else joined or left meanwhile
    seen = manifest.metadata(live)["resourceVersion"]
    annotations = {names.SHARED_BY: _listed(listed) or None}
    return {"metadata": {"resourceVersion": seen, "annotations": annotations}}


def _listed(owners: list[Owner]) -> str:
    return ",".join("/".join(each) for each in owners)
