"""Say what an evaluation found wrong in terms of the application its author wrote.

The engine speaks of `parameter.image` and of lines in values it was handed; people want
`spec.components[0].properties.image`. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lateen.api.application import Component
from lateen.base import paths
from lateen.base.problem import Problem, Problems, every
from lateen.definitions import templates

# what the engine calls the two values it is handed, in the positions of its problems
PARAMETER = "parameter"
CONTEXT = "context"

_ENGINE_CODES = frozenset({"cue.engine", "cue.deadline", "cue.memory"})
_PARAMETER_CODES = {
    "cue.incomplete": "parameter.missing",
    "cue.closed": "parameter.unknown",
    "cue.conflict": "parameter.value",
}
_WITHHELD = "the value a workflow input gave does not fit the definition"


def user_errors(errs: Any, part: templates.Part) -> list[Problem]:
    """What a template says itself, in its list `errs`; anything but text is left out.

    Source: semantics B3.
    """
    found = errs if isinstance(errs, list) else []
    return [Problem("template.user", text, part.path) for text in found if isinstance(text, str)]


def compilation(error: Problem | Problems, part: templates.Part) -> list[Problem]:
    """Why a template could not be compiled or evaluated at all."""
    said = []
    for problem in every(error):
        path = f"{part.path}.type"
        if problem.code in _ENGINE_CODES:
            said.append(replace(problem, message=f"{part.word}: {problem.message}", path=path))
        else:
            message = f"{part.source} cannot be used: {_located(problem)}"
            said.append(replace(problem, code="template.error", message=message, path=path))
    return said


def translate(
    found: Iterable[Problem],
    part: templates.Part,
    stated: Sequence[Problem],
    hidden: Collection[str] = (),
) -> list[Problem]:
    """The problems of one evaluation, after those `stated` by the check against the schema.

    What follows from a stated problem is not said again. The values at the `hidden` paths came
    from workflow inputs, maybe from a Secret, and stay out of messages.
    """
    said = {paths.parse(problem.path) for problem in stated}
    missing = any(problem.code == "parameter.missing" for problem in stated)
    result = list(stated)
    for problem in found:
        if problem.code in _ENGINE_CODES:
            result += compilation(problem, part)
            continue
        if problem.code == "cue.incomplete" and missing:
            continue
        blamed = _blame(problem, part)
        at = paths.parse(blamed.path)
        if any(paths.related(at, path) for path in said):
            continue
        told = problem.code != "cue.incomplete"
        if told and any(paths.related(at, paths.parse(path)) for path in hidden):
            blamed = replace(blamed, message=_WITHHELD)
        result.append(blamed)
    return list(dict.fromkeys(result))


def patch(error: Problem | Problems, part: templates.Part, where: str) -> list[Problem]:
    """Why a trait could not be laid over an object; `where` is the object, as templates call it."""
    return [
        replace(
            problem,
            message=f"{part.word} cannot be applied: {problem.at(where)}",
            path=part.path,
        )
        for problem in every(error)
    ]


def explain(problems: Iterable[Problem], component: Component) -> str:
    """The problems of a component as status messages lay them out (semantics B1)."""
    blocks: dict[str, dict[str, list[str]]] = {}
    for problem in problems:
        owner, prefix = _owner(problem.path, component)
        title, line = _line(problem, prefix)
        blocks.setdefault(owner, {}).setdefault(title, []).append(line)
    texts = []
    for owner, groups in blocks.items():
        texts.append(f"validation failed for {owner}:")
        texts += [
            "\n".join([f"{title}:", *(f"  {line}" for line in sorted(set(groups[title])))])
            for title in ("User Errors", "Parameter errors", "Template errors")
            if title in groups
        ]
    return "\n\n".join(texts)


def _owner(path: str, component: Component) -> tuple[str, str]:
    for trait in component.traits:
        if trait.path and paths.related(paths.parse(path), paths.parse(trait.path)):
            return f"trait {trait.type}", trait.path
    return f"workload {component.name}", component.path


def _line(problem: Problem, prefix: str) -> tuple[str, str]:
    if problem.code == "template.user":
        return "User Errors", problem.message
    below = problem.path.removeprefix(f"{prefix}.properties")
    if problem.code.startswith("parameter.") and below != problem.path:
        return "Parameter errors", f"parameter{below}: {problem.message}"
    return "Template errors", problem.message


def _blame(problem: Problem, part: templates.Part) -> Problem:
    """Find the property a problem is about: by its own path, or by a value that took part."""
    at = paths.parse(problem.path)
    positions = tuple(p for p in problem.positions if p.source not in (PARAMETER, CONTEXT))
    given = [paths.parse(p.path) for p in problem.positions if p.source == PARAMETER and p.path]
    if at[:1] == ("parameter",):
        # where alternatives failed the error stands at their root, the culprit further down
        below = [place for place in given if place[: len(at) - 1] == at[1:]]
        place = max(below, key=len, default=at[1:])
        closed = problem.code == "cue.closed"
        return replace(
            problem,
            code=_PARAMETER_CODES.get(problem.code, "parameter.value"),
            message=f'unknown parameter "{place[-1]}"' if closed and place else problem.message,
            path=_property(place, part),
            positions=positions,
        )
    path = _property(given[0], part) if given else part.path
    message = f"{part.word}: {_located(problem)}"
    return replace(problem, code="template.error", message=message, path=path, positions=positions)


def _property(at: paths.Path, part: templates.Part) -> str:
    """A path below `parameter` as a path in the application."""
    value: Any = part.properties
    exact: list[str | int] = []
    for step in at:
        # CUE writes a field whose name is a number as it writes an index
        exact.append(str(step) if isinstance(value, Mapping) else step)
        value = paths.lookup(value, tuple(exact[-1:]), None)
    return paths.render((*paths.parse(part.path), "properties", *exact))


def _located(problem: Problem) -> str:
    return f"{problem.path}: {problem.message}" if problem.path else problem.message
