"""A workflow that is advanced by hand: everything real but the delivery, the clock and the ids."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from lateen.api.application import Application, Step
from lateen.cue.engine import Engine
from lateen.policies import deciding
from lateen.workflow import engine, expressions, planning, ports, steps
from lateen.workflow.remembering import Memory
from lateen.workflow.waiting import Attempts
from tests.fakes.clock import StillClock
from tests.fakes.delivery import MemoryDelivery

TYPES = frozenset({*steps.TYPES, "script"})


def application(
    components: list[dict[str, Any]],
    policies: list[dict[str, Any]] | None = None,
    workflow: dict[str, Any] | None = None,
) -> Application:
    spec: dict[str, Any] = {
        "components": [{"type": "webservice", **component} for component in components]
    }
    if policies is not None:
        spec["policies"] = policies
    if workflow is not None:
        spec["workflow"] = workflow
    return Application({"metadata": {"name": "app", "namespace": "default"}, "spec": spec})


def planned(app: Application, types: frozenset[str] = TYPES) -> planning.Plan:
    raws = (app.workflow or {}).get("steps") or ()
    given = [Step.of(raw, f"spec.workflow.steps[{i}]", f"step-{i}") for i, raw in enumerate(raws)]
    return planning.plan(app, given=given, policies=deciding.named(app, {}), types=types)


class Rig:
    """One workflow under test. `script` steps do what `script` says: step name -> results, the
    last of which is given for ever; a step without any succeeds. Without `cue` or `evaluator`, only
    plain paths can be evaluated.
    """

    def __init__(
        self,
        app: Application,
        *,
        cue: Engine | None = None,
        evaluator: ports.Expressions | None = None,
        clusters: Mapping[str, Mapping[str, str]] | None = None,
        rehearsal: bool = False,
    ) -> None:
        self.plan = planned(app)
        self.clock = StillClock()
        self.delivery = MemoryDelivery()
        self.memory = Memory()
        self.attempts = Attempts()
        self.status: dict[str, Any] = {}
        self.script: dict[str, list[ports.Result | Exception]] = {}
        self.ran: list[str] = []
        self.seen: dict[str, Mapping[str, Any]] = {}  # step -> its properties, inputs set
        counter = itertools.count(1)
        self.tools = ports.Tools(
            delivery=self.delivery,
            expressions=evaluator or expressions.CueExpressions(cue or Engine()),
            policies=deciding.Decisions(
                app.components, deciding.named(app, {}), clusters or {"local": {}}
            ),
            clock=self.clock,
            runners={**steps.NATIVE, "script": self._run},
            context={"name": "app", "namespace": "default", "appName": "app"},
            ids=lambda: f"id{next(counter)}",
            rehearsal=rehearsal,
        )

    async def _run(self, task: ports.Task) -> ports.Result:
        self.ran.append(task.step.name)
        self.seen[task.step.name] = task.properties
        results = self.script.get(task.step.name) or [ports.Result("succeeded")]
        result = results.pop(0) if len(results) > 1 else results[0]
        if isinstance(result, Exception):
            raise result
        return result

    async def advance(self) -> engine.Progress:
        progress = await engine.advance(
            self.plan, self.status, self.memory, self.attempts, self.tools
        )
        self.status = progress.status
        return progress

    async def finish(self, limit: int = 200) -> engine.Progress:
        """Advance until the end, letting the time pass that the engine asks for."""
        for _ in range(limit):
            progress = await self.advance()
            if progress.over:
                return progress
            assert progress.next_after is not None, f"it stands still: {self.phases}"
            self.clock.pass_by(progress.next_after)
        raise AssertionError(f"no end after {limit} passes: {self.phases}")

    def step(self, name: str) -> dict[str, Any]:
        for record in self.status["steps"]:
            for each in (record, *record.get("subSteps", ())):
                if each["name"] == name:
                    found: dict[str, Any] = each
                    return found
        raise AssertionError(f"no step {name} in {self.phases}")

    @property
    def phases(self) -> dict[str, str]:
        """Step or sub-step -> phase, in the order of the status."""
        found = {}
        for record in self.status.get("steps", ()):
            for each in (record, *record.get("subSteps", ())):
                found[each["name"]] = each["phase"]
        return found
