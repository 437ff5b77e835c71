"""Steps that a WorkflowStepDefinition describes: action by action, in the order of its text (E5).

The document of a step is the template with `parameter` and `context`. The first action without an
answer is carried out, its answer filled in, and the document evaluated again, until there is none
left or one of them ends the pass.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from lateen.api.definition import Definition
from lateen.base import hashing
from lateen.base.problem import Problem, Problems, every
from lateen.cue.engine import Action, Engine, Evaluation, Fill
from lateen.definitions import acting, blaming, patching, templates
from lateen.providers import calling, packages
from lateen.providers import ports as lent
from lateen.workflow import debugging, documents, journaling, records, redacting, remembering
from lateen.workflow.ports import Result, Task
from lateen.workflow.steps import lending, suspending

_LOG = logging.getLogger("lateen.log")

LOG: Final = "log"  # what a step has logged, in the workflow's memory
_LONGEST_LOG: Final = 16 * 1024  # characters, of one step
UNRUN: Final = "not run to its end: this is a dry run"
_DECLARED: Final = "\ncontext: _\nparameter: _\n"
_NO_ANSWER_MENDS: Final = frozenset({"cue.conflict", "cue.closed"})
# trying again is of no use, or must not be done without asking
_HOPELESS: Final = {
    "provider.interrupted": records.ACTION,
    "step.template": records.RENDERING,
}
_WAITS: Final = frozenset({("builtin", "wait"), ("op", "wait")})
_MAILS: Final = frozenset({("email", "send"), ("op", "send")})
# ask others than the cluster: what happens in the cluster is no reason to ask them again
_ASKED_IN_TURN: Final = frozenset(
    {("http", "do"), ("op", "do"), ("metrics", "promCheck"), ("op", "promCheck")}
)


@dataclass(frozen=True)
class Custom:
    """Runs the steps of one definition. `runtime` is what the actions of any step may use.

    Implements `workflow.ports.Runner`.
    """

    definition: Definition
    engine: Engine
    runtime: lent.Runtime

    async def __call__(self, task: Task) -> Result:
        """Run the step once, as far as it goes.

        Raises:
            Problem | Problems: what an action failed with, or what is wrong with the document.
        Source: semantics E3, E5.
        """
        if task.tools.rehearsal and task.step.inputs:
            return Result(records.SUCCEEDED, "", UNRUN)  # its inputs have no values on paper
        return await _Run(self, task).finish()


class _Run:
    """One run of one step. `_answers` are filled into the document."""

    def __init__(self, step: Custom, task: Task) -> None:
        self._task = task
        self._step = step
        self._engine = step.engine
        self._text = step.definition.text + _DECLARED
        known = step.runtime.external.texts(packages.Flavour.STEP)
        self._packages = acting.needed(self._text, known)
        self._journal = journaling.Journal(task)
        self._secrets = redacting.Secrets()
        self._answers: list[Fill] = []
        self._answered: set[str] = set()
        self._message = ""
        self._unhealthy = ""
        self._lines: list[str] = []
        for given in task.step.inputs:
            name = str(given.get("from")).partition(".")[0]
            if task.memory.is_secret(name):
                self._secrets.learn(task.memory.variables[name])

    async def finish(self) -> Result:
        try:
            result = await self._run()
        except journaling.Unready:
            now = self._task.tools.clock.now()
            return Result(records.RUNNING, records.WAIT, "", wake=now)
        except (Problem, Problems) as error:
            await self._note(every(error))
            return self._failed(error)
        await self._note()
        return replace(result, message=self._secrets.hide(result.message))

    async def _note(self, faults: Sequence[Problem] = ()) -> None:
        """Keep what the document has come to, where somebody wants to know."""
        notes = self._task.tools.notes
        if notes is None:
            return
        source = self._step.definition.source
        fields, problems = await debugging.document(
            self._engine, self._text, self._fills, source, self._packages
        )
        told = debugging.text(fields, dict.fromkeys([*faults, *problems]), self._secrets)
        await notes.keep(self._task.record.id, told)

    def _failed(self, error: Problem | Problems) -> Result:
        told = list(self._secrets.problems(error))
        if self._task.tools.rehearsal:
            raise Problems(told) from error
        for code, reason in _HOPELESS.items():
            if any(problem.code == code for problem in told):
                return Result(records.FAILED, reason, str(Problems(told)))
        self._journal.fail()
        raise Problems(told) from error

    async def _run(self) -> Result:
        while True:
            result = await self._evaluate()
            final = [each for each in result.problems if each.code in _NO_ANSWER_MENDS]
            if final:
                raise Problems(self._blame(final))
            action = next((a for a in result.actions if a.path not in self._answered), None)
            if action is None:
                return self._done()
            if action.incomplete:
                return self._lacking(action)
            self._answered.add(action.path)
            ended = await self._carry_out(action)
            if ended is not None:
                return ended

    async def _evaluate(self, marks: Sequence[str] = ()) -> Evaluation:
        """Raises: Problem | Problems: `step.template` or `step.package` for a text that does not
        compile.
        """
        try:
            return await self._engine.evaluate(
                self._text,
                self._fills,
                [],
                source=self._step.definition.source,
                packages=self._packages,
                marks=marks,
                actions=True,
            )
        except (Problem, Problems) as error:
            if any(problem.retry for problem in every(error)):
                raise
            said = f"invalid cue task for evaluation: {error}"
            missing = any(each.message.startswith("unknown package") for each in every(error))
            code = "step.package" if missing else "step.template"  # a package may still come
            raise Problem(code, said, f"{self._task.step.path}.type", retry=missing) from error

    @property
    def _fills(self) -> list[Fill]:
        task = self._task
        return [
            Fill("context", dict(task.context), "context"),
            Fill("parameter", dict(task.properties), "parameter"),
            *self._answers,
        ]

    def _done(self) -> Result:
        if self._unhealthy:
            return self._result(records.RUNNING, records.WAIT, self._unhealthy)
        return self._result(records.SUCCEEDED, "", self._message)

    def _result(self, phase: str, reason: str = "", message: str = "") -> Result:
        values = documents.Document(
            self._engine,
            self._text,
            tuple(self._fills),
            self._step.definition.source,
            self._packages,
        )
        return Result(phase, reason, message, values=values, secret=self._secrets.any)

    def _lacking(self, action: Action) -> Result:
        """An action whose inputs are not there when its turn comes. What only waits waits for them.

        Raises:
            Problems: it is any other action.
        """
        lacks = action.incomplete
        if self._task.tools.rehearsal:
            return Result(records.SUCCEEDED, "", UNRUN)
        if (action.provider, action.do) in _WAITS:
            message = str(action.value.get("$params", action.value).get("message") or "")
            return self._result(records.RUNNING, records.WAIT, message or f"waiting: {lacks[0]}")
        raise Problems(replace(each, message=f"{action.path}: {each}", path="") for each in lacks)

    async def _carry_out(self, action: Action) -> Result | None:
        """Carry out one action and take in its answer; the result, where it ends the pass."""
        task, kind = self._task, (action.provider, action.do)
        memo = hashing.digest([task.record.id, action.path, action.value])
        if kind in _ASKED_IN_TURN and not task.due and memo in task.memory.answers:
            outcome = task.memory.answers[memo]
        else:
            outcome = await self._call(action, kind)
            if outcome is None:
                return Result(records.SUCCEEDED, "", UNRUN)
            if kind in _ASKED_IN_TURN:
                task.memory.answers[memo] = outcome
        if outcome.fill:
            self._answers.append(Fill(action.path, outcome.fill, f"answer of {action.path}"))
            self._secrets.learn(outcome.fill, outcome.secret)
        return None if outcome.signal is None else self._signal(action, outcome.signal)

    async def _call(self, action: Action, kind: tuple[str, str]) -> lent.Outcome | None:
        """None in a rehearsal, where the world would have to be asked."""
        key = self._journal.key(action.path, once=kind in _MAILS)
        try:
            return await calling.call(action, self._runtime(), key=key)
        except (Problem, Problems) as error:
            self._journal.abandon(key)
            if self._task.tools.rehearsal and not lending.delivers(action):
                return None
            told = (
                replace(p, message=f"{action.path}: {p.message}", path="") for p in every(error)
            )
            raise Problems(told) from error

    def _runtime(self) -> lent.Runtime:
        task = self._task
        return replace(
            self._step.runtime,
            step_id=task.record.id,
            step_name=task.step.name,
            clock=task.tools.clock,
            engine=self._engine,
            variables=task.memory,
            patching=self._patch,
            delivery=lending.Application(task, self._step.runtime, self._marked),
            clusters=lending.Clusters(task),
            journal=None if task.tools.rehearsal else self._journal,
            log=self._log,
        )

    def _log(self, text: str) -> None:
        """What `#Log` writes goes to the log of the controllers, and is kept for `workflow logs`:
        all that the last look at the step has written.
        """
        line = self._secrets.hide(text)
        self._lines.append(line)
        task = self._task
        _LOG.info('cue logs stepSessionID="%s" %s: %s', task.record.id, task.step.name, line)
        kept = "\n".join(self._lines)[-_LONGEST_LOG:]
        task.memory.keep(remembering.key(task.record.id, LOG), kept)

    async def _patch(self, path: str, base: Any, patch: Any) -> Any:
        """See `providers.ports.Patching`."""
        marks, soft = await self._marked(path)
        return patching.unify(base, patch, marks, (), soft).value

    async def _marked(self, path: str) -> lending.Marked:
        """The marks of the text below a path of it, and what is only a default there."""
        result = await self._evaluate([path])
        return result.marks.get(path, {}), frozenset(result.soft.get(path, ()))

    def _signal(self, action: Action, signal: lent.Signal) -> Result | None:
        """What a signal makes of the pass; None where it goes on."""
        message = signal.message
        match signal.kind:
            case "message":
                self._message = message or self._message
                return None
            case "suspend":
                message = self._secrets.hide(message)
                return suspending.hold(self._task, signal.duration, message, action.path)
            case "wait" if self._task.tools.rehearsal:
                return None
            case "wait" if not signal.stops:
                self._unhealthy = message
                return None
            case "wait":
                return self._result(records.RUNNING, records.WAIT, message or self._message)
            case "break":
                return self._result(records.SUCCEEDED, records.TERMINATE, message or self._message)
        return self._result(records.FAILED, records.ACTION, message or self._message)

    def _blame(self, found: Iterable[Problem]) -> list[Problem]:
        """Problems of the document in terms of the application."""
        given: list[Problem] = []
        others: list[Problem] = []
        for each in found:
            if each.path.partition(".")[0] == "parameter":
                given.append(each)
            else:
                where = f"{each.path}: {each.message}" if each.path else each.message
                others.append(replace(each, code="step.conflict", message=where, path=""))
        task = self._task
        part = templates.Part.of_step(self._step.definition, task.step, task.properties)
        return [*blaming.translate(given, part, ()), *others]


def runners(
    definitions: Mapping[str, Definition], engine: Engine, runtime: lent.Runtime
) -> dict[str, Custom]:
    """A runner for each step type, by the type as it is written."""
    return {name: Custom(each, engine, runtime) for name, each in definitions.items()}
