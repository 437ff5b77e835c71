"""Workflow steps and policies: what their templates come to, and what they ask others to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lateen.base import paths
from lateen.base.problem import Problem, Problems, every, raise_any
from lateen.cue.templates import Action, Evaluation, Fill, Template
from lateen.definitions import parameters
from lateen.testing import benches, refusals
from lateen.testing.cases import Case

_GIVEN = ("context", "parameter")
_WAITING = ("cue.incomplete", "cue.reference")  # what an answer may yet bring
_ROUNDS = 64  # answers that keep leading to further actions


@dataclass(frozen=True)
class Run:
    """What a template came to once every action with an answer had it.

    `actions` are in the order they are carried out; `values` are the fields of the template that
    are known, by name; `open` the paths of actions without an answer, or not ready for one.
    """

    actions: tuple[Action, ...]
    values: Mapping[str, Any]
    open: tuple[str, ...]

    def action(self, path: str) -> dict[str, Any]:
        """The inputs of the action at a path.

        Raises:
            AssertionError: there is none; names those there are.
        """
        __tracebackhide__ = True
        for each in self.actions:
            if each.path == path:
                found: dict[str, Any] = each.value.get("$params", each.value)
                return found
        there = ", ".join(f"{each.path} ({each.do})" for each in self.actions) or "none"
        raise AssertionError(f'there is no action "{path}"; there are: {there}')


def run(case: Case, bench: benches.Bench, answers: Mapping[str, Any]) -> Run:
    """Evaluate a template, again as long as answers lead to more.

    Raises:
        Refused: its parameters are wrong, or it contradicts itself.
        LookupError: an answer for an action there is not.
    """
    __tracebackhide__ = True
    definition = case.component
    try:
        found = bench.call(_run, case, bench, answers)
    except (Problem, Problems) as error:
        title = f'{definition.kind.word} "{definition.name}" does not evaluate'
        texts = {definition.source: benches.text_of(definition)}
        near = [_near(each) for each in every(error)]
        raise refusals.parameters(near, title, texts, case.given, case.path) from error
    unknown = [path for path in answers if path not in [each.path for each in found.actions]]
    if unknown:
        there = ", ".join(each.path for each in found.actions) or "none"
        raise LookupError(f'there is no action "{unknown[0]}" to answer; there are: {there}')
    return found


def _near(problem: Problem) -> Problem:
    """A problem of the parameter, with its path where an application would have it."""
    at = paths.parse(problem.path)
    if at[:1] != ("parameter",):
        return problem
    path = paths.render(("spec", "components", 0, "properties", *at[1:]))
    return Problem(problem.code, problem.message, path, problem.positions, problem.hint)


async def _run(case: Case, bench: benches.Bench, answers: Mapping[str, Any]) -> Run:
    definition = case.component
    template = await bench.shelf.compiled(definition)
    schema = await bench.shelf.schema(definition)
    raise_any(parameters.check(case.parameters or {}, schema, case.path).problems)
    outline = await bench.engine.outline(definition.text, source=definition.source)
    asked = [field.name for field in outline.fields if _shown(field.name)]
    fills = [
        Fill("context", case.step_context, "context"),
        Fill("parameter", dict(case.parameters or {}), "parameter"),
    ]
    evaluation = await _settle(template, fills, asked, answers)
    waiting = [each.path for each in evaluation.actions if each.incomplete]
    silent = [each.path for each in evaluation.actions if each.path not in answers]
    unsettled = {*waiting, *silent}
    raise_any(each for each in evaluation.problems if not (unsettled and each.code in _WAITING))
    opened = tuple(each.path for each in evaluation.actions if each.path in unsettled)
    return Run(evaluation.actions, evaluation.values, opened)


async def _settle(
    template: Template, fills: list[Fill], asked: list[str], answers: Mapping[str, Any]
) -> Evaluation:
    given: set[str] = set()
    for _ in range(_ROUNDS):
        evaluation = await template.evaluate(fills, asked, actions=True)
        ready = [
            each
            for each in evaluation.actions
            if each.path in answers and each.path not in given and not each.incomplete
        ]
        if not ready:
            return evaluation
        for each in ready:
            given.add(each.path)
            answer = answers[each.path]
            # actions of vela/op return fields of their own
            filled = {"$returns": answer} if "$params" in each.value else answer
            fills = [*fills, Fill(each.path, filled, f"the answer to {each.path}")]
    raise Problem("cue.error", f"actions do not come to an end after {_ROUNDS} answers")


def _shown(name: str) -> bool:
    return not name.startswith(("_", "#")) and name not in _GIVEN
