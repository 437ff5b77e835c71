"""Expressions in workflows, evaluated by the CUE engine; plain paths without it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lateen.base import paths
from lateen.base.problem import Problem, Problems, every
from lateen.cue.engine import Engine, Fill

PLAIN = re.compile(r'[A-Za-z_]\w*(?:\.[A-Za-z_$][\w$]*|\["(?:[^"\\]|\\.)*"\]|\[\d+\])*')
_IMPORTS = re.compile(
    r'\A(?:\s|//[^\n]*\n)*((?:import\s+(?:\([^)]*\)|(?:\w+\s+)?"[^"]*")(?:\s|;|//[^\n]*\n)*)+)'
)
_WORD = re.compile(r"[A-Za-z_]\w*")
_ANSWER = "$answer"
_CONSTANTS = {"true": True, "false": False, "null": None}


class CueExpressions:
    """Implements `workflow.ports.Expressions` with one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def evaluate(self, expression: str, scope: Mapping[str, Any]) -> Any:
        """The concrete JSON value of an expression over `scope`.

        A path that leads nowhere is tried again with `$returns`, where the results of actions are,
        after its first part (semantics E4).

        Raises:
            Problem: `expression.undefined`, `expression.error`; with `retry` set when the engine
                could not answer.
        """
        text = expression.strip()
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if PLAIN.fullmatch(text):
            return _at(text, scope)
        return await self._ask(text, scope)

    async def _ask(self, text: str, scope: Mapping[str, Any]) -> Any:
        imports, body = split(text)
        words = set(_WORD.findall(body))
        given = {name: value for name, value in scope.items() if name in words}
        declared = "".join(f"{name}: _\n" for name in given)
        document = f"{imports}\n{declared}\n{_ANSWER}: {body}\n"
        fills = [Fill(name, value, name) for name, value in given.items()]
        try:
            result = await self._engine.evaluate(
                document, fills, [_ANSWER], require=[_ANSWER], source="expression"
            )
        except (Problem, Problems) as error:
            raise failure(every(error)) from error
        if result.problems:
            raise failure(result.problems)
        return result.values[_ANSWER]


def split(text: str) -> tuple[str, str]:
    """The imports of an expression, and what follows them."""
    head = _IMPORTS.match(text)
    return (head[1], text[head.end() :]) if head else ("", text)


def failure(problems: tuple[Problem, ...]) -> Problem:
    """Why an expression has no value, out of what the engine says."""
    first = problems[0]
    undefined, message = first.code == "cue.reference", first.message
    if message == "is not defined":  # the engine names the field in the path
        message = f"undefined field: {paths.parse(first.path)[-1]}"
    code = "expression.undefined" if undefined else "expression.error"
    return Problem(code, message, retry=any(problem.retry for problem in problems))


def _at(text: str, scope: Mapping[str, Any]) -> Any:
    path = paths.parse(text)
    for tried in (path, (path[0], "$returns", *path[1:])):
        value = paths.lookup(scope, tried)
        if value is not paths.MISSING:
            return value
    if path[0] in ("status", "inputs"):
        missing = next(
            part
            for i, part in enumerate(path)
            if paths.lookup(scope, path[: i + 1]) is paths.MISSING
        )
        raise Problem("expression.undefined", f"undefined field: {missing}")
    shown = f"{text}.$returns"
    raise Problem("expression.undefined", f"failed to lookup value: var(path={shown}) not exist")
