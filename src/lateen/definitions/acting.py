"""Carry out the actions of a template, one after another, and evaluate it with their answers.

A template of a component, trait or policy may ask for work while it is rendered, by what it imports
from `vela/...`. An action sees the answers of those before it, so each answer means another
evaluation; templates that import nothing of the kind never come here.
Source: semantics B1, E5, E8.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from lateen.base.problem import Problem, Problems, every
from lateen.cue.templates import Action, Evaluation, Fill
from lateen.definitions import patching
from lateen.providers import ports
from lateen.providers.packages import Packages

Call = Callable[[ports.Asked, ports.Runtime], Awaitable[ports.Outcome]]
"""Carries out an action; `providers.calling.call` is one."""


class Failed(Problems):
    """An action failed. The paths are those of the action in the template."""


class Evaluate(Protocol):
    async def __call__(self, answers: Sequence[Fill], marks: Sequence[str] = ()) -> Evaluation:
        """Evaluate with the answers so far; `marks` are paths whose marks are wanted besides."""
        ...


# what no answer will mend; everything else may be waiting for one
_FINAL = frozenset({"cue.conflict", "cue.closed"})


def needed(text: str, known: Packages) -> dict[str, Mapping[str, str]]:
    """The packages among `known` that a text imports, and those these import themselves.

    Reads words, not syntax: a package too many is never loaded.
    """
    found: dict[str, Mapping[str, str]] = {}
    texts = [text]
    while texts:
        each = texts.pop()
        if "import" not in each:
            continue
        for path in known:
            if path not in found and (f'"{path}"' in each or f'"{path}:' in each):
                found[path] = known[path]
                texts += known[path].values()
    return found


async def settle(evaluate: Evaluate, call: Call, runtime: ports.Runtime) -> Evaluation:
    """Evaluate until every action has its answer, each carried out once, in the order of the text.

    An action whose inputs are not known when its turn comes ends this: what they lack is among the
    problems of the evaluation then. So does a problem that no answer can mend, and what the text
    itself has to say against its parameters. No problem quotes what was read from a Secret.

    Raises:
        Failed: an action failed.
        Problem, Problems: as `evaluate`.
    Source: semantics E5.
    """
    answers: list[Fill] = []
    answered: set[str] = set()
    secret: set[str] = set()
    while True:
        result = _discreet(await evaluate(answers), secret)
        action = next((each for each in result.actions if each.path not in answered), None)
        if action is None or _refused(result):
            return result
        final = tuple(problem for problem in result.problems if problem.code in _FINAL)
        if final or action.incomplete:
            problems = tuple(dict.fromkeys((*action.incomplete, *final)))
            return replace(result, problems=problems)
        answered.add(action.path)
        able = replace(runtime, patching=_Patching(evaluate, tuple(answers)))
        outcome = await _carry_out(action, call, able)
        answer = Fill(action.path, outcome.fill, f"answer of {action.path}")
        answers.append(answer)
        if outcome.secret:
            secret.add(answer.source)


def _refused(result: Evaluation) -> bool:
    """Whether the text says in its `errs` that it will not do (semantics B3)."""
    said = result.values.get("errs")
    return isinstance(said, list) and any(isinstance(each, str) for each in said)


async def _carry_out(action: Action, call: Call, runtime: ports.Runtime) -> ports.Outcome:
    try:
        outcome = await call(action, runtime)
    except (Problem, Problems) as error:
        raise Failed(
            replace(each, path=each.path or action.path) for each in every(error)
        ) from error
    if outcome.signal is not None and outcome.signal.kind == "fail":
        raise Failed([Problem("template.user", outcome.signal.message, action.path)])
    return outcome


@dataclass(frozen=True)
class _Patching:
    """Lays patches over objects by the marks the template has where it gives the patch."""

    evaluate: Evaluate
    answers: tuple[Fill, ...]

    async def __call__(self, path: str, base: Any, patch: Any) -> Any:
        result = await self.evaluate(self.answers, [path])
        return patching.unify(
            base, patch, result.marks.get(path), (), result.soft.get(path, ())
        ).value


def _discreet(result: Evaluation, secret: Collection[str]) -> Evaluation:
    if not secret:
        return result
    problems = tuple(
        replace(problem, message="what an action read does not fit")
        if any(position.source in secret for position in problem.positions)
        else problem
        for problem in result.problems
    )
    return replace(result, problems=problems)
