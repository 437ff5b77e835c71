"""Whose object is it: what may be applied over, and what may not (semantics C7 item 2, F7).

Pure. The labels app.oam.dev/name and app.oam.dev/namespace are the only proof of ownership.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from lateen.api import manifest, names, sharing
from lateen.api.manifest import Key, Manifest
from lateen.api.treatment import PLAIN, Treatment
from lateen.base.problem import Problem


class Stance(Enum):
    """What an application is to an object that is there."""

    OWNER = "owner"  # it writes it
    SHARER = "sharer"  # it is one of those that share it: the owner writes it
    NEWCOMER = "newcomer"  # it is about to be one of those


def stance(live: Mapping[str, Any], owner: tuple[str, str], treatment: Treatment = PLAIN) -> Stance:
    """What the application may do with a live object.

    Args:
        live: the object as it is in the cluster.
        owner: (namespace, name) of the application.

    Raises:
        Problem: `dispatch.unowned` when no application owns it, `dispatch.owned` when another does,
            and in each case no policy allows it.
    """
    found = manifest.owner(live)
    if found == owner or (found is None and treatment.take_over):
        return Stance.OWNER
    described = _describe(manifest.key(live))
    if found is None:
        raise Problem(
            "dispatch.unowned",
            f"{described} exists but not managed by any application now",
            hint="rename the component, or delete the object if nothing else needs it; a take-over "
            "policy adopts it",
            retry=True,
        )
    if not treatment.shared:
        raise Problem(
            "dispatch.owned",
            f"existing object {described} is managed by other application {found[0]}/{found[1]}",
            hint="two applications cannot own one object: rename one of the components, or have "
            "both share it with shared-resource policies",
            retry=True,
        )
    listed = sharing.sharers(live)
    if not listed:
        raise Problem(
            "dispatch.owned",
            f"application is controlled by {found[0]}/{found[1]} but is not sharable: {described}",
            hint="the other application needs a shared-resource policy for the object as well",
            retry=True,
        )
    return Stance.SHARER if owner in listed else Stance.NEWCOMER


def present(live: Manifest | None, key: Key) -> Manifest:
    """An object that is only read, which therefore has to be there.

    Raises:
        Problem: `dispatch.missing` when it is not.
    """
    if live is not None:
        return live
    raise Problem(
        "dispatch.missing",
        f"{key.kind} ({key.name}) is marked as read-only but does not exist. You should check the "
        "existence of the resource or remove the read-only policy",
        retry=True,
    )


def applied(live: Mapping[str, Any]) -> bool:
    """Whether we had an object applied, whatever labels it has now.

    Args:
        live: the object with its managedFields, which what a watch keeps has not.
    """
    fields = manifest.metadata(live).get("managedFields") or ()
    ours = ("Apply", names.FIELD_MANAGER)
    return any((each.get("operation"), each.get("manager")) == ours for each in fields)


def owns(live: Mapping[str, Any], owner: tuple[str, str]) -> bool:
    return manifest.owner(live) == owner


def _describe(key: Key) -> str:
    return f"{key.kind} {key.namespace}/{key.name}" if key.namespace else f"{key.kind} {key.name}"
