"""What a trait does to an object, from its text to the manifest (semantics B3, B4)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lateen.cue.engine import Engine
from tests.definitions import shops

pytestmark = pytest.mark.anyio

AB = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
B9C3 = '[{name: "B", value: "9"}, {name: "C", value: "3"}]'


async def lay(engine: Engine, text: str, given: dict[str, Any], **properties: Any) -> Any:
    """What a trait of this text makes of `spec: given`."""
    shop = shops.Shop(engine, traits={"it": text})
    return (await shop.render(thing(given), it=properties or None)).workload["spec"]


async def refused(engine: Engine, text: str, given: dict[str, Any], **properties: Any) -> list[str]:
    shop = shops.Shop(engine, traits={"it": text})
    found = await shop.problems(thing(given), it=properties or None)
    assert all(each.path.startswith("spec.components[0].traits[0]") for each in found)
    return [each.message for each in found]


def thing(given: dict[str, Any]) -> dict[str, Any]:
    return {"object": {"apiVersion": "example.org/v1", "kind": "Thing", "spec": given}}


@pytest.mark.parametrize(
    ("text", "given", "expected"),
    [
        pytest.param(
            'patch: spec: {\n// +patchKey=name\nenv: [{name: "B", more: "x"}, {name: "C"}]\n}',
            {"env": AB},
            {"env": [AB[0], {**AB[1], "more": "x"}, {"name": "C"}]},
            id="by key",
        ),
        pytest.param(
            f"patch: spec: {{\n// +patchKey=name\n// +patchStrategy=retainKeys\nenv: {B9C3}\n}}",
            {"env": AB},
            {"env": [AB[0], {"name": "B", "value": "9"}, {"name": "C", "value": "3"}]},
            id="by key, what is matched is replaced",
        ),
        pytest.param(
            f"patch: spec: {{\n// +patchStrategy=replace\nenv: {B9C3}\n}}",
            {"env": AB},
            {"env": [{"name": "B", "value": "9"}, {"name": "C", "value": "3"}]},
            id="the list is replaced",
        ),
        pytest.param(
            "patch: spec: {\n// +patchKey=name\ncontainers: "
            '[{name: "c", env: [{name: "B", more: "x"}]}]\n}',
            {"containers": [{"name": "c", "env": AB}]},
            {"containers": [{"name": "c", "env": [AB[0], {**AB[1], "more": "x"}]}]},
            id="a key counts for lists further down",
        ),
        pytest.param(
            'patch: {\n// +patchKey=name\nspec: env: [{name: "B", more: "x"}]\n}',
            {"env": AB},
            {"env": [AB[0], {**AB[1], "more": "x"}]},
            id="also from a struct, where the chained field has the mark",
        ),
        pytest.param(
            "patch: spec: {\n// +patchKey=s.name,c.name\nfrom: "
            '[{s: name: "s2"}, {c: name: "c2"}]\n}',
            {"from": [{"s": {"name": "s1"}}, {"c": {"name": "c1"}}]},
            {
                "from": [
                    {"s": {"name": "s1"}},
                    {"c": {"name": "c1"}},
                    {"s": {"name": "s2"}},
                    {"c": {"name": "c2"}},
                ]
            },
            id="several keys, further down in the items",
        ),
        pytest.param(
            'patch: spec: env: [{more: "x"}, ...]',
            {"env": AB},
            {"env": [{**AB[0], "more": "x"}, AB[1]]},
            id="an open list may be shorter",
        ),
        pytest.param(
            'patch: spec: env: [{more: "x"}, ...{}]',
            {"env": AB},
            {"env": [{**AB[0], "more": "x"}, AB[1]]},
            id="and say of what",
        ),
        pytest.param(
            'patch: spec: env: [{}, {}, {name: "C"}]',
            {"env": AB},
            {"env": [*AB, {"name": "C"}]},
            id="a longer list adds",
        ),
        pytest.param(
            "patch: {\n// +patchStrategy=retainKeys\nspec: replicas: 3\n}",
            {"replicas": 1},
            {"replicas": 3},
            id="the mark above a chain belongs to its last field",
        ),
        pytest.param(
            "patch: spec: {\n// +patchStrategy=retainKeys\nlimits: cpu: 2\n}",
            {"limits": {"cpu": 1, "memory": 1}},
            {"limits": {"cpu": 2, "memory": 1}},
            id="so it replaces one value",
        ),
        pytest.param(
            "patch: spec: {\n// +patchStrategy=retainKeys\nlimits: {cpu: 2}\n}",
            {"limits": {"cpu": 1, "memory": 1}},
            {"limits": {"cpu": 2}},
            id="or a whole map",
        ),
        pytest.param(
            "#Limit: {\n// +patchStrategy=retainKeys\ncpu: int\n}\npatch: spec: #Limit & {cpu: 2}",
            {"cpu": 1},
            {"cpu": 2},
            id="a mark that comes with a definition",
        ),
        pytest.param(
            "// +patchStrategy=jsonPatch\npatch: {operations: ["
            '{op: "remove", path: "/spec/env/0"}, {op: "add", path: "/spec/n", value: 1}]}',
            {"env": AB},
            {"env": [AB[1]], "n": 1},
            id="a JSON patch",
        ),
        pytest.param(
            "// +patchStrategy=jsonMergePatch\npatch: {spec: {env: null, n: {a: 1}}}",
            {"env": AB, "n": {"b": 2}},
            {"n": {"a": 1, "b": 2}},
            id="a JSON merge patch",
        ),
    ],
)
async def test_a_patch(engine: Engine, text: str, given: dict[str, Any], expected: Any) -> None:
    assert await lay(engine, text, given) == expected


@pytest.mark.parametrize(
    ("text", "given", "said"),
    [
        pytest.param("patch: spec: n: 2", {"n": 1}, "output.spec.n: ", id="a value"),
        pytest.param(
            f"patch: spec: {{\n// +patchKey=name\nenv: {B9C3}\n}}",
            {"env": AB},
            "output.spec.env[1].value: ",
            id="in an item found by its key",
        ),
        pytest.param(
            'patch: spec: env: [{more: "x"}]',
            {"env": AB},
            "output.spec.env: ",
            id="a shorter list",
        ),
        pytest.param(
            'patch: spec: {\n// +patchKey=name\nenv: [{name: *"B" | string, value: "9"}]\n}',
            {"env": AB},
            "output.spec.env: ",
            id="a key that is only a default: by index",
        ),
        pytest.param(
            "// +patchStrategy=jsonPatch\npatch: {operations: "
            '[{op: "remove", path: "/spec/none"}]}',
            {},
            "failed to apply json patch",
            id="a JSON patch of what is not there",
        ),
    ],
)
async def test_a_patch_that_does_not_fit(
    engine: Engine, text: str, given: dict[str, Any], said: str
) -> None:
    [message] = await refused(engine, text, given)
    assert 'trait "it" cannot be applied: ' in message
    assert said in message


async def test_a_default_of_the_trait_is_given_up_for_a_value(engine: Engine) -> None:
    text = "patch: spec: n: parameter.n\nparameter: n: *5 | int"
    assert await lay(engine, text, {"n": 1}) == {"n": 1}
    assert "output.spec.n: " in (await refused(engine, text, {"n": 1}, n=2))[0]


async def test_outputs_see_the_object_before_the_patch_beside_them(engine: Engine) -> None:
    text = (
        'patch: spec: n: 2\noutputs: o: {apiVersion: "v1", kind: "ConfigMap"}\n'
        "outputs: o: data: patched: context.output.spec.n != _|_"
    )
    shop = shops.Shop(engine, traits={"one": text, "two": text})
    first, second = (await shop.render(thing({}))).auxiliaries
    assert (first.manifest["data"], second.manifest["data"]) == (
        {"patched": False},
        {"patched": True},
    )


PATCHED = """
patchOutputs: {
	one: data: {
		// +patchKey=name
		env: [{name: "B", more: "x"}]
		// +patchStrategy=retainKeys
		n: 2
		// +patchStrategy=replace
		list: [3]
	}
	nobody: data: n: 1
}
"""
OTHER = """
outputs: one: {
	apiVersion: "v1"
	kind:       "ConfigMap"
	data: {
		n: 1
		list: [1, 2]
		env: [{name: "A"}, {name: "B"}]
	}
}
"""


@pytest.mark.parametrize("giver", ["body", "trait"])
async def test_auxiliaries_are_patched_by_their_keys(engine: Engine, giver: str) -> None:
    body = shops.PLAIN + (OTHER if giver == "body" else "")
    traits = {"patch": PATCHED} if giver == "body" else {"give": OTHER, "patch": PATCHED}
    shop = shops.Shop(engine, body, traits)
    [auxiliary] = (await shop.render(thing({}))).auxiliaries
    assert auxiliary.manifest["data"] == {
        "n": 2,
        "list": [3],
        "env": [{"name": "A"}, {"name": "B", "more": "x"}],
    }


async def test_the_document_of_the_component(engine: Engine) -> None:
    text = (
        'let made = context["template-context-workload-web"]\n'
        "patch: metadata: annotations: {\n"
        "\tkind: made.output.kind\n\tapp: made.context.appName\n"
        "\tgiven: made.parameter.object.spec.a\n"
        '\tfirst: "\\(made.output.metadata.labels != _|_)"\n}'
    )
    label = 'patch: metadata: labels: a: "b"'
    shop = shops.Shop(engine, traits={"label": label, "look": text})
    rendered = await shop.render(thing({"a": "x"}))
    annotations = rendered.workload["metadata"]["annotations"]
    assert {name: annotations[name] for name in ("kind", "given", "app", "first")} == {
        "kind": "Thing",
        "given": "x",
        "app": "shop",
        "first": "false",
    }


async def test_what_policies_of_the_application_gave(engine: Engine) -> None:
    shop = shops.Shop(engine, 'output: {apiVersion: "v1", kind: "X", a: context.custom.colour}')
    app = shop.application()
    facts = replace(shop.facts(app), custom={"colour": "red"})
    rendered = await shop.renderer.render(app.components[0], facts, shops.Place())
    assert rendered.workload["a"] == "red"


async def test_late_traits_come_at_once_where_another_component_reads_them(engine: Engine) -> None:
    text = 'outputs: late: {apiVersion: "v1", kind: "ConfigMap"}'
    shop = shops.Shop(engine, traits={"late": text}, specs={"late": {"stage": "PostDispatch"}})
    app = shop.application(thing({}))
    first = app.raw["spec"]["components"][0]
    reader = {"name": "reader", "type": "thing", "inputs": [{"from": "it", "parameterKey": "a"}]}
    for components, expected in (([first], 0), ([first, reader], 1)):
        first["outputs"] = [{"name": "it", "valueFrom": "outputs.late.metadata.name"}]
        app.raw["spec"]["components"] = components
        rendered = await shop.renderer.render(app.components[0], shop.facts(app), shops.Place())
        assert len(rendered.auxiliaries) == expected
        assert rendered.traits[0].pending is (expected == 0)
