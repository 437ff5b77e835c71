"""The schema of parameters as OpenAPI v3 (semantics A2)."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.api.definition import Definition
from lateen.cue.engine import Engine
from lateen.definitions import files, openapi, templates

pytestmark = pytest.mark.anyio


async def schema(engine: Engine, parameter: str) -> dict[str, Any]:
    text = f"output: {{}}\nparameter: {parameter}\n"
    raw = {"kind": "ComponentDefinition", "metadata": {"name": "x"}, "spec": {}}
    described = await templates.Shelf(engine).schema(Definition(raw, "x", text))
    return openapi.schema(described)


def one(**more: Any) -> dict[str, Any]:
    return {"title": "a", **more}


@pytest.mark.parametrize(
    ("parameter", "expected", "required"),
    [
        pytest.param("a: string", one(type="string"), True, id="text"),
        pytest.param("a: int", one(type="integer"), True, id="a number"),
        pytest.param("a?: bool", one(type="boolean"), False, id="optional"),
        pytest.param("a: *1 | int", one(type="integer", default=1), False, id="a default"),
        pytest.param(
            'a: *"x" | "y"', one(type="string", enum=["x", "y"], default="x"), False, id="a choice"
        ),
        pytest.param(
            "a: string | null", one(type="string", nullable=True), True, id="null is allowed"
        ),
        pytest.param(
            "a: string | number",
            one(oneOf=[{"type": "string"}, {"type": "number"}]),
            True,
            id="two types",
        ),
        pytest.param(
            "a: [...string]", one(type="array", items={"type": "string"}), False, id="a list"
        ),
        pytest.param(
            "a: [string]: int",
            one(type="object", additionalProperties={"type": "integer"}),
            False,
            id="a map",
        ),
        pytest.param("a: _", one(), False, id="anything"),
        pytest.param(
            "a: b: string",
            one(
                type="object",
                properties={"b": {"title": "b", "type": "string"}},
                required=["b"],
            ),
            True,
            id="nested",
        ),
        pytest.param(
            "{\n// +usage=What it is\na: string\n}",
            one(type="string", description="What it is"),
            True,
            id="a comment",
        ),
    ],
)
async def test_a_field(engine: Engine, parameter: str, expected: dict[str, Any], required: bool):
    text = parameter if parameter.startswith("{") else f"{{{parameter}}}"
    found = await schema(engine, text)
    assert found["type"] == "object"
    assert found["properties"]["a"] == expected
    assert found.get("required", []) == (["a"] if required else [])


async def test_no_parameters(engine: Engine):
    assert await schema(engine, "{}") == {"type": "object"}


async def test_several_shapes(engine: Engine):
    found = await schema(engine, "{b: {x: string} | {y: int}}")
    shapes = found["properties"]["b"]["oneOf"]
    assert [list(shape["properties"]) for shape in shapes] == [["x"], ["y"]]


async def test_every_built_in_definition_has_a_schema(engine: Engine):
    shelf = templates.Shelf(engine)
    for definition in await files.builtins(engine):
        found = openapi.schema(await shelf.schema(definition))
        assert found["type"] == "object" or "oneOf" in found, definition.name
