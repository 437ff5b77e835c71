"""Texts written for older versions of the language (semantics, preamble; inventory 2.5)."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.cue.engine import Engine, Fill

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("text", "parameter", "expected"),
    [
        pytest.param("out: [1] + [2]", None, [1, 2], id="literals"),
        pytest.param("out: [0] * 3", None, [0, 0, 0], id="repeated"),
        pytest.param("out: 2 * [0]", None, [0, 0], id="repeated, the other way round"),
        pytest.param(
            "out: parameter.a + parameter.b\nparameter: {a: [...int], b: *[] | [...int]}",
            {"a": [1], "b": [2]},
            [1, 2],
            id="parameters",
        ),
        pytest.param(
            "out: [for m in parameter.m {m.a + m.b}]\n"
            "parameter: m: [...{a: [...int], b: [...int]}]",
            {"m": [{"a": [1], "b": [2]}]},
            [[1, 2]],
            id="the items of a list of structs",
        ),
        pytest.param(
            "out: [for k, v in parameter.m {v + v}]\nparameter: m: [string]: [...int]",
            {"m": {"x": [1]}},
            [[1, 1]],
            id="the values of a map",
        ),
        pytest.param(
            "out: [for k, v in parameter.m {k + k}]\nparameter: m: [string]: [...int]",
            {"m": {"x": [1]}},
            ["xx"],
            id="but not its keys",
        ),
        pytest.param(
            "#X: l: [...int]\nv: #X & {l: [1]}\nout: v.l + v.l", None, [1, 1], id="by a definition"
        ),
        pytest.param(
            "let a = [for x in parameter.l {x}]\nout: a + [9]\nparameter: l: [...int]",
            {"l": [1]},
            [1, 9],
            id="under another name",
        ),
        pytest.param('out: "a" + "b"', None, "ab", id="texts are left alone"),
        pytest.param("out: 2 * 3", None, 6, id="numbers are"),
        pytest.param(
            'a: {error: "x"}\nout: {error: "y", again: a.error}',
            None,
            {"error": "y", "again": "x"},
            id="a field called error",
        ),
        pytest.param(
            "out: {if true {error: parameter.text}}\nparameter: text: string",
            {"text": "t"},
            {"error": "t"},
            id="a field called error in a guard",
        ),
        pytest.param(
            "parameter: on?: bool\nx: bool | *false\nif parameter.on != _|_ {x: parameter.on}\n"
            "out: x",
            {"on": True},
            True,
            id="a default that a guard overrides",
        ),
        pytest.param(
            "parameter: n?: int\nready: {r: *0 | int} & {\n"
            "\tif parameter.n != _|_ {r: parameter.n}\n}\nout: ready.r == 3",
            {"n": 3},
            True,
            id="in a struct joined with another",
        ),
        pytest.param(
            "parameter: n?: int\nready: {r: *0 | int} & {\n"
            "\tif parameter.n != _|_ {r: parameter.n}\n}\nout: ready.r",
            {},
            0,
            id="and does not",
        ),
        pytest.param(
            'out: {a: *"x" | string, if a == "x" {b: 1}}', None, {"a": "x", "b": 1}, id="its own"
        ),
        pytest.param(
            'parameter: {a?: string, b: *"" | string}\nout: {\n'
            '\tif parameter["a"] != _|_ && parameter.b == "" {c: parameter.a}\n}',
            {"a": "v"},
            {"c": "v"},
            id="two conditions",
        ),
    ],
)
async def test_they_mean_what_they_meant(
    engine: Engine, text: str, parameter: Any, expected: Any
) -> None:
    fills = [] if parameter is None else [Fill("parameter", parameter, "values")]
    found = await engine.evaluate(text, fills, ["out"], source="t.cue")
    assert found.problems == ()
    assert found.values == {"out": expected}


async def test_positions_are_those_of_the_text_as_written(engine: Engine) -> None:
    text = 'out: [1] +\n\t[2] & "x"'
    found = await engine.evaluate(text, [], ["out"], source="t.cue")
    assert {position.line for problem in found.problems for position in problem.positions} <= {1, 2}
    assert found.problems
