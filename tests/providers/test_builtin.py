"""Actions on the workflow: variables, and the signals a step acts on."""

from __future__ import annotations

import pytest

from lateen.base.problem import Problem
from lateen.cue.engine import Engine
from lateen.providers.packages import Flavour
from lateen.providers.ports import Runtime, Signal
from lateen.workflow.remembering import Memory
from tests.providers.worlds import run

pytestmark = pytest.mark.anyio
BOTH = pytest.mark.parametrize("form", ["new", "old"])


def written(form: str, name: str, inputs: str) -> str:
    """One action `a` in either form."""
    package = "builtin" if form == "new" else "op"
    body = f"$params: {{{inputs}}}" if form == "new" else inputs
    return f'import "vela/{package}"\na: {package}.#{name} & {{{body}}}\n'


@BOTH
@pytest.mark.parametrize(
    ("name", "inputs", "expected"),
    [
        pytest.param("ConditionalWait", "continue: true", None, id="nothing to wait for"),
        pytest.param(
            "ConditionalWait", "", Signal("wait"), id="waiting is what happens unless told"
        ),
        pytest.param(
            "ConditionalWait",
            'continue: false, message: "not yet"',
            Signal("wait", "not yet"),
            id="with a message",
        ),
        pytest.param("Suspend", "", Signal("suspend"), id="until somebody resumes"),
        pytest.param(
            "Suspend", 'duration: "1m30s"', Signal("suspend", duration=90.0), id="for a time"
        ),
        pytest.param("Break", 'message: "done"', Signal("break", "done"), id="break"),
        pytest.param("Fail", 'message: "no"', Signal("fail", "no"), id="fail"),
        pytest.param(
            "Message", 'message: "hi"', Signal("message", "hi", stops=False), id="a message goes on"
        ),
    ],
)
async def test_signals(
    engine: Engine, form: str, name: str, inputs: str, expected: Signal | None
) -> None:
    found = await run(engine, written(form, name, inputs), Runtime(Flavour.STEP))
    assert found.outcomes["a"].signal == expected
    assert found.outcomes["a"].fill == {}


async def test_what_comes_after_a_stop_does_not_run(engine: Engine) -> None:
    text = """
import "vela/builtin"
m: builtin.#Message & {$params: message: "before"}
w: builtin.#ConditionalWait
n: builtin.#Message & {$params: message: "after"}
"""
    found = await run(engine, text, Runtime(Flavour.STEP))
    assert list(found.outcomes) == ["m", "w"]


@BOTH
async def test_variables_are_stored_and_read(engine: Engine, form: str) -> None:
    memory = Memory({"shop": {"url": "http://a"}})
    runtime = Runtime(Flavour.STEP, variables=memory)
    put = written(form, "DoVar", 'method: "Put", path: "seen.at", value: {hour: 5}')
    await run(engine, put, runtime)
    assert memory.variables["seen"] == {"at": {"hour": 5}}
    result = "$returns.value" if form == "new" else "value"
    get = written(form, "DoVar", 'path: "shop.url"') + f"out: a.{result}\n"
    found = await run(engine, get, runtime, "out")
    assert found.values["out"] == "http://a"


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        pytest.param('path: "foo.nope"', "var foo.nope not found", id="a field that is not there"),
        pytest.param('path: "gone"', "var gone not found", id="a variable that is not there"),
        pytest.param(
            'method: "Put", path: "foo", value: 2',
            "another value already",
            id="set to another value",
        ),
    ],
)
async def test_variables_that_cannot_be(engine: Engine, inputs: str, message: str) -> None:
    runtime = Runtime(Flavour.STEP, variables=Memory({"foo": {"bar": 1}}))
    with pytest.raises(Problem, match=message) as raised:
        await run(engine, written("new", "DoVar", inputs), runtime)
    assert raised.value.code == "provider.variable"


async def test_a_duration_that_is_none(engine: Engine) -> None:
    text = written("new", "Suspend", 'duration: "soon"')
    with pytest.raises(Problem, match='"soon" is not a duration') as raised:
        await run(engine, text, Runtime(Flavour.STEP))
    assert raised.value.path == "a.$params.duration"
