"""Actions that turn values into values: texts, dates, patches. And the log of a step."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from lateen.base.problem import Problem, Problems
from lateen.providers import layouts
from lateen.providers.calls import Answer, Call
from lateen.providers.ports import need

_LOG_CONFIG: Final = "logConfig"  # of all steps, as `workflow logs` reads it (semantics E1)


async def to_text(call: Call) -> Answer:
    """CUE's bytes are base64 in JSON."""
    return Answer({"str": _decoded(call.text("bt"), f"{call.inputs_path}.bt")})


async def encode(call: Call) -> Answer:
    return Answer(base64.b64encode(_whole(call).encode()).decode())


async def decode(call: Call) -> Answer:
    return Answer(_decoded(_whole(call), call.inputs_path))


async def to_timestamp(call: Call) -> Answer:
    layout = call.text("layout", default="") or layouts.RFC3339
    try:
        moment = layouts.read(call.text("date"), layout)
    except ValueError as error:
        where = f"{call.inputs_path}.date"
        raise Problem("provider.input", str(error), where) from error
    return Answer({"timestamp": int(moment.timestamp())})


async def to_date(call: Call) -> Answer:
    layout = call.text("layout", default="") or layouts.RFC3339
    try:
        moment = datetime.fromtimestamp(call.whole("timestamp"), UTC)
    except (ValueError, OverflowError, OSError) as error:
        where = f"{call.inputs_path}.timestamp"
        raise Problem("provider.input", f"no date: {error}", where) from error
    return Answer({"date": layouts.write(moment, layout)})


async def now(call: Call) -> Answer:
    return Answer({"timestamp": int(call.runtime.clock.now().timestamp())})


async def patch_object(call: Call) -> Answer:
    """A patch that does not fit is an `err`, not a failure."""
    patching = need(call.runtime.patching, "patching")
    try:
        laid = await patching(f"{call.inputs_path}.patch", call.map("value"), call.map("patch"))
    except (Problem, Problems) as error:
        return Answer({"err": str(error)})
    return Answer({"result": laid})


async def unify(call: Call) -> Answer:
    patching = need(call.runtime.patching, "patching")
    laid = await patching(f"{call.inputs_path}.patch", call.map("value"), call.map("patch"))
    return Answer(laid)


async def log(call: Call) -> Answer:
    """Write data to the log; keep where else the step's logs are."""
    data, source = call.given("data"), call.map("source", default={})
    if data is not None:
        text = data if isinstance(data, str) else orjson.dumps(data).decode()
        call.runtime.log(text)
    memory, name = call.runtime.variables, call.runtime.step_name
    if memory is not None and name:
        kept = orjson.loads(memory.value(_LOG_CONFIG) or "{}")
        mine: dict[str, Any] = kept.get(name) or {}
        if data is not None:
            mine["data"] = True
        if source:
            mine["source"] = {**(mine.get("source") or {}), **source}
        text = orjson.dumps({**kept, name: mine}, option=orjson.OPT_SORT_KEYS).decode()
        memory.keep(_LOG_CONFIG, text)
    return Answer()


def _whole(call: Call) -> str:
    if not isinstance(call.inputs, str):
        raise Problem("provider.input", "$params must be text", call.inputs_path)
    return call.inputs


def _decoded(text: str, where: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode(errors="replace")
    except binascii.Error as error:
        raise Problem("provider.input", "this is not base64", where) from error


BASE64: Final = {"encode": encode, "decode": decode}
CUE: Final = {"strategyUnify": unify}
TIME: Final = {"timestamp": to_timestamp, "date": to_date, "now": now}
UTIL: Final = {"patch-k8s-object": patch_object, "string": to_text, "log": log}
