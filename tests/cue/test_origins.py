"""Where values come from, as the evaluator traces it."""

from __future__ import annotations

import pytest

from lateen.cue.engine import Engine
from lateen.cue.templates import Fill

pytestmark = pytest.mark.anyio

TEXT = """\
output: {
	image:  parameter.image
	policy: parameter.policy
	size:   *1 | int
	kind:   "Pod"
	label:  "\\(context.name)-x"
	env:    parameter.env
	ports: [for p in parameter.ports {port: p.port}]
	if parameter.image == "a" {
		tag: "none"
	}
	empty: {}
}
context: name: string
parameter: {
	image:  string
	policy: *"Always" | string
	env: [...{name: string}]
	ports: [...{port: int}]
}
"""
GIVEN = {"image": "a", "env": [{"name": "A"}], "ports": [{"port": 80}]}


@pytest.fixture(scope="module")
async def traced(engine: Engine) -> dict[str, list[str]]:
    """Leaf -> its origins as text: `text:2`, `text:17 default`, `parameter.image`."""
    result = await engine.evaluate(
        TEXT,
        [Fill("parameter", GIVEN, "parameter"), Fill("context", {"name": "web"}, "context")],
        ["output"],
        source="text",
        origins=["output"],
    )
    assert not result.problems
    return {
        leaf: [
            f"{o.position.source}.{o.position.path}"
            if o.position.path
            else f"{o.position.source}:{o.position.line}" + " default" * o.default
            for o in found
        ]
        for leaf, found in result.origins["output"].items()
    }


@pytest.mark.parametrize(
    ("leaf", "expected"),
    [
        pytest.param("kind", ["text:5"], id="a constant"),
        pytest.param("image", ["text:2", "parameter.image"], id="a parameter"),
        pytest.param("policy", ["text:3", "text:17 default"], id="the default of a parameter"),
        pytest.param("size", ["text:4 default"], id="a default of its own"),
        pytest.param("env[0].name", ["parameter.env[0].name", "text:7"], id="part of what is lent"),
        pytest.param("ports[0].port", ["text:8", "parameter.ports[0].port"], id="through a loop"),
        pytest.param("tag", ["text:10"], id="below an if"),
        pytest.param("empty", ["text:12"], id="an empty struct is a leaf"),
    ],
)
async def test_the_origins_of_a_leaf(
    traced: dict[str, list[str]], leaf: str, expected: list[str]
) -> None:
    assert traced[leaf] == expected


async def test_text_with_a_value_in_it_names_the_value(traced: dict[str, list[str]]) -> None:
    assert {"text:6", "context.name"} <= set(traced["label"])


async def test_nothing_is_traced_unasked(engine: Engine) -> None:
    result = await engine.evaluate(
        TEXT, [Fill("parameter", GIVEN, "parameter")], ["output"], source="text"
    )
    assert result.origins == {}
