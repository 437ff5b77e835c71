"""Steps that definitions describe, without a cluster: order, waiting, outputs, dry runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from lateen.api.definition import Definition
from lateen.cue.engine import Engine
from lateen.providers import ports
from lateen.providers.packages import Flavour
from lateen.workflow import operations
from lateen.workflow.steps import custom
from tests.fakes.workflow import Rig, application

pytestmark = pytest.mark.anyio


@dataclass
class Server:
    """Answers every request with the number it is."""

    asked: list[str] = field(default_factory=list)

    async def send(self, request: ports.Request) -> ports.Response:
        self.asked.append(f"{request.method} {request.url}")
        return ports.Response(200, str(len(self.asked)), {})


@pytest.fixture(scope="module")
async def engine(anyio_backend: str) -> AsyncIterator[Engine]:
    async with Engine() as engine:
        yield engine


def rig(
    engine: Engine,
    template: str,
    server: Server | None = None,
    rehearsal: bool = False,
    **more: Any,
) -> Rig:
    """A workflow of one step `do` of that template; then `say`, with its output `out` for input."""
    text = 'import (\n"vela/builtin"\n"vela/http"\n)\n#Uses: [builtin.#Steps, http.#HTTPGet]\n'
    definition = Definition({"kind": "WorkflowStepDefinition"}, "step.cue", text + template)
    steps = [
        {"name": "do", "type": "script", **more},
        {"name": "say", "type": "script", "inputs": [{"from": "out", "parameterKey": "got"}]},
    ]
    made = Rig(
        application([], workflow={"steps": steps if more.get("outputs") else steps[:1]}),
        cue=engine,
        rehearsal=rehearsal,
    )
    runner = custom.Custom(definition, engine, ports.Runtime(Flavour.STEP, http=server))
    plain = made.tools.runners["script"]

    async def run(task: Any) -> Any:
        return await (runner(task) if task.step.name == "do" else plain(task))

    made.tools = replace(made.tools, runners={**made.tools.runners, "script": run})
    return made


def get(name: str, url: str) -> str:
    return f"{name}: http.#HTTPGet & {{$params: url: {url}}}\n"


FIRST = get("a", '"http://first"')


async def test_answers_feed_what_follows(engine: Engine):
    server = Server()
    work = rig(engine, FIRST + get("b", '"http://second/\\(a.$returns.body)"'), server)
    await work.finish()
    assert server.asked == ["GET http://first", "GET http://second/1"]


async def test_what_has_no_inputs_when_its_turn_comes_fails_the_step(engine: Engine):
    server = Server()
    work = rig(engine, get("a", "never") + "never: string\n" + get("b", '"http://second"'), server)
    await work.advance()
    assert server.asked == [], "nothing after it is done either"
    assert work.phases == {"do": "failed"}
    assert work.step("do")["reason"] == "Execute"
    assert work.step("do")["message"].startswith("a: ")


async def test_what_waits_waits_for_its_inputs_too(engine: Engine):
    server = Server()
    wait = "w: builtin.#ConditionalWait & {$params: continue: a.$returns.nosuch == 1}\n"
    work = rig(engine, FIRST + wait + get("b", '"http://second"'), server)
    await work.advance()
    assert (work.step("do")["phase"], work.step("do")["reason"]) == ("running", "Wait")
    assert "nosuch" in work.step("do")["message"]
    assert server.asked == ["GET http://first"]


async def test_others_are_asked_again_in_time_only(engine: Engine):
    server = Server()
    work = rig(engine, FIRST + "w: builtin.#ConditionalWait & {}\n", server)
    progress = await work.advance()
    await work.advance()  # something happened in the cluster
    assert len(server.asked) == 1
    assert progress.next_after is not None
    work.clock.pass_by(progress.next_after)
    await work.advance()
    assert len(server.asked) == 2


async def test_a_parameter_that_does_not_fit(engine: Engine):
    server = Server()
    work = rig(engine, FIRST + "parameter: n: int\n", server, properties={"n": "two"})
    await work.advance()
    assert server.asked == []
    assert "spec.workflow.steps[0].properties.n" in work.step("do")["message"]


OUTPUTS = [
    pytest.param("a.$returns.body", "1", id="a path"),
    pytest.param("a.body", "1", id="a path without $returns"),
    pytest.param("parameter.x", 5, id="a parameter"),
    pytest.param("context.stepName", "do", id="the context"),
    pytest.param('a.$returns.body + "st"', "1st", id="an expression"),
    pytest.param('import "strings"\nstrings.Repeat(a.$returns.body, 3)', "111", id="with imports"),
    pytest.param("list[1].k", "v", id="an item of a list"),
    pytest.param('more["a-b"]', True, id="a quoted name"),
]


@pytest.mark.parametrize(("source", "expected"), OUTPUTS)
async def test_outputs(engine: Engine, source: str, expected: Any):
    rest = 'list: [{}, {k: "v"}]\nmore: "a-b": true\nparameter: x: int\nopen: string\n'
    outputs = [{"name": "out", "valueFrom": source}]
    work = rig(engine, FIRST + rest, Server(), properties={"x": 5}, outputs=outputs)
    await work.finish()
    assert work.seen["say"] == {"got": expected}


@pytest.mark.parametrize("source", ["a.nosuch", "open", "open + 1"])
async def test_an_output_that_is_not_there_is_null(engine: Engine, source: str):
    outputs = [{"name": "out", "valueFrom": source}]
    work = rig(engine, FIRST + "open: string\n", Server(), outputs=outputs)
    await work.finish()
    assert work.seen["say"] == {"got": None}
    assert f"failed to get output from {source}" in work.step("do")["message"]


async def test_messages_are_shown_and_the_last_one_stays(engine: Engine):
    say = 'm: builtin.#Message & {$params: message: "one"}\nn: builtin.#Message & {$params: {}}\n'
    work = rig(engine, say)
    await work.finish()
    assert work.step("do")["message"] == "one"


async def test_a_step_may_pause_twice(engine: Engine):
    server = Server()
    pauses = "p: builtin.#Suspend & {$params: {}}\n" + FIRST
    work = rig(engine, pauses + 'q: builtin.#Suspend & {$params: duration: "5m"}\n', server)
    await work.advance()
    assert work.step("do")["message"] == "Suspended by field p"
    assert server.asked == []
    work.status = operations.resume(work.status)
    progress = await work.advance()
    assert work.step("do")["message"] == "Suspended by field q"
    assert progress.next_after == pytest.approx(300, abs=2)
    work.clock.pass_by(300)
    assert (await work.finish()).state == "succeeded"


async def test_a_conflict_in_an_answer_fails_the_step(engine: Engine):
    work = rig(engine, FIRST + 'a: $returns: body: "other"\n', Server())
    await work.advance()
    assert work.phases == {"do": "failed"}


async def test_a_rehearsal_asks_nobody(engine: Engine):
    work = rig(engine, FIRST + get("b", '"http://second"'), rehearsal=True)
    progress = await work.advance()
    assert progress.state == "succeeded"
    assert work.step("do")["message"] == custom.UNRUN


async def test_a_rehearsal_finds_what_does_not_fit(engine: Engine):
    work = rig(engine, "parameter: n: int\n", properties={"n": "two"}, rehearsal=True)
    await work.advance()
    assert "properties.n" in work.step("do")["message"]


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        pytest.param("a: {", "Rendering", id="a text that is none: for good"),
        pytest.param("a: nosuch", "Rendering", id="a name that is none: for good"),
    ],
)
async def test_a_template_that_does_not_compile(engine: Engine, template: str, reason: str):
    work = rig(engine, template)
    await work.advance()
    assert work.step("do")["reason"] == reason
    assert "invalid cue task for evaluation" in work.step("do")["message"]


async def test_a_package_that_is_not_there_may_come(engine: Engine):
    definition = Definition(
        {"kind": "WorkflowStepDefinition"}, "step.cue", 'import "ext/x"\na: x.#A\n'
    )
    work = rig(engine, "")
    runner = custom.Custom(definition, engine, ports.Runtime(Flavour.STEP))
    work.tools = replace(work.tools, runners={"script": runner})
    await work.advance()
    assert work.step("do")["reason"] == "Execute"
