"""Inputs into a step's properties, outputs into variables (semantics E4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lateen.api.application import Step
from lateen.api.manifest import Manifest
from lateen.base import paths
from lateen.base.problem import Problem
from lateen.workflow import graphs
from lateen.workflow.ports import Expressions
from lateen.workflow.remembering import Memory

_ROOTS = ("context", "parameter")


def find(source: str, memory: Memory, scope: Mapping[str, Any]) -> Any:
    """The value an input's `from` names, or `paths.MISSING`.

    A variable comes first, then a path in `context` or `parameter`. Dots always separate: a name
    may hold `-`, as in `o-1.a`.
    """
    try:
        path = paths.parse(source)
    except ValueError:
        return paths.MISSING
    value = paths.lookup(memory.variables, path)
    if value is paths.MISSING and path and path[0] in _ROOTS:
        value = paths.lookup(scope, path)
    return value


def found(source: str, memory: Memory, scope: Mapping[str, Any]) -> bool:
    """Whether there is a value. One inside a variable that is null is null as well."""
    if find(source, memory, scope) is not paths.MISSING:
        return True
    return memory.variables.get(graphs.variable(source), paths.MISSING) is None


def lost(step: Step, memory: Memory, scope: Mapping[str, Any]) -> str:
    """What is wrong with an input whose variable is set but does not hold what `from` asks of it;
    empty when nothing is.
    """
    for given in step.inputs:
        source = str(given.get("from"))
        if graphs.variable(source) in memory.variables and not found(source, memory, scope):
            return f"input {source}: {graphs.variable(source)} holds no such field"
    return ""


def fill(step: Step, memory: Memory, scope: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of a step with its inputs set, each at its `parameterKey`.

    Raises:
        Problem: `workflow.input` when a key leads where nothing can be set.
    """
    filled: Any = dict(step.properties)
    for index, given in enumerate(step.inputs):
        key = given.get("parameterKey")
        if not key:
            continue  # only to be read as `inputs.<from>`
        value = find(str(given.get("from")), memory, scope)
        filled = assign(filled, str(key), None if value is paths.MISSING else value, step, index)
    return dict(filled)


def assign(properties: Any, key: str, value: Any, step: Step, index: int) -> Any:
    """A copy of `properties` with `value` at `key`, the parameterKey of the step's input `index`.

    Raises:
        Problem: `workflow.input`.
    """
    try:
        return paths.assign(properties, paths.parse(key), value)
    except ValueError as error:
        raise Problem(
            "workflow.input",
            f"cannot set {key}: {error}",
            path=f"{step.path}.inputs[{index}].parameterKey",
        ) from error


def inputs(step: Step, memory: Memory, scope: Mapping[str, Any]) -> dict[str, Any]:
    """`inputs` as expressions see it: each value where its `from` says."""
    result: Any = {}
    for given in step.inputs:
        source = str(given.get("from"))
        value = find(source, memory, scope)
        if value is not paths.MISSING:
            result = paths.assign(result, tuple(source.split(".")), value)
    return dict(result)


async def publish(
    step: Step,
    document: Mapping[str, Any],
    memory: Memory,
    expressions: Expressions,
    *,
    secret: bool = False,
) -> list[str]:
    """Set the variables of a finished step; says for each that could not be, why.

    A value that cannot be had is null: steps that wait for it go on. What is read from a Secret, or
    known to be `secret`, is kept as one.
    """
    faults = []
    for output in step.outputs:
        name, source = str(output.get("name")), str(output.get("valueFrom"))
        try:
            value = await expressions.evaluate(source, document)
        except Problem as problem:
            if problem.retry:
                raise
            value = None
            faults.append(f"failed to get output from {source}: {problem.message}")
        hidden = secret or _secret(source, step, document, memory)
        if not memory.put(name, value, secret=hidden):
            faults.append(f"output {name} already has a different value, set by another step")
    return faults


def withhold(step: Step, memory: Memory) -> None:
    """Set the variables of a step that has nothing to take them from: null."""
    for output in step.outputs:
        memory.put(str(output.get("name")), None)


def _secret(source: str, step: Step, document: Mapping[str, Any], memory: Memory) -> bool:
    """Whether an expression may read a Secret, or what came from one through an input."""
    if any(_is_secret(each) for each in _objects(document)) and "output" in source:
        return True
    names = (graphs.variable(str(given.get("from"))) for given in step.inputs)
    return any(memory.is_secret(name) for name in names)


def _is_secret(value: Manifest) -> bool:
    return value.get("kind") == "Secret" and value.get("apiVersion") == "v1"


def _objects(document: Mapping[str, Any]) -> Iterator[Manifest]:
    for value in (document.get("output"), *(document.get("outputs") or {}).values()):
        if isinstance(value, dict):
            yield value
            yield from (item for item in value.get("items") or () if isinstance(item, dict))
