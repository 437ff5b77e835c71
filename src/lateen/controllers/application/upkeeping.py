"""What is delivered stays delivered: drift, placements and health of what stands (semantics C8)."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

from lateen.api.application import Application
from lateen.base.clock import Clock
from lateen.base.problem import Problem, Problems, every
from lateen.controllers import caches, observing
from lateen.controllers.application import (
    following,
    identities,
    keep,
    policing,
    running,
    sessions,
    stepping,
    targets,
)
from lateen.controllers.application.report import Report
from lateen.controllers.application.results import Result
from lateen.cue.engine import Engine


@dataclass(frozen=True)
class Upkeep:
    """Looks after what the workflow of an application has delivered."""

    live: observing.Fleet
    caches: caches.Caches
    runs: running.Runs
    engine: Engine
    clock: Clock

    async def keep(
        self, app: Application, result: Result, session: sessions.Session, report: Report
    ) -> list[Problem]:
        """Put back drift, follow where policies lead by now, and look at health again.

        Returns what was wrong with it: what cannot be put back does not hide how the rest is.
        """
        wrong: list[Problem] = []
        try:
            treat = result.governance.treatment
            keeper = keep.Keeper(self.live, app.owner, identities.of(app), treat, session.clean)
            await keeper.keep(result.ledger)
        except (Problem, Problems) as problem:
            wrong += every(problem)
        wrong += await self._follow(result, session, report)
        await self._look_again(app, result, session, report)
        return wrong

    async def _follow(
        self, result: Result, session: sessions.Session, report: Report
    ) -> list[Problem]:
        """Deliver to where policies lead by now, and no longer look at where they do not.

        Returns what was wrong with it.
        """
        leading = following.lead(result.route, result.progress.status, result.ledger.resources)
        wrong = list(leading.troubles)
        deliverer = result.deliverer
        for step in leading.missing:
            context = running.context_of(deliverer.facts)
            try:
                await self.runs.again(
                    step, result.route, deliverer, context, session, result.runtime
                )
            except (Problem, Problems) as error:
                wrong += every(error)
        delivered = deliverer.delivered
        for slot in [slot for slot in delivered if leading.left(slot[0], slot[1])]:
            del delivered[slot]
        # what stands where it did not lead before, as in a cluster that is called otherwise by now
        strange = leading.standing - {(slot[0], slot[1]) for slot in delivered} - session.recalled
        if strange:
            session.recalled |= strange
            session.complete = False
        report.leave(leading.left)
        result.tell_resources(report)
        return wrong

    async def _look_again(
        self, app: Application, result: Result, session: sessions.Session, report: Report
    ) -> None:
        """The health of everything that was delivered, as it is now."""
        if result.progress.succeeded:
            await self._recall(app, result, session)
        for slot in list(result.deliverer.delivered):
            await result.deliverer.refresh(slot)
        result.tell_services(report)
        if result.progress.succeeded:
            fine = report.healthy or policing.judges_health(app, result.definitions)
            report.phase = "running" if fine else "unhealthy"

    async def _recall(self, app: Application, result: Result, session: sessions.Session) -> None:
        """Find out again what was delivered, when a controller starts: nothing is applied."""
        if session.complete:
            return
        silent = replace(result.deliverer, target=targets.Shown(result.deliverer.target))
        await running.rehearse(
            result.route,
            silent,
            silent.facts,
            self.engine,
            self.clock,
            stepping.on_paper(app.namespace, app.name, silent.target, self.caches.packages),
            copy.deepcopy(session.memory),
        )
        session.complete = True
