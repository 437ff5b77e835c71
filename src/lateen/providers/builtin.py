"""Actions on the workflow itself: variables, and what a step is to do next (semantics E3, E6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from lateen.base import durations
from lateen.base.problem import Problem
from lateen.providers.calls import Answer, Call
from lateen.providers.ports import Signal, need


async def wait(call: Call) -> Answer:
    if call.flag("continue", default=False):
        return Answer()
    return Answer(signal=Signal("wait", call.text("message", default="")))


async def suspend(call: Call) -> Answer:
    """Always a signal: whether the pause is over is known to whoever runs the step.

    Raises:
        Problem: `provider.input` for a duration that is none.
    """
    duration = call.text("duration", default="")
    seconds = _seconds(call, duration) if duration else None
    message = call.text("message", default="")
    return Answer(signal=Signal("suspend", message, duration=seconds))


async def end(call: Call) -> Answer:
    return Answer(signal=Signal("break", call.text("message", default="")))


async def fail(call: Call) -> Answer:
    return Answer(signal=Signal("fail", call.text("message", default="")))


async def message(call: Call) -> Answer:
    return Answer(signal=Signal("message", call.text("message", default=""), stops=False))


async def variable(call: Call) -> Answer:
    """Read or store a variable.

    Raises:
        Problem: `provider.variable` for one that is not there, or has another value already;
            `provider.unavailable`.
    """
    memory = need(call.runtime.variables, "variables of the workflow")
    path = call.text("path")
    name, *rest = path.split(".")
    if call.text("method", default="Get") == "Get":
        value = _below(memory.variables, [name, *rest], path)
        return Answer({"value": value}, secret=("value",) if memory.is_secret(name) else ())
    value = call.given("value")
    for part in reversed(rest):
        value = {part: value}
    if rest and isinstance(memory.variables.get(name), Mapping):
        value = {**memory.variables[name], **value}
    if not memory.put(name, value):
        raise Problem("provider.variable", f"variable {name} has another value already", call.path)
    return Answer()


def _below(value: Any, parts: list[str], path: str) -> Any:
    for part in parts:
        if not isinstance(value, Mapping) or part not in value:
            raise Problem("provider.variable", f"var {path} not found", retry=True)
        value = value[part]
    return value


def _seconds(call: Call, text: str) -> float:
    try:
        return durations.seconds(text)
    except ValueError as error:
        where = f"{call.inputs_path}.duration"
        raise Problem("provider.input", str(error), where) from error


ACTIONS: Final = {
    "var": variable,
    "wait": wait,
    "suspend": suspend,
    "break": end,
    "fail": fail,
    "message": message,
}
