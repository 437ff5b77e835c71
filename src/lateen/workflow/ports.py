"""What the workflow asks of others, and what its steps are given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from lateen.api.application import Component, Policy, Step
from lateen.api.manifest import Manifest
from lateen.api.placement import Placement
from lateen.base.clock import Clock
from lateen.workflow import waiting
from lateen.workflow.planning import Plan
from lateen.workflow.records import Record
from lateen.workflow.remembering import Memory


@dataclass(frozen=True)
class Outcome:
    """How a component is at one placement. `output` and `outputs` are its live objects."""

    healthy: bool
    message: str
    output: Manifest | None
    outputs: Mapping[str, Manifest]


class Delivery(Protocol):
    """What a workflow step may ask of the application being delivered."""

    async def deliver(self, component: Component, placement: Placement) -> Outcome:
        """Render, apply if needed, and assess. Cheap when nothing changed; safe to repeat.

        Raises:
            Problem | Problems: the step fails with it and is tried again.
        """
        ...

    async def render(self, component: Component, placement: Placement) -> Outcome:
        """The objects of a component as they would be applied; nothing is.

        Raises:
            Problem | Problems: as `deliver`.
        """
        ...


class Expressions(Protocol):
    """Evaluates what authors write into `if` and `valueFrom`."""

    async def evaluate(self, expression: str, scope: Mapping[str, Any]) -> Any:
        """The concrete JSON value of an expression, a path or a script with imports.

        Raises:
            Problem: `expression.undefined` for a path that leads nowhere, `expression.error` for
                anything else; `retry` is set where the evaluator is to blame, not the expression.
        """
        ...


class Policies(Protocol):
    """What the application's topology and override policies decide, by their names."""

    @property
    def clusters(self) -> Sequence[str]:
        """The joined clusters."""
        ...

    @property
    def placed(self) -> bool:
        """Whether any of them says where."""
        ...

    def placements(self, policies: Iterable[str]) -> Sequence[Placement]: ...
    def components(self, policies: Iterable[str]) -> Sequence[Component]: ...

    def including(self, inline: Sequence[Policy]) -> Policies:
        """The same with policies of a step's own, which may be named as well.

        Raises:
            Problem | Problems: what is wrong with them.
        """
        ...


@dataclass(frozen=True)
class Task:
    """One run of one step: `properties` with its inputs filled in, `record` as it was before.

    Attributes:
        due: its time has come; else something in the cluster has changed, and what has nothing to
            do with the cluster need not be asked again.
    """

    step: Step
    properties: Mapping[str, Any]
    context: Mapping[str, Any]
    record: Record
    plan: Plan
    memory: Memory
    tools: Tools
    due: bool = True


@dataclass(frozen=True)
class Result:
    """What became of a step in one run.

    `document` is what its outputs are taken from; `wake` is when to look again at the latest.

    Attributes:
        values: evaluates its outputs, where that is more than looking into `document`.
        secret: what it found came from a Secret, as far as is known.
    """

    phase: str
    reason: str = ""
    message: str = ""
    document: Mapping[str, Any] = field(default_factory=dict)
    wake: datetime | None = None
    values: Expressions | None = None
    secret: bool = False


class Runner(Protocol):
    """Runs the steps of one type. Called once a pass until the step is finished: idempotent.

    Raises:
        Problem | Problems: the step fails with it and is tried again.
    """

    async def __call__(self, task: Task) -> Result: ...


class Notes(Protocol):
    """Where it is kept what steps and components evaluate to, for a workflow that is debugged."""

    async def keep(self, name: str, text: str) -> None:
        """`name` is the id of a step, or says which component it is."""
        ...


@dataclass(frozen=True)
class Limits:
    """What a workflow is given. `timeout` is in seconds, of the whole of it; None for any time.

    Attributes:
        retries: a step that fails once more than this is given up.
    """

    timeout: float | None = None
    retries: int = waiting.RETRIES


@dataclass(frozen=True)
class Tools:
    """Everything a pass works with.

    Attributes:
        context: the `context` of steps (semantics B2); what belongs to one step is added.
        ids: makes the id of a step that is touched for the first time.
        rehearsal: nothing is waited for: pauses pass, and outputs that no object has yet are null.
            What a dry run sets.
        parallel: how many independent steps run at the same time.
        store: writes the memory down now, and not only when the pass is over.
        notes: what steps evaluate to is kept there; None where nobody asks.
    """

    delivery: Delivery
    expressions: Expressions
    policies: Policies
    clock: Clock
    runners: Mapping[str, Runner]
    context: Mapping[str, Any]
    ids: Callable[[], str]
    rehearsal: bool = False
    parallel: int = 10
    store: Callable[[], Awaitable[None]] | None = None
    notes: Notes | None = None
    limits: Limits = Limits()
