"""What the workflow came to in a pass, and how that is told in the status of the application."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lateen.api.definition import Definition
from lateen.api.revision import Revision
from lateen.controllers.application import deliver, running
from lateen.controllers.application.report import Next, Report
from lateen.dispatch import recording
from lateen.health import assessing
from lateen.policies import safeguarding, treating
from lateen.providers import ports


@dataclass(frozen=True)
class Result:
    """What the workflow came to in this pass, and what it delivered through."""

    progress: running.Pass
    route: running.Itinerary
    ledger: recording.Ledger
    deliverer: deliver.Deliverer
    governance: treating.Governance
    revision: Revision
    runtime: ports.Runtime
    verdict: safeguarding.Verdict = safeguarding.STAY

    @property
    def definitions(self) -> Sequence[Definition]:
        return self.revision.definitions

    @property
    def next(self) -> Next:
        times = (self.progress.next_after, self.verdict.after)
        return Next(min((each for each in times if each is not None), default=None))

    def tell_resources(self, report: Report) -> None:
        """Put what is recorded into the status."""
        policies = {policy.name for policy in self.revision.application.policies}
        report.resources(self.ledger.resources, policies)

    def tell_services(self, report: Report) -> None:
        """Put the health of every component at every placement into the status; copies of one
        are told as one.
        """
        facts = self.deliverer.facts
        entries: dict[tuple[str, ...], dict[str, Any]] = {}
        for (*place, _), each in self.deliverer.delivered.items():
            entry = assessing.status_entry(each.health, each.placement, facts)
            before = entries.get(tuple(place))
            entries[tuple(place)] = assessing.joined(before, entry) if before else entry
        for component, placement, why in self.deliverer.missing:
            unknown = {"apiVersion": "", "kind": ""}
            health = assessing.ComponentHealth(
                component.name, False, False, why, workload_definition=unknown
            )
            entry = assessing.status_entry(health, placement, facts)
            entries[component.name, placement.cluster, placement.namespace] = entry
        for entry in entries.values():
            report.service(entry)
