"""Ask Prometheus, and keep for how long a condition has held (semantics E8)."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

import orjson

from lateen.base import durations
from lateen.base.problem import Problem, Problems, every
from lateen.providers.calls import Answer, Call
from lateen.providers.ports import Request, need

_HELD, _BROKEN = "success", "fail"


async def check(call: Call) -> Answer:
    """Whether the condition has held for `duration`, or been broken for `failDuration`.

    Since when is kept in the workflow's memory, so a restart does not begin it anew.

    Raises:
        Problem: `metrics.query` for an answer that is not one number, `metrics.condition`,
            `http.*`, `provider.input`.
    """
    wanted = {name: _seconds(call, name) for name in ("duration", "failDuration")}
    value = await _value(call)
    condition = call.text("condition")
    met = await _met(call, value, condition)
    held = _since(call, _HELD if met else _BROKEN, other=_BROKEN if met else _HELD)
    said = f"the value is {value}, it should be {condition}"
    if met:
        passed = held >= wanted["duration"]
        lasted = f"this has held for {durations.short(held)} of {call.text('duration')}"
        message = "the metric check has passed" if passed else f"{said}; {lasted}"
        return Answer({"result": passed, "failed": False, "message": message})
    failed = held >= wanted["failDuration"]
    lasted = f"it has not been for {durations.short(held)} of {call.text('failDuration')}"
    return Answer({"result": False, "failed": failed, "message": f"{said}; {lasted}"})


def _since(call: Call, status: str, *, other: str) -> float:
    """Seconds since the condition turned to how it is."""
    memory = need(call.runtime.variables, "the memory of the workflow")
    key = f"{call.runtime.step_id}.metrics.{{}}.time"
    if memory.value(key.format(other)) not in ("", "0"):
        memory.keep(key.format(other), "0")
    now = call.runtime.clock.now()
    kept = memory.value(key.format(status))
    if kept in ("", "0"):
        memory.keep(key.format(status), str(int(now.timestamp())))
        return 0.0
    return max(0.0, (now - datetime.fromtimestamp(int(kept), UTC)).total_seconds())


async def _value(call: Call) -> str:
    """The one number that the query gives, as Prometheus writes it."""
    http = need(call.runtime.http, "HTTP")
    query = {"query": call.text("query"), "time": f"{call.runtime.clock.now().timestamp():.3f}"}
    url = f"{call.text('metricEndpoint').rstrip('/')}/api/v1/query?{urlencode(query)}"
    answer = await http.send(Request("GET", url, timeout=10.0))
    try:
        told = orjson.loads(answer.body)
        data = told["data"] if told["status"] == "success" else {}
        kind, result = data.get("resultType"), data.get("result") or []
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise _unusable(call, f"answered {answer.status} with something else") from error
    if told["status"] != "success":
        raise _unusable(call, f"says {told.get('error') or answer.status}")
    if kind == "scalar":
        return str(result[1])
    if kind != "vector":
        raise _unusable(call, f"gave a {kind}, not one number")
    if len(result) != 1:
        raise _unusable(call, f"gave {len(result)} results, not one")
    return str(result[0]["value"][1])


def _unusable(call: Call, what: str) -> Problem:
    where = f"{call.inputs_path}.query"
    return Problem("metrics.query", f"Prometheus {what}", where, retry=True)


async def _met(call: Call, value: str, condition: str) -> bool:
    if not math.isfinite(float(value)):
        return False  # no value at all, as after a restart, meets nothing
    engine = need(call.runtime.engine, "the evaluator")
    text, met = f"met: {value} {condition}\n", None
    try:
        found = await engine.evaluate(text, [], ["met"], source="condition", require=["met"])
        met, problems = found.values.get("met"), found.problems
    except (Problem, Problems) as error:
        problems = every(error)
        if any(problem.retry for problem in problems):  # the evaluator's fault
            raise
    if not isinstance(met, bool):
        told = "; ".join(problem.message for problem in problems) or "it is no comparison"
        where = f"{call.inputs_path}.condition"
        raise Problem("metrics.condition", f"the condition cannot be used: {told}", where)
    return met


def _seconds(call: Call, name: str) -> float:
    try:
        return durations.seconds(call.text(name))
    except ValueError as error:
        where = f"{call.inputs_path}.{name}"
        raise Problem("provider.input", str(error), where) from error


ACTIONS: Final = {"promCheck": check}
