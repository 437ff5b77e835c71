"""Schemas as people and machines read them."""

from __future__ import annotations

import pytest

from lateen.base.problem import Problem
from lateen.cue.engine import Engine, Field

pytestmark = pytest.mark.anyio

SCHEMA = """
parameter: {
	// +usage=Which image to run
	// +short=i
	image: string
	// Plain words
	// on two lines
	replicas: *1 | int
	policy:   "Always" | *"Never"
	mixed:    "auto" | 3
	cmd?: [...string]
	args: *[] | [...string]
	labels?: [string]: string
	// +ignore
	hidden?: bool
	either: string | int
	anything: _
	const:  "v1"
	must!:  string
	resources: {cpu?: string, memory: string}
	probe: #Probe
	#definition: int
	_private:    int
}
#Probe: {path: *"/" | string, port: int}
#One: {name: *"" | string, image: string}
shapes: #One | close({containers: [...#One]})
#Tree: {value: int, children: [...#Tree]}
tree: #Tree
"""


@pytest.fixture
async def parameter(engine: Engine) -> dict[str, Field]:
    template = await engine.compile(SCHEMA, source="t.cue")
    found = await template.describe("parameter")
    assert (found.name, found.type, found.closed) == ("parameter", "struct", False)
    return {field.name: field for field in found.fields}


async def test_only_what_people_fill_in(parameter: dict[str, Field]) -> None:
    assert " ".join(parameter) == (
        "image replicas policy mixed cmd args labels hidden either anything const must "
        "resources probe"
    )


@pytest.mark.parametrize(
    ("name", "type", "required", "optional", "default"),
    [
        ("image", "string", True, False, None),
        ("replicas", "int", False, False, 1),
        ("policy", "string", False, False, "Never"),
        ("mixed", "string | int", True, False, None),
        ("cmd", "list", False, True, None),
        ("args", "list", False, False, []),
        ("labels", "map", False, True, None),
        ("either", "string | int", True, False, None),
        ("anything", "any", False, False, None),
        ("const", "string", False, False, "v1"),
        ("must", "string", True, False, None),
        ("resources", "struct", True, False, None),
        ("probe", "struct", True, False, None),
    ],
)
async def test_a_field(
    parameter: dict[str, Field],
    name: str,
    type: str,  # noqa: A002
    required: bool,
    optional: bool,
    default: object,
) -> None:
    field = parameter[name]
    assert (field.type, field.required, field.optional) == (type, required, optional)
    assert (field.default, field.has_default) == (default, default is not None)


async def test_words_and_marks(parameter: dict[str, Field]) -> None:
    assert (parameter["image"].usage, parameter["image"].marks) == (
        "Which image to run",
        {"short": "i"},
    )
    assert parameter["replicas"].usage == "Plain words on two lines"
    assert parameter["hidden"].ignored
    assert not parameter["image"].ignored


async def test_values_items_and_members(parameter: dict[str, Field]) -> None:
    assert parameter["policy"].values == ("Always", "Never")
    assert parameter["mixed"].values == ("auto", 3)
    for name in ("cmd", "args", "labels"):
        items = parameter[name].items
        assert items is not None
        assert items.type == "string"
    assert [(f.name, f.required) for f in parameter["resources"].fields] == [
        ("cpu", False),
        ("memory", True),
    ]
    assert parameter["probe"].closed
    assert [(f.name, f.default) for f in parameter["probe"].fields] == [
        ("path", "/"),
        ("port", None),
    ]


async def test_a_struct_of_several_shapes(engine: Engine) -> None:
    found = await (await engine.compile(SCHEMA, source="t.cue")).describe("shapes")
    assert [[f.name for f in choice.fields] for choice in found.choices] == [
        ["name", "image"],
        ["containers"],
    ]
    assert [(f.name, f.required) for f in found.fields] == [
        ("name", False),
        ("image", False),
        ("containers", False),
    ]


async def test_a_schema_that_contains_itself_ends(engine: Engine) -> None:
    found = await (await engine.compile(SCHEMA, source="t.cue")).describe("tree")
    assert [field.name for field in found.fields] == ["value", "children"]
    children = found.fields[1]
    assert children.type == "list"
    assert children.items is not None


async def test_openapi(engine: Engine) -> None:
    text = """
parameter: {
	// +usage=Which image to run
	image: string
	replicas: *1 | int
	policy?: "a" | "b"
	labels?: [string]: string
}
"""
    schema = await (await engine.compile(text, source="t.cue")).schema("parameter")
    assert schema == {
        "type": "object",
        "required": ["image", "replicas"],
        "properties": {
            "image": {"description": "Which image to run", "type": "string"},
            "replicas": {"type": "integer", "default": 1},
            "policy": {"type": "string", "enum": ["a", "b"]},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    }


@pytest.mark.parametrize("verb", ["describe", "schema"])
async def test_a_path_that_is_not_there(engine: Engine, verb: str) -> None:
    template = await engine.compile("a: 1", source="t.cue")
    with pytest.raises(Problem) as raised:
        await getattr(template, verb)("parameter")
    assert (raised.value.code, raised.value.path) == ("cue.reference", "parameter")


@pytest.mark.parametrize(
    ("text", "kind", "open_", "closed", "fields"),
    [
        pytest.param("{x: int}", "struct", False, False, "x", id="no word about more"),
        pytest.param("{x: int, ...}", "struct", True, False, "x", id="more is welcome"),
        pytest.param("{...}", "map", True, False, "", id="anything is"),
        pytest.param("#P", "struct", False, True, "x", id="a definition"),
        pytest.param("#Q", "struct", True, False, "x", id="a definition that welcomes more"),
        pytest.param("close({x: int})", "struct", False, True, "x", id="closed"),
        pytest.param('{x: int, [=~"^a"]: int}', "struct", True, False, "x", id="a pattern"),
        pytest.param(
            '{x: string, if x == "a" {y: int}}', "struct", True, False, "x y", id="an open guard"
        ),
        pytest.param(
            "{x: 1, if x == 1 {y: int}}", "struct", False, False, "x y", id="a settled guard"
        ),
        pytest.param("{x: int} | {y: int, ...}", "struct", True, False, "x y", id="in one shape"),
    ],
)
async def test_whether_a_struct_welcomes_more(
    engine: Engine, text: str, kind: str, open_: bool, closed: bool, fields: str
) -> None:
    whole = f"parameter: {text}\n#P: {{x: int}}\n#Q: {{x: int, ...}}"
    template = await engine.compile(whole, source="t.cue")
    found = await template.describe("parameter")
    assert (found.type, found.open, found.closed) == (kind, open_, closed)
    assert " ".join(each.name for each in found.fields) == fields


async def test_a_guarded_struct_is_required_by_its_fields(engine: Engine) -> None:
    text = 'parameter: {a: {x: string, if x == "a" {y: int}}, b: {x?: string, if x != _|_ {y: 1}}}'
    found = await (await engine.compile(text, source="t.cue")).describe("parameter")
    assert [(each.name, each.type, each.required) for each in found.fields] == [
        ("a", "struct", True),
        ("b", "struct", False),
    ]


CHOSEN = """
parameter: {
	kind: *"empty" | "claim" | "map"
	if kind == "empty" {
		medium: string
	}
	if kind == "claim" {
		// +usage=Which claim
		claim: string
		if claim != "" {
			size: *1 | int
		}
	}
	if kind == "map" {
		items?: [...#Item]
	}
	always: string
	list: [...{if kind == "map" {key: string}}]
}
#Item: {key: string}
"""


async def test_what_depends_on_what_is_given_is_known_and_not_required(engine: Engine) -> None:
    """A default decides the guards as long as nothing is given; what is given decides otherwise."""
    found = await (await engine.compile(CHOSEN, source="t.cue")).describe("parameter")
    told = {each.name: (each.type, each.required, each.usage) for each in found.fields}
    assert told == {
        "kind": ("string", False, ""),
        "medium": ("string", False, ""),
        "always": ("string", True, ""),
        "list": ("list", False, ""),
        "claim": ("string", False, "Which claim"),
        "size": ("int", False, ""),
        "items": ("list", False, ""),
    }
    assert (found.open, found.closed) == (False, False)
    lines = {each.name: each.position.line for each in found.fields if each.position}
    assert (lines["medium"], lines["claim"], lines["size"], lines["items"]) == (5, 9, 11, 15)
    [items] = [each.items for each in found.fields if each.name == "list"]
    assert items is not None
    assert [each.name for each in items.fields] == ["key"]


async def test_names_that_depend_on_what_is_given_may_be_any(engine: Engine) -> None:
    text = 'parameter: {x: *["a"] | [...string], for each in x {(each): int}}'
    found = await (await engine.compile(text, source="t.cue")).describe("parameter")
    assert found.open
