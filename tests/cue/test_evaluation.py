"""What comes out: values, marks, soft fields."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.cue.engine import Engine, Fill

pytestmark = pytest.mark.anyio

MARKED = """
#Env: {
	// +patchKey=name
	env: [...{name: string}]
}
parameter: {on: bool, names: [...string], n: *1 | int, given: *5 | int}
patch: {
	// +patchStrategy=retainKeys
	spec: replicas: parameter.n
	// says what it is for
	// +patchKey = name
	containers: [{
		name: "a"
		// +patchStrategy=replace
		args: ["x"]
		after: 1 // +patchKey=no
	}]
	if parameter.on {
		// +patchKey=k1,k2
		// +note=inner spaces make no mark
		guarded: [1]
	}
	for name in parameter.names {
		// +patchKey=each
		"for-\\(name)": [1]
	}
	referred: #Env & {env: [{name: "q"}]}
	"a.b/c": {
		// +flag
		d: 1
	}
}
// +patchStrategy=jsonPatch
braces: {operations: []}
// +patchStrategy=jsonPatch
chained: operations: []
soft: {
	left:    parameter.n
	given:   parameter.given
	text:    "x-\\(parameter.n)"
	list: [parameter.n, 3]
	struct: *{a: 1} | {...}
}
"""


async def test_marks_come_from_the_evaluated_value(engine: Engine) -> None:
    values = {"on": True, "names": ["p", "q"]}
    found = await engine.evaluate(
        MARKED,
        [Fill("parameter", values, "values")],
        ["patch"],
        source="t.cue",
        marks=["patch", "braces", "chained", "absent"],
    )
    assert not found.problems
    assert found.marks["patch"] == {
        "spec.replicas": {"patchStrategy": "retainKeys"},
        "containers": {"patchKey": "name"},
        "containers[0].args": {"patchStrategy": "replace"},
        "guarded": {"patchKey": "k1,k2"},
        "for-p": {"patchKey": "each"},
        "for-q": {"patchKey": "each"},
        "referred.env": {"patchKey": "name"},
        '["a.b/c"].d': {"flag": ""},
    }
    assert found.marks["braces"] == {"": {"patchStrategy": "jsonPatch"}}
    assert found.marks["chained"] == {"operations": {"patchStrategy": "jsonPatch"}}
    assert found.marks["absent"] == {}


async def test_soft_is_what_was_left_at_its_default(engine: Engine) -> None:
    values = {"on": False, "names": [], "given": 5}
    found = await engine.evaluate(
        MARKED,
        [Fill("parameter", values, "values")],
        ["soft"],
        source="t.cue",
        marks=["soft"],
    )
    assert found.soft["soft"] == {"left", "list[0]", "struct"}
    assert found.values["soft"] == {
        "left": 1,
        "given": 5,
        "text": "x-1",
        "list": [1, 3],
        "struct": {"a": 1},
    }


PACKAGES = {
    "vela/kube": {"kube.cue": 'package kube\n#Apply: {#do: "apply", $params: v: int}\n'},
    "example.org/both": {
        "a.cue": 'package both\nimport "vela/kube"\napply: kube.#Apply\n',
        "b.cue": "package both\nb: 2\n",
    },
}


async def test_packages_that_came_with_the_text(engine: Engine) -> None:
    text = 'import "vela/kube"\nimport k "example.org/both"\nx: kube.#Apply & {$params: v: k.b}'
    template = await engine.compile(text, source="t.cue", packages=PACKAGES)
    found = await template.evaluate([], ["x"])
    assert found.values == {"x": {"$params": {"v": 2}}}


async def test_a_position_in_a_package_names_its_file(engine: Engine) -> None:
    text = 'import "vela/kube"\nx: kube.#Apply & {$params: v: "1"}'
    found = await engine.evaluate(text, [], ["x"], source="t.cue", packages=PACKAGES)
    [problem] = found.problems
    assert problem.path == "x.$params.v"
    assert "vela/kube/kube.cue:2:36" in map(str, problem.positions)


ARITHMETIC: list[Any] = [
    pytest.param("x: [1] + [2]", [1, 2], id="written as lists"),
    pytest.param("x: 2 * [1]", [1, 1], id="a number times a list"),
    pytest.param("x: [1] * 2", [1, 1], id="a list times a number"),
    pytest.param("x: [1] + [2] + 2 * [3]", [1, 2, 3, 3], id="nested"),
    pytest.param("a: [1]\nx: a + a", [1, 1], id="fields declared as lists"),
    pytest.param("let a = [1]\nx: a + a", [1, 1], id="let"),
    pytest.param(
        "parameter: l: [...int]\nparameter: l: [5]\nx: parameter.l + [1]", [5, 1], id="by reference"
    ),
    pytest.param("p: {a: *[] | [...int], b: [2]}\nx: p.a + p.b", [2], id="a default list"),
    pytest.param("#P: a: [...int]\np: #P & {a: [1]}\nx: p.a + p.a", [1, 1], id="by definition"),
    pytest.param("p: {if true {a: [1]}}\nx: p.a + p.a", [1, 1], id="declared under a condition"),
    pytest.param('package t\nimport "list"\nx: list.Sort([2, 1], list.Ascending) + [3]', [1, 2, 3]),
    pytest.param("list: [1]\nlist0: 1\nx: list + [list0]", [1, 1], id="names that are taken"),
    pytest.param('x: "a" + "b"', "ab", id="text stays text"),
    pytest.param("x: 2 * 3 + 1", 7, id="numbers stay numbers"),
]


@pytest.mark.parametrize(("text", "expected"), ARITHMETIC)
async def test_list_arithmetic_still_works(engine: Engine, text: str, expected: Any) -> None:
    found = await engine.evaluate(text, [], ["x"], source="t.cue")
    assert (found.values.get("x"), found.problems) == (expected, ())


async def test_rewriting_moves_no_position(engine: Engine) -> None:
    text = "x: [1] + [2]\ny: 1 & 2\n"
    found = await engine.evaluate(text, [], ["y"], source="t.cue")
    assert list(map(str, found.problems[0].positions)) == ["t.cue:2:4", "t.cue:2:8"]


async def test_fills_at_deep_and_odd_paths(engine: Engine) -> None:
    fills = [
        Fill('a."b.c".d', 1, "one"),
        Fill("#D.x", 2, "two"),
        Fill("list[1]", 3, "three"),
    ]
    text = 'a: _\n#D: x: int\nd: #D\nlist: [...]\nx: a."b.c".d + d.x'
    found = await engine.evaluate(text, fills, ["x", "list[1]"], source="t.cue")
    assert found.values == {"x": 3, "list[1]": 3}


async def test_map_fields_keep_their_order(engine: Engine) -> None:
    labels = {"z": "1", "a": "2", "m": "3"}
    text = "parameter: _\nnames: [for name, _ in parameter {name}]"
    fills = [Fill("parameter", labels, "values")]
    found = await engine.evaluate(text, fills, ["names", "parameter"], source="t.cue")
    assert found.values["names"] == list(labels)
    assert list(found.values["parameter"]) == list(labels)
