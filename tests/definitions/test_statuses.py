"""Status expressions: as text and as a struct, and what they must yield (semantics A5)."""

from __future__ import annotations

import pytest

from lateen.base.problem import Problem, Problems, every
from lateen.cue.engine import Engine
from lateen.definitions import files, statuses

pytestmark = pytest.mark.anyio

HEALTH = "healthPolicy"
MESSAGE = "customStatus"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param(HEALTH, "isHealth: true", id="a literal"),
        pytest.param(HEALTH, "isHealth: context.output.status.ready", id="a selector"),
        pytest.param(HEALTH, 'isHealth: "a" == context.name', id="a comparison with a text first"),
        pytest.param(HEALTH, "isHealth: [if context.a {true}, false][0]", id="one of a list"),
        pytest.param(HEALTH, "if context.a {\n\tisHealth: true\n}", id="inside an if"),
        pytest.param(HEALTH, 'x: "{"\nif context.a {isHealth: x == "}"}', id="braces in texts"),
        pytest.param(
            HEALTH, 'import "strings"\nisHealth: strings.HasPrefix("a", "a")', id="import"
        ),
        pytest.param(MESSAGE, 'message: "Ready: \\(context.a)"', id="an interpolation"),
        pytest.param(MESSAGE, 'message: *"a" | string', id="a default"),
        pytest.param("details", 'a: "b"\n$local: {x: 1}\nb: $local.x', id="a field of its own"),
        pytest.param("details", 'for i, x in context.a {"k\\(i)": x}', id="fields of a for"),
        pytest.param("details", "", id="nothing"),
        pytest.param(HEALTH, "// cue-attr:@disableValidation()\nhealthy: true", id="unchecked"),
    ],
)
async def test_what_is_right(engine: Engine, name: str, text: str):
    assert await statuses.check(name, text, engine) == []


@pytest.mark.parametrize(
    ("name", "text", "message", "position"),
    [
        pytest.param(HEALTH, "healthy: true", "gives no isHealth", ":1:1", id="another name"),
        pytest.param(HEALTH, "", "gives no isHealth", ":1:1", id="nothing"),
        pytest.param(HEALTH, 'isHealth: "yes"', "must be true or false", ":1:11", id="a text"),
        pytest.param(HEALTH, "isHealth: 1", "must be true or false", ":1:11", id="a number"),
        pytest.param(HEALTH, "isHealth: {a: 1}", "must be true or false", ":1:11", id="a struct"),
        pytest.param(HEALTH, "isHealth: a: 1", "must be true or false", ":1:11", id="a chain"),
        pytest.param(
            HEALTH, "if context.a {\n  isHealth: 1\n}", "must be true", ":2:13", id="inside an if"
        ),
        pytest.param(MESSAGE, "message: 1", "must be text", ":1:10", id="a number as message"),
        pytest.param(MESSAGE, "message: true", "must be text", ":1:10", id="true as message"),
        pytest.param(MESSAGE, "massage: 1", "gives no message", ":1:1", id="no message"),
        pytest.param("details", "a: {b: 1}", "must be one value", ":1:1", id="a struct as detail"),
        pytest.param("details", "x: 1\na: [1]", "must be one value", ":2:1", id="a list as detail"),
        pytest.param(
            "details", 'for x in context.a {"\\(x)": 1, b: [1]}', "b of details", ":", id="in a for"
        ),
        pytest.param(HEALTH, "isHealth: tru", '"tru"', ":1:11", id="an undefined name"),
        pytest.param(HEALTH, "isHealth: {", "", ":", id="syntax"),
    ],
)
async def test_what_is_wrong(engine: Engine, name: str, text: str, message: str, position: str):
    problem = (await statuses.check(name, text, engine))[0]
    assert message in problem.message
    assert str(problem.positions[0]).startswith(f"{name}{position}")


HEADER = """\
t: {
	type: "component"
	attributes: status: {
		%s
	}
}
template: output: {}
"""


@pytest.mark.parametrize(
    ("given", "position"),
    [
        pytest.param('healthPolicy: {isHealth: "yes"}', "f.cue:4:28", id="a struct in one line"),
        pytest.param("healthPolicy: {\n\t\t\tisHealth: 1\n\t\t}", "f.cue:5:14", id="a struct"),
        pytest.param('healthPolicy: isHealth: "yes"', "f.cue:4:27", id="a chain"),
        pytest.param(
            'healthPolicy: #"""\n\t\t\ta: 1\n\t\t\tisHealth: 1\n\t\t\t"""#', "f.cue:6:14", id="text"
        ),
        pytest.param('healthPolicy: "isHealth: 1"', "f.cue:4:17", id="a text in one line"),
    ],
)
async def test_where_it_stands_in_the_file(engine: Engine, given: str, position: str):
    with pytest.raises((Problem, Problems)) as caught:
        await files.read(HEADER % given, "f.cue", engine)
    assert isinstance(caught.value, Problem | Problems)
    [problem] = every(caught.value)
    assert (problem.code, problem.path) == ("definition.status", "attributes.status.healthPolicy")
    assert str(problem.positions[0]) == position


@pytest.mark.parametrize(
    "given",
    [
        pytest.param("healthPolicy: {healthy: true} @disableValidation() @a(b)", id="a struct"),
        pytest.param('healthPolicy: "healthy: true" @disableValidation() @a(b)', id="a text"),
    ],
)
async def test_attributes_survive_as_comments(engine: Engine, given: str):
    read = await files.read(HEADER % given, "f.cue", engine)
    assert read.status["healthPolicy"].split("\n") == [
        "// cue-attr:@disableValidation()",
        "// cue-attr:@a(b)",
        "healthy: true",
    ]


async def test_a_struct_is_laid_out_with_spaces(engine: Engine):
    given = 'customStatus: {if context.a {\n\t\t\t\tmessage: "x"\n\t\t\t}}'
    read = await files.read(HEADER % given, "f.cue", engine)
    assert read.status["customStatus"] == 'if context.a {\n  message: "x"\n}'
