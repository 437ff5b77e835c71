"""Say what an evaluation found wrong in terms of the application its author wrote.

The engine speaks of `parameter.image` and of lines in values it was handed; people want
`spec.components[0].properties.image`. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from lateen.api.application import Component, Overlay
from lateen.api.definition import Definition
from lateen.base import paths
from lateen.base.problem import Position, Problem, Problems, every, raise_any
from lateen.definitions import templates, wording

# what the engine calls the two values it is handed, in the positions of its problems
PARAMETER = "parameter"
CONTEXT = "context"

_ENGINE_CODES = frozenset({"cue.engine", "cue.deadline", "cue.memory"})
_PARAMETER_CODES = {
    "cue.incomplete": "parameter.missing",
    "cue.closed": "parameter.unknown",
    "cue.conflict": "parameter.value",
}
_READS = re.compile(r"\bparameter\.[\w.]*$")
_WITHHELD = "the value a workflow input gave does not fit the definition"


def user_errors(errs: Any, part: templates.Part) -> list[Problem]:
    """What a template says itself, in its list `errs`; anything but text is left out.

    Source: semantics B3.
    """
    said = [text for text in errs if isinstance(text, str)] if isinstance(errs, list) else []
    where = declared(part.definition, "errs", "said here") if said else ()
    return [Problem("template.user", text, part.path, where) for text in said]


def declared(definition: Definition, field: str, note: str) -> tuple[Position, ...]:
    """Where a template says a field of its top level, as far as that can be told from its text;
    where it begins, for one it does not say.
    """
    for number, line in enumerate(definition.text.splitlines(), 1):
        match = re.match(rf"\s*({re.escape(field)})\s*[:]", line)
        if match:
            return (Position(definition.source, number, match.start(1) + 1, note=note),)
    lines = enumerate(definition.text.splitlines(), 1)
    first = next((number for number, line in lines if line.strip()), 1)
    return (Position(definition.source, first, 1),)


def compilation(error: Problem | Problems, part: templates.Part) -> list[Problem]:
    """Why a template could not be compiled or evaluated at all."""
    said = []
    path = f"{part.path}.type"
    told = wording.without_echoes(problem.message for problem in every(error))
    for problem in every(error):
        if problem.code in _ENGINE_CODES:
            said.append(replace(problem, message=f"{part.word}: {problem.message}", path=path))
        elif problem.message in told:
            message = f"{part.word} cannot be used: {_located(problem)}"
            hint = problem.hint or wording.hint(problem.message, part.definition.text)
            said.append(
                replace(problem, code="template.error", message=message, path=path, hint=hint)
            )
    return said


def action(failed: Problems, part: templates.Part) -> list[Problem]:
    """Why something a template asks of others could not be done, at the part it belongs to."""
    return [
        replace(problem, message=f"{part.word}: {_located(problem)}", path=part.path)
        for problem in failed.problems
    ]


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
    root = paths.parse(part.path)
    result = list(stated)
    for problem in _once(found):
        if problem.code in _ENGINE_CODES:
            result += compilation(problem, part)
            continue
        if problem.code == "cue.incomplete" and missing:
            continue
        blamed = _blame(problem, part)
        at = paths.parse(blamed.path)
        if any(paths.related(at, path) for path in said if len(path) > len(root)):
            continue
        told = problem.code != "cue.incomplete"
        if told and any(paths.related(at, paths.parse(path)) for path in hidden):
            blamed = replace(blamed, message=_WITHHELD)
        result.append(blamed)
    return list(dict.fromkeys(result))


def patch(error: Problem, part: templates.Part, where: str, placed: Problem) -> Problem:
    """Why a trait could not be laid over an object; `where` is the object, as templates call it.

    `placed` is the same problem with its path in the application and its positions.
    """
    if error.code == "patch.operation":
        where = "patch"
    said = replace(error, message=wording.patch(error.message)).at(where)
    return replace(placed, message=f"{part.word} cannot be applied: {said}")


def step(error: Problem, where: str) -> Problem:
    """Why what a step lays over an object does not fit; `where` is the object."""
    said = replace(error, message=wording.patch(error.message)).at(where)
    return replace(error, message=f"the patch of the step cannot be applied: {said}", path="")


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
    positions = _noted(problem, part)
    given = [paths.parse(p.path) for p in problem.positions if p.source == PARAMETER and p.path]
    if at[:1] == ("parameter",):
        # where alternatives failed the error stands at their root, the culprit further down
        below = [each for each in given if each[: len(at) - 1] == at[1:]]
        found = max(below, key=len, default=at[1:])
        return _of_parameter(replace(problem, positions=positions), found, part)
    path = place(given[0], part) if given else part.path
    message = f"{part.word}: {_located(problem)}"
    hint = problem.hint or wording.hint(problem.message, part.definition.text)
    if problem.message == "is not defined" and at:
        hint = wording.nearest(str(at[-1]), part.definition.text)
    return Problem("template.error", message, path, positions, hint)


def _of_parameter(problem: Problem, at: paths.Path, part: templates.Part) -> Problem:
    """A problem of a property itself; `positions` are in the definition alone."""
    path = place(at, part)
    code = _PARAMETER_CODES.get(problem.code, "parameter.value")
    name = str(at[-1]) if at else "parameter"
    text = part.definition.text
    if problem.code == "cue.closed" and at:
        hint = wording.nearest(name, text)
        return Problem(code, f'unknown parameter "{name}"', path, problem.positions, hint)
    if problem.message == "is not defined":
        # a slip of the definition: nothing that could be given would mend it
        where = paths.render(("parameter", *at))
        message = f"{part.word} cannot be used: it reads {where}, which it does not declare"
        hint = wording.nearest(name, text)
        return Problem("template.error", message, f"{part.path}.type", problem.positions, hint)
    if problem.code == "cue.incomplete":
        kind = problem.message.removeprefix("is required").strip(" ()")
        if kind != problem.message:
            message = f'required parameter "{name}" is not set'
            hint = f"add {name} ({kind})" if kind else f"add {name}: the definition needs it"
            return Problem(code, message, path, problem.positions, hint)
    given = paths.lookup(part.properties or {}, at, None)
    message = wording.value(problem.message, given)
    return Problem(code, message, path, problem.positions, problem.hint)


def _noted(problem: Problem, part: templates.Part) -> tuple[Position, ...]:
    """The positions in the definition in the order of the chain: where what was given is used,
    then what that conflicts with.
    """
    lines = part.definition.text.splitlines()
    used: list[Position] = []
    others: list[Position] = []
    given = any(each.source == PARAMETER for each in problem.positions)
    at_parameter = problem.path.startswith("parameter")
    for each in problem.positions:
        if each.source in (PARAMETER, CONTEXT):
            continue
        line = (
            lines[each.line - 1] if each.source == part.source and each.line <= len(lines) else ""
        )
        before, after = line[: each.column - 1], line[each.column - 1 :]
        uses = "parameter." in after or _READS.search(before) is not None
        if uses and (given or at_parameter or problem.code == "cue.incomplete"):
            used.append(replace(each, note="used here"))
        elif at_parameter:
            others.append(replace(each, note="declared here"))
        elif problem.code == "cue.conflict":
            others.append(replace(each, note="conflicts with this" if used or given else ""))
        else:
            others.append(each)
    return (*used, *others)


def _once(found: Iterable[Problem]) -> list[Problem]:
    """One problem for each field: what a default alone would conflict with is no news where a given
    value does; and of two fields that need each other, one.
    """
    problems = list(found)
    values = {p.path for p in problems if any(each.source == PARAMETER for each in p.positions)}
    kept: list[Problem] = []
    cycles: set[frozenset[str]] = set()
    for problem in problems:
        given = any(each.source == PARAMETER for each in problem.positions)
        if problem.path in values and not given and problem.code == "cue.conflict":
            continue
        _, cycle, other = problem.message.partition("cycle with field: ")
        pair = frozenset((problem.path, other))
        if cycle and pair in cycles:
            continue
        if cycle:
            cycles.add(pair)
        kept.append(problem)
    return kept


def place(at: paths.Path, part: templates.Part) -> str:
    """A path below `parameter` as a path in the application."""
    value: Any = part.properties
    exact: list[str | int] = []
    for step in at:
        # CUE writes a field whose name is a number as it writes an index
        exact.append(str(step) if isinstance(value, Mapping) else step)
        value = paths.lookup(value, tuple(exact[-1:]), None)
    return paths.render((*paths.parse(part.path), "properties", *exact))


def laid(overlay: Overlay, path: paths.Path) -> paths.Path | None:
    """Where an overlay writes a property, None where it does not (see `merge.deep`)."""
    at = paths.parse(overlay.at)
    if path[: len(at)] != at:
        return None
    value: Any = overlay.values
    for part in path[len(at) :]:
        if not isinstance(value, Mapping):
            break  # it replaces the whole, so all below is its own
        if part not in value:
            return None
        value = value[part]
    return (*paths.parse(overlay.path), *path[len(at) :])


def written(problems: Iterable[Problem], component: Component) -> list[Problem]:
    """The problems of a component where they are written: a policy's values in the policy."""
    found = []
    for problem in problems:
        path = paths.parse(problem.path)
        for overlay in component.overlays:
            there = laid(overlay, path)
            if there is not None and paths.parse(overlay.at) != path:
                problem = replace(problem, path=paths.render(there))
        found.append(problem)
    return found


@contextmanager
def where_written(component: Component) -> Iterator[None]:
    """Problems raised inside say where their values are written (see `written`)."""
    try:
        yield
    except (Problem, Problems) as error:
        if not component.overlays:
            raise
        raise_any(written(every(error), component))


def _located(problem: Problem) -> str:
    message = wording.plain(problem.message)
    return f"{problem.path}: {message}" if problem.path else message
