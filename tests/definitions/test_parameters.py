"""What the check of properties says, and where it leaves the word to CUE."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lateen.api.application import Component
from lateen.base.problem import Problem
from lateen.cue.engine import Engine
from lateen.cue.reports import Field
from lateen.definitions import parameters

pytestmark = pytest.mark.anyio

SCHEMA = """
#Change: {name: *"" | string, env: [string]: string}
parameter: {
	// +usage=Image to run
	image:   string
	count:   *1 | int
	ratio?:  number
	policy?: "Always" | "Never"
	labels?: [string]: string
	ports?: [...{port: int, name?: string}]
	size?: {cpu: string, memory?: string}
	either?: int | string
	open?: {...}
	change: *#Change | close({changes: [...#Change]})
	shape?: {type: "a", x: string} | {type: "b", y: int}
	strict?: close({only: string})
	// +usage=How many are kept; here all are
	// +idle
	kept?: int
}
"""
ROOT = "spec.components[0].properties"


async def schema(engine: Engine, text: str = SCHEMA) -> Field:
    return await (await engine.compile(text, source="test")).describe("parameter")


def said(problems: tuple[Problem, ...]) -> list[tuple[str, str]]:
    return [(p.code.removeprefix("parameter."), p.path.removeprefix(ROOT)) for p in problems]


@pytest.mark.parametrize(
    ("properties", "problems", "warnings"),
    [
        pytest.param({"image": "a"}, [], [], id="enough"),
        pytest.param({}, [("missing", ".image")], [], id="a required one is missing"),
        pytest.param({"image": 5}, [("type", ".image")], [], id="a number for a string"),
        pytest.param({"image": None}, [("type", ".image")], [], id="null is a value of its own"),
        pytest.param({"image": "a", "count": True}, [("type", ".count")], [], id="true is no int"),
        pytest.param({"image": "a", "count": 1.5}, [("type", ".count")], [], id="1.5 is no int"),
        pytest.param({"image": "a", "ratio": 2}, [], [], id="an int is a number"),
        pytest.param({"image": "a", "policy": "Some"}, [("value", ".policy")], [], id="enum"),
        pytest.param({"image": "a", "policy": "Never"}, [], [], id="one of the enum"),
        pytest.param({"image": "a", "either": "x"}, [], [], id="either type will do"),
        pytest.param({"image": "a", "either": []}, [("type", ".either")], [], id="neither type"),
        pytest.param({"image": "a", "imgae": 1}, [], [("unknown", ".imgae")], id="a slip warns"),
        pytest.param({"image": "a", "kept": 1}, [], [("idle", ".kept")], id="so does what is idle"),
        pytest.param({"image": "a", "labels": {"b": "c"}}, [], [], id="a map takes any name"),
        pytest.param(
            {"image": "a", "labels": {"b": 1}}, [("type", ".labels.b")], [], id="but not any value"
        ),
        pytest.param(
            {"image": "a", "ports": [{"port": 1}, {"prt": 2}]},
            [("missing", ".ports[1].port")],
            [("unknown", ".ports[1].prt")],
            id="in a list",
        ),
        pytest.param(
            {"image": "a", "size": {}}, [("missing", ".size.cpu")], [], id="within an optional one"
        ),
        pytest.param({"image": "a", "open": {"x": 1}}, [], [], id="an open map takes everything"),
        pytest.param(
            {"image": "a", "change": {"env": {"A": 1}}},
            [("type", ".change.env.A")],
            [],
            id="the one shape that allows the names",
        ),
        pytest.param(
            {"image": "a", "change": {"changs": []}},
            [("unknown", ".change.changs")],
            [],
            id="no shape allows the name, all are closed",
        ),
        pytest.param(
            {"image": "a", "shape": {"type": "b", "x": "s"}},
            [("missing", ".shape.y")],
            [("unknown", ".shape.x")],
            id="by the shape its type names",
        ),
        pytest.param({"image": "a", "shape": {"x": "s"}}, [], [], id="between open shapes: CUE"),
        pytest.param(
            {"image": "a", "strict": {"only": "b", "more": 1}},
            [("unknown", ".strict.more")],
            [],
            id="closed refuses",
        ),
    ],
)
async def test_what_is_found(
    engine: Engine,
    properties: dict[str, Any],
    problems: list[tuple[str, str]],
    warnings: list[tuple[str, str]],
):
    found = parameters.check(properties, await schema(engine), ROOT)
    assert said(found.problems) == problems
    assert said(found.warnings) == warnings


async def test_messages_say_what_was_expected_and_what_to_do(engine: Engine):
    found = parameters.check(
        {"imag": "a", "count": "3", "policy": "never"}, await schema(engine), "p"
    )
    assert [(p.message, p.hint) for p in found.problems] == [
        ('expected int, found string "3"', "write it without quotes: 3"),
        (
            'expected one of "Always", "Never", found string "never"',
            'did you mean "Never"?',
        ),
        ('required parameter "image" is not set', 'is it what was meant by "imag"?'),
    ]
    assert [(p.message, p.hint) for p in found.warnings] == [
        ('unknown parameter "imag", it has no effect', 'did you mean "image"?')
    ]


async def test_a_missing_parameter_without_a_near_name_is_explained(engine: Engine):
    [problem] = parameters.check({}, await schema(engine), "p").problems
    assert problem.hint == "add image (string): Image to run"


async def test_what_a_workflow_input_sets_may_be_missing_and_is_not_quoted(engine: Engine):
    checked = await schema(engine)
    assert parameters.check({}, checked, "p", {"p.image"}).problems == ()
    assert parameters.check({"image": "a", "size": {}}, checked, "p", {"p.size.cpu"}).problems == ()
    [problem] = parameters.check({"image": 4711}, checked, "p", {"p.image"}).problems
    assert problem.message == "expected string, found number"


async def test_strict_makes_a_slip_a_problem(engine: Engine):
    found = parameters.check({"image": "a", "imag": 1}, await schema(engine), "p", strict=True)
    assert said(found.problems) == [("unknown", "p.imag")]
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("text", "properties"),
    [
        pytest.param("parameter: _", {"a": 1}, id="anything goes"),
        pytest.param("parameter: {...}", {"a": 1}, id="declared open"),
        pytest.param(
            'parameter: {type: "a" | "b", if type == "a" {x: string}}',
            {"type": "a", "x": "s"},
            id="fields that depend on values",
        ),
    ],
)
async def test_what_cannot_be_known_is_not_complained_about(
    engine: Engine, text: str, properties: dict[str, Any]
):
    found = parameters.check(properties, await schema(engine, text), "p")
    assert found == parameters.Findings()


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("image", "c.properties.image"),
        ("env[0].value", "c.properties.env[0].value"),
        ("properties.image", "c.properties.image"),
        ("traits[1].properties.replicas", "c.traits[1].properties.replicas"),
    ],
)
def test_input_targets_are_paths_in_the_application(key: str, expected: str):
    component = Component.of({"inputs": [{"from": "x", "parameterKey": key}]}, "c")
    assert parameters.input_targets(component) == {expected}


json = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(0, 1) | st.sampled_from(["a", "b"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3)
    ),
    max_leaves=6,
)
PLAIN = """
parameter: {
	a: string | int
	b: *true | bool
	c?: {a: [...{b?: number}], b: *"x" | "y", c?: close({a: null | string})}
}
output: parameter
"""


@pytest.fixture(scope="module")
async def plain(engine: Engine) -> Field:
    return await schema(engine, PLAIN)


@given(properties=st.dictionaries(st.sampled_from(["a", "b", "c"]), json, max_size=3))
async def test_what_the_check_refuses_cue_refuses_too(
    engine: Engine, plain: Field, properties: dict[str, Any]
):
    from lateen.cue.templates import Fill

    fills = [Fill("parameter", properties, "parameter")]
    result = await engine.evaluate(PLAIN, fills, ["output"], source="test", require=["output"])
    if parameters.check(properties, plain, "p").problems:
        assert result.problems
