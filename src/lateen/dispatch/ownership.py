"""Whose object is it: what may be applied over, and what may not (semantics C7, item 2).

Pure. The labels app.oam.dev/name and app.oam.dev/namespace are the only proof of ownership.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lateen.api import manifest
from lateen.api.manifest import Key
from lateen.base.problem import Problem


def refuse_foreign(live: Mapping[str, Any], owner: tuple[str, str]) -> None:
    """Nothing, when the live object is the application's own.

    Args:
        live: the object as it is in the cluster.
        owner: (namespace, name) of the application.

    Raises:
        Problem: `dispatch.unowned` when no application owns it, `dispatch.owned` when another does.
    """
    found = manifest.owner(live)
    if found == owner:
        return
    described = _describe(manifest.key(live))
    if found is None:
        raise Problem(
            "dispatch.unowned",
            f"{described} exists but not managed by any application now",
            hint="rename the component, or delete the object if nothing else needs it",
            retry=True,
        )
    raise Problem(
        "dispatch.owned",
        f"existing object {described} is managed by other application {found[0]}/{found[1]}",
        hint="two applications cannot own one object: rename one of the components",
        retry=True,
    )


def owns(live: Mapping[str, Any], owner: tuple[str, str]) -> bool:
    return manifest.owner(live) == owner


def _describe(key: Key) -> str:
    return f"{key.kind} {key.namespace}/{key.name}" if key.namespace else f"{key.kind} {key.name}"
