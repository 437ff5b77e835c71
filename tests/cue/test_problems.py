"""What goes wrong is told with the field to mend and every place that took part."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.base.problem import Problem, Problems, every
from lateen.cue.engine import Engine, Fill

pytestmark = pytest.mark.anyio


def told(problem: Problem) -> tuple[Any, ...]:
    """A problem as one line of a table: code, path, message, places."""
    places = [f"{at} {at.path}".rstrip() for at in problem.positions]
    return (problem.code, problem.path, problem.message, places)


EVALUATED = [
    pytest.param(
        "parameter: {image: string}\noutput: i: parameter.image",
        {"image": 1},
        [
            (
                "cue.conflict",
                "parameter.image",
                "conflicting values string and 1 (mismatched types string and int)",
                ["values:1:10 image", "t.cue:1:20"],
            )
        ],
        id="a wrong type names the value and the declaration",
    ),
    pytest.param(
        "parameter: {a: string, b: int}\noutput: {x: parameter.a, y: 1 & 2}",
        {"a": 1, "b": "x"},
        [
            (
                "cue.conflict",
                "parameter.a",
                "conflicting values string and 1 (mismatched types string and int)",
                ["values:1:6 a", "t.cue:1:16"],
            ),
            (
                "cue.conflict",
                "parameter.b",
                'conflicting values int and "x" (mismatched types int and string)',
                ["values:1:12 b", "t.cue:1:27"],
            ),
            (
                "cue.conflict",
                "output.y",
                "conflicting values 2 and 1",
                ["t.cue:2:29", "t.cue:2:33"],
            ),
        ],
        id="all errors at once, in the order of the text",
    ),
    pytest.param(
        "parameter: env: [...{name: string}]\noutput: e: parameter.env",
        {"env": [{"name": "A"}, {"name": ["x"]}]},
        [
            (
                "cue.conflict",
                "parameter.env[1].name",
                'conflicting values ["x"] and string (mismatched types list and string)',
                ["values:1:30 env[1].name", "t.cue:1:28"],
            )
        ],
        id="inside a list the position knows the item",
    ),
    pytest.param(
        'parameter: p: "a" | "b"\noutput: i: parameter.p',
        {"p": "c"},
        [
            (
                "cue.conflict",
                "parameter.p",
                '"c" is none of "a", "b"',
                ["values:1:6 p", "t.cue:1:15", "t.cue:1:21"],
            )
        ],
        id="a failed choice is one problem",
    ),
    pytest.param(
        'parameter: p: "a" | "b"\noutput: i: "x-\\(parameter.p)"',
        {"p": "c"},
        [
            (
                "cue.conflict",
                "parameter.p",
                '"c" is none of "a", "b"',
                ["values:1:6 p", "t.cue:1:15", "t.cue:1:21"],
            )
        ],
        id="the use of a wrong value in a text is not told again",
    ),
    pytest.param(
        "parameter: n: >0 & <10\noutput: n: parameter.n",
        {"n": 11},
        [
            (
                "cue.conflict",
                "parameter.n",
                "invalid value 11 (out of bound <10)",
                ["values:1:6 n", "t.cue:1:20"],
            )
        ],
        id="out of bounds",
    ),
    pytest.param(
        "#P: {image: string}\nparameter: #P\noutput: i: parameter.image",
        {"image": "x", "imgae": "y"},
        [
            ("cue.closed", "parameter.imgae", "field not allowed", ["values:1:14 imgae"]),
        ],
        id="a field that a closed struct does not know",
    ),
    pytest.param(
        'parameter: image: string\noutput: {i: parameter.image, j: "x-\\(parameter.image)"}',
        {},
        [
            (
                "cue.incomplete",
                "parameter.image",
                "is required (string)",
                ["t.cue:1:19", "t.cue:2:13"],
            )
        ],
        id="what was not given is told once, not each use of it",
    ),
    pytest.param(
        "parameter: image: string\n_i: parameter.image\noutput: i: _i",
        {},
        [
            (
                "cue.incomplete",
                "parameter.image",
                "is required (string)",
                ["t.cue:1:19", "t.cue:3:12"],
            )
        ],
        id="through other fields as well",
    ),
    pytest.param(
        "parameter: on: bool\nif parameter.on {output: x: 1}",
        {},
        [("cue.incomplete", "parameter.on", "is required (bool)", ["t.cue:1:16"])],
        id="a required result that waits for a condition",
    ),
    pytest.param(
        "parameter: {image!: string, tag?: string}\noutput: {i: parameter.image, t: parameter.tag}",
        {},
        [
            ("cue.incomplete", "parameter.image", "is required", ["t.cue:2:23"]),
            ("cue.incomplete", "parameter.tag", "is required", ["t.cue:2:43"]),
        ],
        id="marked as required, and optional but needed",
    ),
    pytest.param(
        "parameter: _\noutput: i: parameter.image",
        {},
        [("cue.reference", "parameter.image", "is not defined", ["t.cue:2:22"])],
        id="a name nobody declares",
    ),
    pytest.param(
        "parameter: list: [...]\noutput: [for x in parameter.list {x.name}]",
        {"list": [{}]},
        [("cue.reference", "output[0]", "undefined field: name", ["t.cue:2:37"])],
        id="a name missing in an item of a loop is told where it is used",
    ),
    pytest.param(
        "parameter: _",
        {},
        [("cue.incomplete", "output", "is not defined", [])],
        id="a required path that the template does not have",
    ),
    pytest.param(
        'import "strconv"\nparameter: _\noutput: n: strconv.Atoi(parameter.s)',
        {"s": "x"},
        [
            (
                "cue.error",
                "output.n",
                'error in call to strconv.Atoi: strconv.Atoi: parsing "x": invalid syntax',
                ["t.cue:3:12"],
            )
        ],
        id="a failing function says why",
    ),
    pytest.param(
        "parameter: _\noutput: {a: b + 1, b: a + 1}",
        {},
        [
            ("cue.error", "output.b", "cycle with field: a", ["t.cue:2:23"]),
            ("cue.error", "output.a", "cycle with field: b", ["t.cue:2:13"]),
        ],
        id="fields that wait for each other",
    ),
]


@pytest.mark.parametrize(("text", "values", "expected"), EVALUATED)
async def test_an_evaluation_tells(
    engine: Engine, text: str, values: dict[str, Any], expected: list[Any]
) -> None:
    fills = [Fill("parameter", values, "values")]
    found = await engine.evaluate(text, fills, ["output"], source="t.cue", require=["output"])
    assert [told(problem) for problem in found.problems] == expected
    assert "output" not in found.values


COMPILED = [
    pytest.param(
        "a: {\n\tb: ]\n",
        [("cue.syntax", "", "expected operand, found ']'", ["t.cue:2:5"])],
        id="no CUE at all",
    ),
    pytest.param(
        "a: b\nc: d.x\n",
        [
            ("cue.reference", "a", 'reference "b" not found', ["t.cue:1:4"]),
            ("cue.reference", "c", 'reference "d" not found', ["t.cue:2:4"]),
        ],
        id="every undefined name",
    ),
    pytest.param(
        'import "strings"\na: 1\n',
        [("cue.error", "", 'imported and not used: "strings"', ["t.cue:1:8"])],
        id="an unused import",
    ),
    pytest.param(
        'import "foo.com/bar"\na: bar.x\n',
        [("cue.reference", "", 'unknown package "foo.com/bar"', ["t.cue:1:8"])],
        id="a package nobody gave",
    ),
    pytest.param(
        'import "vela/nope"\na: nope.x\n',
        [("cue.reference", "", 'unknown package "vela/nope"', ["t.cue:1:8"])],
        id="a package nobody gave, without a dot",
    ),
]


@pytest.mark.parametrize(("text", "expected"), COMPILED)
async def test_a_text_that_does_not_compile(engine: Engine, text: str, expected: list[Any]) -> None:
    found: tuple[Problem, ...] = ()
    try:
        await engine.compile(text, source="t.cue")
    except (Problem, Problems) as error:
        found = every(error)
    assert [told(problem) for problem in found] == expected


async def test_a_good_path_is_exported_beside_a_bad_one(engine: Engine) -> None:
    text = "good: 1\nbad: 1 & 2\nopen: string\n"
    found = await engine.evaluate(text, [], ["good", "bad", "open", "none"], source="t.cue")
    assert found.values == {"good": 1}
    assert [problem.path for problem in found.problems] == ["bad", "open"]


@pytest.mark.parametrize(
    ("text", "value", "paths"),
    [
        pytest.param("out: {for x in p.a {(x): 1}, b: 2}", {"b": 2}, [], id="what is there"),
        pytest.param("out: {for x in p.a {(x): 1}, b: p.c}", None, ["p.c"], id="not concrete"),
        pytest.param("out: {for x in p.c {(x): 1}, b: 2}", None, ["p.c"], id="never declared"),
    ],
)
async def test_a_partial_struct_has_the_fields_that_are_known(
    engine: Engine, text: str, value: Any, paths: list[str]
) -> None:
    """Something that an optional field would add is not waited for; everything else is."""
    given = f"p: a?: [...string]\n{text}\n"
    found = await engine.evaluate(given, [], ["out"], source="t.cue", partial=["out"])
    assert found.values.get("out") == value
    assert [problem.path for problem in found.problems] == paths
    strictly = await engine.evaluate(given, [], ["out"], source="t.cue")
    assert strictly.problems


async def test_vet_needs_no_values(engine: Engine) -> None:
    template = await engine.compile("parameter: image: string\nout: 1 & 2\n", source="t.cue")
    assert [problem.path for problem in await template.vet()] == ["out"]


async def test_a_value_without_json_form_is_the_callers_problem(engine: Engine) -> None:
    with pytest.raises(Problem) as raised:
        await engine.evaluate("a: _", [Fill("a", 2**70, "values")], ["a"], source="t.cue")
    assert raised.value.code == "cue.value"
