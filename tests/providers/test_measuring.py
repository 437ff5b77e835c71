"""PromCheck against a server that answers as Prometheus does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from lateen.base.problem import Problem
from lateen.cue.engine import Engine
from lateen.providers.packages import Flavour
from lateen.providers.ports import Runtime
from lateen.providers.sending import Sender
from lateen.workflow.remembering import Memory
from tests.fakes.clock import StillClock
from tests.providers.worlds import run, served

pytestmark = pytest.mark.anyio


def vector(*values: str) -> dict[str, Any]:
    result = [{"metric": {}, "value": [1.0, value]} for value in values]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


@dataclass
class Prometheus:
    says: Any = field(default_factory=lambda: vector("1"))
    asked: list[Mapping[str, str]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        assert request.path == "/api/v1/query"
        self.asked.append(dict(request.query))
        return web.json_response(self.says)


def text(url: str, condition: str = ">=0.95") -> str:
    return f"""
import "vela/metrics"
a: metrics.#PromCheck & {{$params: {{
	query: "sum(up)", metricEndpoint: "{url}/", condition: "{condition}"
	duration: "1m", failDuration: "30s"
}}}}
out: a.$returns
"""


@dataclass
class Check:
    engine: Engine
    runtime: Runtime
    url: str

    async def __call__(self, condition: str = ">=0.95") -> tuple[bool, bool]:
        found = (await run(self.engine, text(self.url, condition), self.runtime, "out")).values
        assert found["out"]["message"]
        return found["out"]["result"], found["out"]["failed"]


async def test_a_condition_has_to_hold_for_a_time(
    engine: Engine, http: Sender, clock: StillClock
) -> None:
    server, memory = Prometheus(), Memory()
    async with served(server.answer) as url:
        runtime = Runtime(Flavour.STEP, http=http, clock=clock, variables=memory, step_id="s1")
        check = Check(engine, runtime, url)
        assert await check() == (False, False)
        clock.pass_by(50)
        assert await check() == (False, False)
        clock.pass_by(10)
        assert await check() == (True, False)
    assert server.asked[0]["query"] == "sum(up)"
    assert memory.value("s1.metrics.success.time") == "1767225600"


async def test_a_condition_that_stays_broken_fails(
    engine: Engine, http: Sender, clock: StillClock
) -> None:
    """In KubeVela the start of a failure is never stored, and nothing ever fails."""
    server, memory = Prometheus(vector("0.5")), Memory()
    async with served(server.answer) as url:
        runtime = Runtime(Flavour.STEP, http=http, clock=clock, variables=memory, step_id="s1")
        check = Check(engine, runtime, url)
        assert await check() == (False, False)
        clock.pass_by(29)
        assert await check() == (False, False)
        clock.pass_by(1)
        assert await check() == (False, True)


async def test_a_change_begins_the_time_anew(
    engine: Engine, http: Sender, clock: StillClock
) -> None:
    server, memory = Prometheus(), Memory()
    async with served(server.answer) as url:
        runtime = Runtime(Flavour.STEP, http=http, clock=clock, variables=memory, step_id="s1")
        check = Check(engine, runtime, url)
        await check()
        clock.pass_by(55)
        server.says = vector("0")
        assert await check() == (False, False)
        clock.pass_by(10)
        server.says = vector("1")
        assert await check() == (False, False)
        clock.pass_by(55)
        assert await check() == (False, False), "the first minute does not count"


@pytest.mark.parametrize(
    ("says", "condition", "met"),
    [
        pytest.param(vector("0.95"), ">=0.95", True, id="a vector of one"),
        pytest.param(
            {"status": "success", "data": {"resultType": "scalar", "result": [1.0, "3"]}},
            "==3",
            True,
            id="a scalar",
        ),
        pytest.param(vector("1e+06"), ">999999", True, id="large numbers"),
        pytest.param(vector("-1"), "<0", True, id="negative ones"),
        pytest.param(vector("5"), ">1 && 5 < 6", True, id="any expression of CUE"),
        pytest.param(vector("NaN"), ">=0", False, id="NaN meets nothing"),
        pytest.param(vector("+Inf"), ">=0", False, id="infinity neither"),
    ],
)
async def test_conditions(
    engine: Engine, http: Sender, clock: StillClock, says: Any, condition: str, met: bool
) -> None:
    memory = Memory()
    async with served(Prometheus(says).answer) as url:
        runtime = Runtime(Flavour.STEP, http=http, clock=clock, variables=memory, step_id="s1")
        await Check(engine, runtime, url)(condition)
    assert (memory.value("s1.metrics.success.time") != "") is met


@pytest.mark.parametrize(
    ("says", "condition", "code", "message"),
    [
        pytest.param(vector(), ">0", "metrics.query", "gave 0 results", id="nothing"),
        pytest.param(vector("1", "2"), ">0", "metrics.query", "gave 2 results", id="too much"),
        pytest.param(
            {"status": "error", "error": "parse error"},
            ">0",
            "metrics.query",
            "parse error",
            id="what Prometheus refuses",
        ),
        pytest.param([], ">0", "metrics.query", "something else", id="no Prometheus"),
        pytest.param(
            {"status": "success", "data": {"resultType": "matrix", "result": []}},
            ">0",
            "metrics.query",
            "matrix",
            id="a range",
        ),
        pytest.param(vector("1"), "+1", "metrics.condition", "no comparison", id="no condition"),
        pytest.param(vector("1"), ">", "metrics.condition", "cannot be used", id="no CUE"),
    ],
)
async def test_what_cannot_be_checked(
    engine: Engine,
    http: Sender,
    clock: StillClock,
    says: Any,
    condition: str,
    code: str,
    message: str,
) -> None:
    async with served(Prometheus(says).answer) as url:
        runtime = Runtime(Flavour.STEP, http=http, clock=clock, variables=Memory())
        with pytest.raises(Problem, match=message) as raised:
            await run(engine, text(url, condition), runtime)
    assert raised.value.code == code
