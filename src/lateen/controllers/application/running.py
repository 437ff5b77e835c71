"""Run the workflow of a revision: plan it, give it what it may use, advance it by one pass."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import anyio

from lateen.api.application import Component, Step
from lateen.api.definition import Definition, DefinitionKind
from lateen.api.placement import Placement
from lateen.api.revision import Revision, Snapshot
from lateen.base.clock import Clock
from lateen.base.problem import Problem, Problems, every, raise_any
from lateen.controllers import settings
from lateen.controllers.application import memories, noting, parsing, sessions
from lateen.cue.engine import Engine
from lateen.definitions import contexts
from lateen.hub import client
from lateen.policies import deciding, placements
from lateen.providers import ports as lent
from lateen.workflow import debugging, expressions, planning, ports, records, steps
from lateen.workflow import engine as workflow
from lateen.workflow.remembering import Memory
from lateen.workflow.steps import custom
from lateen.workflow.waiting import Attempts

_UNLIMITED = ports.Limits()
_PHASES = {
    workflow.EXECUTING: "runningWorkflow",
    workflow.SUSPENDED: "workflowSuspending",
    workflow.FAILED: "workflowFailed",
    workflow.TERMINATED: "workflowTerminated",
    workflow.SUCCEEDED: "runningWorkflow",  # until its health is known
}


@dataclass(frozen=True)
class Itinerary:
    """The plan of one workflow, with what policies decide.

    `steps` are the definitions of steps that are not native, by type as it is written.
    """

    plan: planning.Plan
    policies: ports.Policies
    steps: Mapping[str, Definition] = field(default_factory=dict)


@dataclass(frozen=True)
class Pass:
    """How a pass over the workflow ended, in the application's terms."""

    state: str
    status: dict[str, Any]
    next_after: float | None
    rests: bool = False

    @property
    def phase(self) -> str:
        return _PHASES[self.state]

    @property
    def succeeded(self) -> bool:
        return self.state == workflow.SUCCEEDED

    @property
    def settled(self) -> bool:
        """Nothing goes on by itself: what was delivered is to be kept (semantics C8)."""
        paused = self.state == workflow.SUSPENDED and self.rests
        return self.succeeded or paused

    @property
    def failed(self) -> bool:
        return self.state in (workflow.FAILED, workflow.TERMINATED)

    @property
    def problem(self) -> Problem | None:
        """Why the workflow failed: the steps that did, and their messages."""
        return self.failure() if self.failed else None

    def failure(self) -> Problem:
        """What the failed steps say, whether or not they will be tried again."""
        failed = [
            f"step {record.name}: {record.message or record.reason}"
            for step in self.status.get("steps") or ()
            for record in records.Record.of(step).walk()
            if record.phase == records.FAILED and not record.subs
        ]
        told = self.status.get("message")
        failed = [each for each in failed if not told or told not in each]
        message = "; ".join([*([told] if told else ()), *failed]) or f"the workflow {self.state}"
        return Problem("workflow.failed", message)


def itinerary(snapshot: Snapshot | Revision, clusters: placements.Clusters) -> Itinerary:
    """Plan the delivery of a revision, or of what is to become one.

    Raises:
        Problem | Problems: whatever would make the workflow fail, as far as it can be known.
    """
    app = snapshot.application
    policies = deciding.named(app, snapshot.policies)
    described = {
        each.asked or each.name: each
        for each in snapshot.definitions
        if each.kind is DefinitionKind.STEP
    }
    plan = planning.plan(
        app,
        given=tuple(parsing.steps_of(app, snapshot.workflow)),
        policies=policies,
        types={*steps.TYPES, *described},
        workflow=snapshot.workflow,
        roots=roots(described.values(), context_of(_NOBODY)),
    )
    plan = replace(plan, clouds=frozenset(_clouds(snapshot.definitions)))
    return Itinerary(plan, deciding.Decisions(app.components, policies, clusters), described)


def roots(definitions: Iterable[Definition], context: Collection[str]) -> planning.Roots | None:
    """Where inputs may begin; None where a step may set a variable by itself: then anywhere."""
    if any(_SETS_VARIABLES.search(each.text) for each in definitions):
        return None
    return planning.Roots(frozenset(context))


_SETS_VARIABLES = re.compile(r'\bDoVar\b|#do\s*:\s*"var"')
_NOBODY = contexts.AppFacts("", "")


def _clouds(definitions: Iterable[Definition]) -> Iterator[str]:
    """The component types that Terraform makes, as they are written."""
    for each in definitions:
        if each.kind is DefinitionKind.COMPONENT and each.terraform:
            yield each.asked or each.name


def tools(
    route: Itinerary,
    delivery: ports.Delivery,
    context: Mapping[str, Any],
    engine: Engine,
    clock: Clock,
    *,
    runtime: lent.Runtime,
    rehearsal: bool = False,
    store: Callable[[], Awaitable[None]] | None = None,
    notes: ports.Notes | None = None,
    limits: ports.Limits = _UNLIMITED,
) -> ports.Tools:
    """What a pass works with. A rehearsal waits for nothing."""
    return ports.Tools(
        delivery=delivery,
        expressions=expressions.CueExpressions(engine),
        policies=route.policies,
        clock=clock,
        runners={**custom.runners(route.steps, engine, runtime), **steps.NATIVE},
        context=context,
        ids=records.fresh_id,
        rehearsal=rehearsal,
        store=store,
        notes=notes,
        limits=limits,
    )


class Interrupted(Exception):  # noqa: N818 - nothing is wrong
    """A pass was ended because what it did was not wanted any more."""


class Runs:
    """Runs workflows, keeping what they remember in the cluster."""

    def __init__(
        self, hub: client.Client, engine: Engine, clock: Clock, chosen: settings.Settings
    ) -> None:
        self._hub = hub
        self._engine = engine
        self._clock = clock
        hours = chosen.workflow_timeout_hours
        self._limits = ports.Limits(hours * 3600 if hours else None, chosen.step_retries)

    async def advance(
        self,
        owner: memories.Owner,
        route: Itinerary,
        before: Mapping[str, Any],
        delivery: ports.Delivery,
        context: Mapping[str, Any],
        journey: sessions.Journey,
        runtime: lent.Runtime,
        *,
        debug: bool = False,
    ) -> Pass:
        """One pass from the state `before`. The memory is stored before the status that relies on
        it (semantics E1). With `debug` it is kept what steps and components come to.

        Raises:
            Interrupted: `journey` was, meanwhile.
        """
        if journey.memory is None or journey.workflow != before:
            # the first pass of this process, or somebody steered the workflow: what was kept in
            # memory may no longer be what is stored
            journey.memory = await memories.load(owner, before, self._hub)
            journey.attempts = Attempts()
        memory, storing = journey.memory, anyio.Lock()

        async def store() -> None:
            async with storing:  # what is written last has to be what was last known
                await memories.save(owner, memory, self._hub)

        notes = noting.Notebook(owner, self._hub, journey.noted) if debug else None
        if notes is not None:
            delivery = debugging.Shown(delivery, notes, memory)
        work = tools(
            route,
            delivery,
            context,
            self._engine,
            self._clock,
            runtime=runtime,
            store=store,
            notes=notes,
            limits=self._limits,
        )
        progress = None
        with anyio.CancelScope() as journey.scope:
            progress = await workflow.advance(route.plan, before, memory, journey.attempts, work)
        journey.scope = None
        if progress is None:
            journey.memory = None  # it holds what was never stored
            raise Interrupted
        stored = progress.status
        if progress.memory_changed:
            backend = await memories.save(owner, memory, self._hub)
            stored = {**stored, "contextBackend": backend}
        journey.workflow = stored
        return Pass(progress.state, stored, progress.next_after, progress.rests)

    async def again(
        self,
        step: Step,
        route: Itinerary,
        delivery: ports.Delivery,
        context: Mapping[str, Any],
        journey: sessions.Journey,
        runtime: lent.Runtime,
    ) -> None:
        """Do the delivery of a `deploy` step that has succeeded once more, and nothing else of it.

        Raises:
            Problem | Problems: what any delivery failed with; the others went ahead.
        """
        work = tools(route, delivery, context, self._engine, self._clock, runtime=runtime)
        properties = {**step.properties, "auto": True}  # somebody said yes to it before
        record = records.Record(work.ids(), step.name, step.type)
        memory = journey.memory or Memory()
        scope = {**context, "stepName": step.name}
        await work.runners[step.type](
            ports.Task(step, properties, scope, record, route.plan, memory, work)
        )


def context_of(facts: contexts.AppFacts) -> dict[str, Any]:
    """What every step of an application sees as `context`; the engine adds what belongs to one
    step (B2).
    """
    return {
        "name": facts.name,
        "namespace": facts.namespace,
        "appName": facts.name,
        "appRevision": facts.revision,
        "appRevisionNum": facts.revision_number,
        "appLabels": dict(facts.labels),
        "appAnnotations": dict(facts.annotations),
        "components": None,
        "revision": "",
        "replicaKey": "",
        "cluster": "",
        "clusterVersion": dict(facts.cluster_version),
        "workflowName": facts.workflow_name,
        "publishVersion": facts.publish_version,
        "artifacts": {},
        **({} if facts.custom is None else {"custom": dict(facts.custom)}),
    }


@dataclass
class _Witness:
    """Remembers what went wrong in deliveries and steps, of which a workflow only writes a text
    into its steps.
    """

    delivery: ports.Delivery
    problems: list[Problem] = field(default_factory=list)

    async def deliver(self, component: Component, placement: Placement) -> ports.Outcome:
        try:
            return await self.delivery.deliver(component, placement)
        except (Problem, Problems) as error:
            self.problems.extend(every(error))
            raise

    async def render(self, component: Component, placement: Placement) -> ports.Outcome:
        return await self.delivery.render(component, placement)

    def watching(self, runner: ports.Runner) -> ports.Runner:
        async def watched(task: ports.Task) -> ports.Result:
            known = len(self.problems)
            try:
                return await runner(task)
            except (Problem, Problems) as error:
                if len(self.problems) == known:  # else it is what a delivery has failed with
                    self.problems.extend(every(error))
                raise

        return watched


async def rehearse(
    route: Itinerary,
    delivery: ports.Delivery,
    facts: contexts.AppFacts,
    engine: Engine,
    clock: Clock,
    runtime: lent.Runtime,
    memory: Memory | None = None,
) -> Pass:
    """Run a whole workflow without waiting, through a delivery that changes nothing.

    What a dry run shows, and how a controller that starts finds out what was delivered.

    Raises:
        Problem | Problems: what any component could not be delivered for, or a step failed with.
    """
    witness = _Witness(delivery)
    context = context_of(facts)
    work = tools(route, witness, context, engine, clock, runtime=runtime, rehearsal=True)
    runners = {of: witness.watching(runner) for of, runner in work.runners.items()}
    work = replace(work, runners=runners)
    memory = memory or Memory()
    attempts = Attempts()
    progress = await workflow.advance(route.plan, {}, memory, attempts, work)
    while not progress.over and not witness.problems:
        before = progress.status
        progress = await workflow.advance(route.plan, before, memory, attempts, work)
        if progress.status == before:
            break
    raise_any(witness.problems)
    done = Pass(progress.state, progress.status, None)
    if any(step.get("phase") == records.FAILED for step in done.status.get("steps") or ()):
        raise done.failure()
    return done
