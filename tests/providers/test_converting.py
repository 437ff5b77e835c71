"""Actions that turn values into values, and the log of a step."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from lateen.base.problem import Problem
from lateen.cue.engine import Engine
from lateen.providers.packages import Flavour
from lateen.providers.ports import Runtime
from lateen.workflow.remembering import Memory
from tests.providers.worlds import run

pytestmark = pytest.mark.anyio

STEP = Runtime(Flavour.STEP)
TEMPLATE = Runtime(Flavour.TEMPLATE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "import \"vela/util\"\na: util.#ConvertString & {$params: bt: 'Grüße'}\n"
            "out: a.$returns.str",
            "Grüße",
            id="bytes",
        ),
        pytest.param(
            'import "vela/op"\nimport "encoding/base64"\n'
            'a: op.#ConvertString & {bt: base64.Decode(null, "dGV4dA==")}\nout: a.str',
            "text",
            id="bytes, in the older form, out of a Secret",
        ),
        pytest.param(
            'import "vela/time"\na: time.#DateToTimestamp & {$params: date: "1970-01-01T00:01:00Z"}'
            "\nout: a.$returns.timestamp",
            60,
            id="a date",
        ),
        pytest.param(
            'import "vela/time"\na: time.#DateToTimestamp & {$params: {date: "02.01.1970",'
            ' layout: "02.01.2006"}}\nout: a.$returns.timestamp',
            86400,
            id="a date laid out",
        ),
        pytest.param(
            'import "vela/op"\na: op.#TimestampToDate & {timestamp: 60, layout: "15:04"}\n'
            "out: a.date",
            "00:01",
            id="a timestamp",
        ),
        pytest.param(
            'import "vela/time"\na: time.#TimestampToDate & {$params: timestamp: 60}\n'
            "out: a.$returns.date",
            "1970-01-01T00:01:00Z",
            id="a timestamp as RFC 3339",
        ),
    ],
)
async def test_values(engine: Engine, text: str, expected: Any) -> None:
    assert (await run(engine, text, STEP, "out")).values["out"] == expected


async def test_base64_both_ways_in_a_template(engine: Engine) -> None:
    text = """
import "vela/base64"
a: base64.#Encode & {$params: "Grüße"}
b: base64.#Decode & {$params: a.$returns}
out: [a.$returns, b.$returns]
"""
    found = await run(engine, text, TEMPLATE, "out")
    assert found.values["out"] == ["R3LDvMOfZQ==", "Grüße"]


async def test_what_is_not_base64(engine: Engine) -> None:
    text = 'import "vela/base64"\na: base64.#Decode & {$params: "?"}\n'
    with pytest.raises(Problem, match="not base64") as raised:
        await run(engine, text, TEMPLATE)
    assert raised.value.path == "a.$params"


PATCH = """
	value: {replicas: 1, list: [{name: "a", v: 1}, {name: "b", v: 2}]}
	patch: {
		// +patchStrategy=retainKeys
		replicas: 3
		// +patchKey=name
		list: [{name: "b", w: 3}]
	}
"""
PATCHED = {"replicas": 3, "list": [{"name": "a", "v": 1}, {"name": "b", "v": 2, "w": 3}]}


@pytest.mark.parametrize(
    ("text", "runtime"),
    [
        pytest.param(
            f'import "vela/util"\na: util.#PatchK8sObject & {{$params: {{{PATCH}}}}}\n'
            "out: a.$returns.result",
            STEP,
            id="a step",
        ),
        pytest.param(
            f'import "vela/op"\na: op.#PatchK8sObject & {{{PATCH}}}\nout: a.result',
            STEP,
            id="a step, older form",
        ),
        pytest.param(
            f'import "vela/cue"\na: cue.#StrategyUnify & {{$params: {{{PATCH}}}}}\nout: a.$returns',
            TEMPLATE,
            id="a template",
        ),
    ],
)
async def test_a_patch_by_its_marks(engine: Engine, text: str, runtime: Runtime) -> None:
    assert (await run(engine, text, runtime, "out")).values["out"] == PATCHED


async def test_a_patch_that_does_not_fit_is_an_err(engine: Engine) -> None:
    text = """
import "vela/util"
a: util.#PatchK8sObject & {$params: {value: x: 1, patch: x: 2}}
out: a.$returns.err
"""
    assert "x" in (await run(engine, text, STEP, "out")).values["out"]


async def test_the_log_of_a_step(engine: Engine) -> None:
    lines: list[str] = []
    memory = Memory()
    runtime = Runtime(Flavour.STEP, step_name="build", variables=memory, log=lines.append)
    text = """
import "vela/util"
a: util.#Log & {$params: data: "hello"}
b: util.#Log & {$params: data: {x: 1}}
c: util.#Log & {$params: source: resources: [{labelSelector: job: "j"}]}
"""
    await run(engine, text, runtime)
    assert lines == ["hello", '{"x":1}']
    assert orjson.loads(memory.value("logConfig")) == {
        "build": {"data": True, "source": {"resources": [{"labelSelector": {"job": "j"}}]}}
    }


async def test_the_logs_of_other_steps_stay(engine: Engine) -> None:
    memory = Memory(values={"logConfig": '{"other":{"data":true}}'})
    runtime = Runtime(Flavour.STEP, step_name="build", variables=memory)
    text = 'import "vela/op"\na: op.#Log & {source: url: "http://logs"}\n'
    await run(engine, text, runtime)
    assert orjson.loads(memory.value("logConfig")) == {
        "build": {"source": {"url": "http://logs"}},
        "other": {"data": True},
    }
