"""Inputs and outputs of steps (semantics E4)."""

import pytest

from lateen.cue.engine import Engine
from lateen.workflow.ports import Result
from tests.fakes.workflow import Rig, application

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def cue(anyio_backend):
    async with Engine() as engine:
        yield engine


def rig(*steps, cue=None, mode=None):
    workflow = {"steps": list(steps), **({"mode": {"steps": mode}} if mode else {})}
    return Rig(application([{"name": "web"}], workflow=workflow), cue=cue)


def maker(value_from="output.a", **fields):
    outputs = [{"name": "o-1", "valueFrom": value_from}]
    return {"name": "make", "type": "script", "outputs": outputs, **fields}


def taker(key, source="o-1", **fields):
    given = {"from": source, **({"parameterKey": key} if key else {})}
    return {"name": "take", "type": "script", "inputs": [given], **fields}


@pytest.mark.parametrize(
    ("key", "properties", "expected"),
    [
        pytest.param("a", {}, {"a": 7}, id="a property"),
        pytest.param("a", {"a": 1, "b": 2}, {"a": 7, "b": 2}, id="over what is there"),
        pytest.param("a.b.c", {}, {"a": {"b": {"c": 7}}}, id="missing maps are made"),
        pytest.param(
            "l[1].x", {"l": [{}, {"y": 1}]}, {"l": [{}, {"y": 1, "x": 7}]}, id="in a list"
        ),
        pytest.param("l[2]", {"l": []}, {"l": [{}, {}, 7]}, id="a list is padded"),
        pytest.param("l[0]", {}, {"l": [7]}, id="a list is made"),
        pytest.param('e["x-y"]', {}, {"e": {"x-y": 7}}, id="quoted keys"),
        pytest.param("", {"a": 1}, {"a": 1}, id="no key: only to be read"),
    ],
)
async def test_an_input_is_set(key, properties, expected):
    flow = rig(maker(), taker(key, properties=properties))
    flow.script["make"] = [Result("succeeded", document={"output": {"a": 7}})]
    assert (await flow.finish()).state == "succeeded"
    assert flow.seen["take"] == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("context.namespace", "default", id="the context"),
        pytest.param("context.stepName", "take", id="the step itself"),
        pytest.param("parameter.b", "own", id="its own properties"),
        pytest.param("o-1.deep[1]", "x", id="inside an output"),
    ],
)
async def test_where_an_input_comes_from(source, expected):
    flow = rig(maker("output"), taker("a", source, properties={"b": "own"}))
    flow.script["make"] = [Result("succeeded", document={"output": {"deep": [0, "x"]}})]
    await flow.finish()
    assert flow.seen["take"]["a"] == expected


async def test_beyond_the_end_of_a_list_the_workflow_fails():
    flow = rig(maker(), taker("l[2].x", properties={"l": []}))
    flow.script["make"] = [Result("succeeded", document={"output": {"a": 7}})]
    assert (await flow.finish()).state == "failed"
    assert flow.step("take")["reason"] == "Rendering"
    assert "spec.workflow.steps[1].inputs[0].parameterKey" in flow.step("take")["message"]


async def test_an_input_nothing_sets_is_waited_for():
    flow = rig(taker("a", "nowhere.x"))
    progress = await flow.advance()
    assert (progress.state, progress.next_after) == ("executing", None)
    assert flow.step("take")["message"] == "Pending on Input: nowhere.x"


async def test_an_output_without_the_field_fails_who_needs_it():
    flow = rig(maker(), taker("a", "o-1.nope"))
    flow.script["make"] = [Result("succeeded", document={"output": {"a": {}}})]
    assert (await flow.finish()).state == "failed"
    assert flow.step("take")["reason"] == "Input"
    assert flow.step("take")["message"] == "input o-1.nope: o-1 holds no such field"


@pytest.mark.parametrize(
    ("value_from", "value"),
    [
        pytest.param("output.a", 7, id="a path"),
        pytest.param("output.b", 8, id="results of actions come in $returns"),
        pytest.param("got.c", 9, id="of any action"),
        pytest.param("context.name", "app", id="the context"),
        pytest.param("parameter.p", "q", id="the properties"),
        pytest.param('"\\(output.a)-x"', "7-x", id="an expression"),
        pytest.param('import "strconv"\nstrconv.FormatInt(output.a, 2)', "111", id="a script"),
    ],
)
async def test_an_output_is_taken(value_from, value, cue):
    flow = rig(maker(value_from, properties={"p": "q"}), cue=cue)
    document = {"output": {"a": 7, "$returns": {"b": 8}}, "got": {"$returns": {"c": 9}}}
    flow.script["make"] = [Result("succeeded", document=document)]
    await flow.finish()
    assert "message" not in flow.step("make")
    assert flow.memory.variables == {"o-1": value}


async def test_a_missing_output_is_null_and_told():
    flow = rig(maker("res.nope"), taker("a"))
    assert (await flow.finish()).state == "succeeded"
    assert flow.step("make")["message"] == (
        "failed to get output from res.nope: "
        "failed to lookup value: var(path=res.nope.$returns) not exist"
    )
    assert flow.seen["take"] == {"a": None}


@pytest.mark.parametrize(
    ("fields", "script", "expected"),
    [
        pytest.param({"if": "false"}, [], None, id="a skipped step's is null"),
        pytest.param(
            {},
            [Result("failed", "Action", document={"output": {"a": 7}})],
            7,
            id="a failed step's is there",
        ),
    ],
)
async def test_those_who_wait_run_in_any_case(fields, script, expected):
    flow = rig(maker(**fields), taker("a", **{"if": "always"}))
    if script:
        flow.script["make"] = script
    assert (await flow.finish()).over
    assert flow.seen["take"] == {"a": expected}


async def test_a_variable_cannot_be_set_twice_to_different_values():
    second = {**maker(), "name": "again"}
    flow = rig(maker(), second)
    flow.script["make"] = [Result("succeeded", document={"output": {"a": 1}})]
    flow.script["again"] = [Result("succeeded", document={"output": {"a": 2}})]
    assert (await flow.finish()).state == "succeeded"
    assert flow.step("again")["message"] == (
        "output o-1 already has a different value, set by another step"
    )
    assert flow.memory.variables == {"o-1": 1}


@pytest.mark.parametrize("mode", ["DAG", "StepByStep"])
async def test_what_comes_from_a_secret_stays_one(mode):
    passing = {
        **taker("a"),
        "outputs": [{"name": "again", "valueFrom": "parameter.a"}],
    }
    flow = rig(maker("output.data.password"), passing, mode=mode)
    secret = {"apiVersion": "v1", "kind": "Secret", "data": {"password": "hunter2"}}
    flow.script["make"] = [Result("succeeded", document={"output": secret})]
    await flow.finish()
    assert flow.seen["take"] == {"a": "hunter2"}
    assert "hunter2" not in str(flow.memory.dump())
    assert "hunter2" not in str(flow.status)
