"""Decide what is garbage: a set difference over inventories (design, decision 4).

Pure. What counts is what is wanted *now*: an object that any newer declaration lists is never
garbage, whichever older tracker lists it too, so going from A to B and back to A deletes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lateen.api.tracker import Resource, Tracker


@dataclass(frozen=True)
class Plan:
    """`doomed` objects go; `retired` trackers go once what they list is gone or still wanted."""

    doomed: tuple[Resource, ...]
    retired: tuple[Tracker, ...]


def plan(trackers: Sequence[Tracker], current: Tracker | None) -> Plan:
    """What to delete, given every tracker of one application and the one that holds now.

    Args:
        trackers: all trackers of the application, in any order.
        current: the tracker of what is declared now; None when the application is being deleted.

    Returns:
        Doomed objects newest declaration first, each once, and the trackers that are history.
    Source: semantics C9.
    """
    wanted = {resource.identity for resource in current.resources} if current else set()
    retired = sorted(
        (t for t in trackers if current is None or t.name != current.name),
        key=lambda t: t.generation,
        reverse=True,
    )
    doomed: dict[tuple[str, ...], Resource] = {}
    for old in retired:
        for resource in old.resources:
            if resource.identity not in wanted:
                doomed.setdefault(resource.identity, resource)
    return Plan(tuple(doomed.values()), tuple(retired))
