"""Placements are live: what a delivered application's policies select now, not what they selected.

A cluster that joins, or gets other labels, may be where a `deploy` step that has succeeded leads by
now, or no longer leads. The step is not run again for that (nobody is asked or told anew): its
delivery is done where it is missing, and undone where it is left over. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lateen.api import names
from lateen.api.application import Step
from lateen.api.tracker import Resource
from lateen.base.problem import Problem, Problems, every
from lateen.controllers.application import running
from lateen.workflow import options, records

_HERE = ("", names.LOCAL)
# what a step of its own definition says when it delivers components, wherever that may be
_DELIVERS = re.compile(r"Component|Application|ApplyRemaining|#Deploy\b")


@dataclass
class Lead:
    """Where the steps that have succeeded lead by now.

    Attributes:
        places: components with the clusters they belong to.
        components: the names of those that steps place.
        standing: those of the places that are joined clusters where something of it is.
        missing: steps that lead to where nothing of some component is.
        troubles: why it cannot be told where some step leads.
        certain: there is no step of which only running it could tell.
        known: the joined clusters there were when that was found out.
    """

    places: set[tuple[str, str]] = field(default_factory=set)
    components: set[str] = field(default_factory=set)
    standing: set[tuple[str, str]] = field(default_factory=set)
    missing: list[Step] = field(default_factory=list)
    troubles: list[Problem] = field(default_factory=list)
    certain: bool = True
    known: frozenset[str] = frozenset()

    def left(self, component: str, cluster: str) -> bool:
        """Whether a component is no longer placed in a joined cluster. Nothing is left while it is
        not certain where everything belongs.
        """
        return (
            self.certain
            and not self.troubles
            and cluster not in _HERE
            and component in self.components
            and (component, cluster) not in self.places
        )


def lead(
    route: running.Itinerary, status: Mapping[str, Any], inventory: Iterable[Resource]
) -> Lead:
    """Compare where the steps that have succeeded lead with what is recorded.

    Only joined clusters matter: `local` is always there.

    Args:
        status: `status.workflow`.
    """
    found = Lead(known=frozenset(route.policies.clusters))
    if not route.policies.placed:
        return found
    there = {(each.component, each.cluster) for each in inventory}
    ledger = records.Ledger(status)
    for step in route.plan.every_step:
        if step.type == options.GROUP:
            continue
        record = ledger.find(step.name)
        if record is None or record.phase != records.SUCCEEDED:
            found.certain &= record is not None and record.finished
        elif step.type == options.DEPLOY and not step.inputs:
            _take(step, route, there, found)
        elif step.type == options.APPLY and not step.inputs:
            value = step.properties.get("value") or {}
            name = str(value.get("name"))
            found.components.add(name)
            found.places.add((name, str(step.properties.get("cluster") or "")))
        else:
            found.certain &= not _delivers(step, route)
    return found


def _take(step: Step, route: running.Itinerary, there: set[tuple[str, str]], found: Lead) -> None:
    policies = step.properties.get("policies") or ()
    try:
        components = {each.name for each in route.policies.components(policies)}
        clusters = {each.cluster for each in route.policies.placements(policies)}
    except (Problem, Problems) as error:
        found.troubles += every(error)
        return
    places = {(component, cluster) for component in components for cluster in clusters}
    found.components |= components
    found.places |= places
    found.standing |= {place for place in places & there if place[1] not in _HERE}
    if any(cluster not in _HERE for _, cluster in places - there):
        found.missing.append(step)


def _delivers(step: Step, route: running.Itinerary) -> bool:
    """Whether a step may bring components to where only running it could tell."""
    if step.type in options.DELIVERING:
        return True
    definition = route.steps.get(step.type)
    return definition is not None and _DELIVERS.search(definition.text) is not None
