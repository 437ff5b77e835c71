"""Decide what is garbage: a set difference over inventories (design, decision 4).

Pure. What counts is what is wanted *now*: an object that any newer declaration lists is never
garbage, whichever older tracker lists it too, so going from A to B and back to A deletes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lateen.api.application import Application
from lateen.api.tracker import Resource, Tracker


@dataclass(frozen=True)
class Plan:
    """`doomed` objects go; `retired` trackers go once what they list is gone or still wanted.

    `after`: an object of a component goes only when there are none left of those components.
    `held`: identities of objects that are not to go yet, and count as there.
    """

    doomed: tuple[Resource, ...]
    retired: tuple[Tracker, ...]
    after: Mapping[str, frozenset[str]] = field(default_factory=dict)
    held: frozenset[tuple[str, ...]] = frozenset()


def plan(trackers: Sequence[Tracker], current: Tracker | None) -> Plan:
    """What to delete, given every tracker of one application and the one that holds now.

    Args:
        trackers: all trackers of the application, in any order.
        current: the tracker of what is declared now; None when the application is being deleted.
            Until then the root tracker holds as well.

    Returns:
        Doomed objects newest declaration first, each once, and the trackers that are history.
    Source: semantics C9.
    """
    holding = [each for each in trackers if current and each.root]
    holding += [current] if current else []
    wanted = {resource.identity for each in holding for resource in each.resources}
    held = {each.name for each in holding}
    retired = sorted(
        (each for each in trackers if each.name not in held),
        key=lambda each: each.generation,
        reverse=True,
    )
    doomed: dict[tuple[str, ...], Resource] = {}
    for old in retired:
        for resource in old.resources:
            if resource.identity not in wanted:
                doomed.setdefault(resource.identity, resource)
    return Plan(tuple(doomed.values()), tuple(retired))


def dependents(app: Application) -> dict[str, frozenset[str]]:
    """Component -> those that depend on it, by `dependsOn` or by taking its outputs.

    They go before it does, where a policy says `order: dependency`.
    """
    makers = {str(o.get("name")): each.name for each in app.components for o in each.outputs}
    found: dict[str, set[str]] = {}
    for component in app.components:
        takes = (makers.get(str(given.get("from"))) for given in component.inputs)
        for name in (*component.depends_on, *filter(None, takes)):
            found.setdefault(name, set()).add(component.name)
    return {name: frozenset(others) for name, others in found.items()}
