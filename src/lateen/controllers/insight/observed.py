"""The one place where the work of the controllers is watched while it is done.

Everything here stands around the thing itself and does as it does: the spine knows nothing of
measures, traces or log lines. Without a probe none of it is there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from lateen.api.application import Application, Component
from lateen.api.manifest import Manifest
from lateen.api.revision import Revision
from lateen.base import clock, loglines
from lateen.base.clock import Clock
from lateen.controllers.application import deliver, outfitting, reconcile
from lateen.controllers.application.report import Next, Report
from lateen.controllers.application.results import Result
from lateen.controllers.application.stages import Stages
from lateen.controllers.insight.meters import Meters, Probe
from lateen.definitions import rendering, renditions
from lateen.dispatch import applying, recording
from lateen.hub import connection
from lateen.workflow import records

_LOG = logging.getLogger("lateen.applications")


@dataclass
class Link(connection.Connection):
    """A connection that tells of every request; a watch is none that ends."""

    probe: Probe = field(kw_only=True)

    async def request(
        self, call: connection.Call, *, timeout: float | None = None, attempts: int = 0
    ) -> Any:
        with self.probe.span("request", verb=call.verb, resource=call.resource):
            return await super().request(call, timeout=timeout, attempts=attempts)


class Observed(Stages):
    """The stages of a pass, each of them told of, and what changed in the end."""

    def observe(self, probe: Probe, meters: Meters) -> Observed:
        """Tell these from now on; called once, before the first pass."""
        self._probe, self._meters = probe, meters
        self._began: dict[tuple[str, str], float] = {}
        self.outfitter = _Outfitter(**vars(self.outfitter), probe=probe)
        return self

    def settled(self, app: Application) -> bool:
        """As of any stages; that no pass is needed is counted."""
        if settled := super().settled(app):
            self._meters.passes.labels("settled").inc()
        return settled

    async def over(self, app: Application, clock: Clock) -> Next:
        """A pass over an application, told of as a whole."""
        self._began[app.owner] = time.perf_counter()
        outcome = "failed"
        try:
            with self._probe.span("pass", application=app.name, namespace=app.namespace):
                after = await reconcile.reconcile(app, self, clock)
            outcome = "failed" if after.failed else "done"
            return after
        finally:
            self._began.pop(app.owner, None)
            self._meters.passes.labels(outcome).inc()

    async def schedule(self, app: Application) -> Application:
        with self._probe.span("stage", stage="schedule"):
            return await super().schedule(app)

    async def claim(self, app: Application) -> Application:
        with self._probe.span("stage", stage="claim"):
            return await super().claim(app)

    async def revise(self, app: Application, report: Report) -> Revision:
        with self._probe.span("stage", stage="revise"):
            return await super().revise(app, report)

    async def run(self, app: Application, revision: Revision, report: Report) -> Result:
        with self._probe.span("stage", stage="run", revision=revision.name):
            return await super().run(app, revision, report)

    async def keep(self, app: Application, result: Result, report: Report) -> None:
        with self._probe.span("stage", stage="keep"):
            await super().keep(app, result, report)

    async def judge(self, app: Application, result: Result, report: Report) -> Result:
        with self._probe.span("stage", stage="judge"):
            return await super().judge(app, result, report)

    async def collect(self, app: Application, result: Result, report: Report) -> float | None:
        with self._probe.span("stage", stage="collect"):
            return await super().collect(app, result, report)

    async def finalise(self, app: Application, report: Report) -> Next:
        with self._probe.span("stage", stage="finalise"):
            return await super().finalise(app, report)

    async def commit(self, app: Application, report: Report) -> None:
        with self._probe.span("stage", stage="commit"):
            await super().commit(app, report)
        phases = (str(app.status.get("status") or ""), report.phase)
        if began := self._began.get(app.owner):
            self._meters.transitions.labels(*phases).observe(time.perf_counter() - began)
        tell(app, report.status, self._meters)


@dataclass(frozen=True)
class _Outfitter(outfitting.Outfitter):
    """What it gives to a pass tells of what is done with it."""

    probe: Probe = field(kw_only=True)

    def outfit(self, *given: Any) -> tuple[deliver.Deliverer, recording.Ledger]:
        made, ledger = super().outfit(*given)
        made.renderer = cast(rendering.Renderer, _Renderer(made.renderer, self.probe))
        made.target = _Target(made.target, self.probe)
        return made, ledger


@dataclass
class _Renderer:
    """Renders as the renderer it stands before, and tells of it."""

    renderer: rendering.Renderer
    probe: Probe

    async def render(self, component: Component, *given: Any, **more: Any) -> renditions.Rendered:
        with self.probe.span("render", component=component.name, type=component.type):
            return await self.renderer.render(component, *given, **more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.renderer, name)


@dataclass
class _Target:
    """Dispatches as the target it stands before, and tells of it."""

    target: deliver.Dispatch
    probe: Probe

    async def dispatch(self, wanted: Sequence[applying.Desired]) -> list[Manifest]:
        if not wanted:
            return []
        with self.probe.span("dispatch", component=wanted[0].component, objects=str(len(wanted))):
            return await self.target.dispatch(wanted)

    async def find(self, wanted: Manifest) -> Manifest | None:
        return await self.target.find(wanted)

    async def remove(self, wanted: Manifest) -> None:
        await self.target.remove(wanted)


def tell(app: Application, after: Mapping[str, Any], meters: Meters) -> None:
    """Log and count what a pass has changed: the phase, the workflow, its steps."""
    before = app.status
    named = {
        "application": app.name,
        "namespace": app.namespace,
        "revision": str((after.get("latestRevision") or {}).get("name") or ""),
    }
    place = f"{app.namespace}/{app.name}"
    old, new = (status.get("workflow") or {} for status in (before, after))
    known = {record.id: record for record in _records(old)}
    for record in _records(new):
        earlier = known.get(record.id)
        if record.phase == (earlier.phase if earlier else ""):
            continue
        _LOG.info(
            "application %s: step %s is %s",
            place,
            record.name,
            f"{record.phase}: {record.message}" if record.message else record.phase,
            extra=loglines.about(**named, step=record.name, phase=record.phase),
        )
        if record.finished and record.first and record.last:
            spent = 1000 * _seconds(record.first, record.last)
            meters.steps.labels("application", record.type).observe(spent)
    if new.get("startTime") and new.get("startTime") != old.get("startTime"):
        meters.started.inc()
    if new.get("endTime") and new.get("endTime") != old.get("endTime"):
        spent = _seconds(str(new.get("startTime")), str(new["endTime"]))
        meters.finished.labels(str(new.get("status"))).observe(spent)
    phase, was = str(after.get("status") or ""), str(before.get("status") or "")
    if phase != was:
        about = loglines.about(**named, phase=phase)
        _LOG.info("application %s: %s%s", place, phase, f" (was {was})" if was else "", extra=about)


def _records(workflow: Mapping[str, Any]) -> Iterator[records.Record]:
    for raw in workflow.get("steps") or ():
        yield from records.Record.of(raw).walk()


def _seconds(first: str, last: str) -> float:
    return max((clock.parse(last) - clock.parse(first)).total_seconds(), 0.0)
