"""The built-in policies take the parameters of KubeVela's (inventory 2.3, 4), and explain them."""

from __future__ import annotations

from importlib import resources
from typing import Any

import pytest

from lateen.api import checking
from lateen.api.definition import Definition
from lateen.base import documents
from lateen.cue.engine import Engine
from lateen.cue.reports import Field
from lateen.cue.templates import Fill
from lateen.definitions import parameters, templates

pytestmark = pytest.mark.anyio

SELECTOR = {
    "componentNames",
    "componentTypes",
    "oamTypes",
    "traitTypes",
    "resourceTypes",
    "resourceNames",
}
PARAMETERS = {
    "topology": "clusters clusterLabelSelector clusterSelector allowEmpty namespace",
    "override": "components selector",
    "replication": "keys selector",
    "garbage-collect": "applicationRevisionLimit keepLegacyResource continueOnFailure order rules",
    "apply-once": "enable rules",
    "shared-resource": "rules",
    "take-over": "rules",
    "read-only": "rules",
    "resource-update": "rules",
    "rollback": "onFailure onUnhealthy within grace",
}
RULES = {
    "garbage-collect": "selector strategy propagation",
    "apply-once": "selector strategy",
    "shared-resource": "selector",
    "take-over": "selector",
    "read-only": "selector",
    "resource-update": "selector strategy",
}


@pytest.fixture(scope="module")
def shelf(engine: Engine) -> templates.Shelf:
    return templates.Shelf(engine)


def named(fields: tuple[Field, ...], name: str) -> Field:
    return next(field for field in fields if field.name == name)


def example(name: str) -> dict[str, Any]:
    """The application that shows a policy."""
    folder = resources.files("lateen.definitions") / "builtin" / "examples"
    text = (folder / f"{name}.yaml").read_text("utf-8")
    [document] = documents.load(text, f"examples/{name}.yaml")
    return dict(document.data)


@pytest.mark.parametrize("name", sorted(PARAMETERS))
async def test_parameters(shelf: templates.Shelf, builtins: dict[str, Definition], name: str):
    schema = await shelf.schema(builtins[name])
    assert {field.name for field in schema.fields} == set(PARAMETERS[name].split())
    assert [field.name for field in schema.fields if field.required] == []


@pytest.mark.parametrize("name", sorted(RULES))
async def test_rules_select_objects(
    shelf: templates.Shelf, builtins: dict[str, Definition], name: str
):
    rules = named((await shelf.schema(builtins[name])).fields, "rules")
    assert rules.items is not None
    assert {field.name for field in rules.items.fields} == set(RULES[name].split())
    selector = named(rules.items.fields, "selector")
    assert {field.name for field in selector.fields} == SELECTOR


@pytest.mark.parametrize("name", sorted(PARAMETERS))
async def test_everything_is_explained(
    shelf: templates.Shelf, builtins: dict[str, Definition], name: str
):
    def bare(field: Field, path: str) -> list[str]:
        below = [*field.fields, *(field.items.fields if field.items else ())]
        found = [f"{path}.{inner.name}" for inner in below if not inner.usage]
        return found + [p for inner in below for p in bare(inner, f"{path}.{inner.name}")]

    assert bare(await shelf.schema(builtins[name]), name) == []
    assert builtins[name].description


@pytest.mark.parametrize("name", sorted(PARAMETERS))
async def test_the_example_is_right(
    shelf: templates.Shelf, builtins: dict[str, Definition], name: str
):
    app = example(name)
    assert checking.check(app) == []
    [policy] = [each for each in app["spec"]["policies"] if each["type"] == name]
    schema = await shelf.schema(builtins[name])
    found = parameters.check(policy["properties"], schema, "properties", strict=True)
    assert found == parameters.Findings()


DEFAULTS = [
    pytest.param("garbage-collect", {}, {"keepLegacyResource": False, "continueOnFailure": False}),
    pytest.param(
        "garbage-collect",
        {"rules": [{"selector": {"resourceTypes": ["Job"]}}]},
        {
            "keepLegacyResource": False,
            "continueOnFailure": False,
            "rules": [{"selector": {"resourceTypes": ["Job"]}, "strategy": "onAppUpdate"}],
        },
        id="garbage-collect: a rule means onAppUpdate",
    ),
    pytest.param("apply-once", {}, {"enable": False}),
    pytest.param(
        "resource-update",
        {"rules": [{"selector": {}, "strategy": {}}]},
        {"rules": [{"selector": {}, "strategy": {"op": "patch"}}]},
    ),
    pytest.param(
        "override",
        {"components": [{"traits": [{"type": "scaler"}]}]},
        {"components": [{"traits": [{"type": "scaler", "disable": False}]}]},
    ),
]


@pytest.mark.parametrize(("name", "given", "expected"), DEFAULTS)
async def test_defaults(
    engine: Engine, builtins: dict[str, Definition], name: str, given: Any, expected: Any
):
    definition = builtins[name]
    fills = [Fill("parameter", given, "given")]
    result = await engine.evaluate(definition.text, fills, ["parameter"], source=name)
    assert result.problems == ()
    assert result.values == {"parameter": expected}


WRONG = [
    pytest.param(
        "garbage-collect", {"rules": [{"strategy": "later"}]}, "strategy", id="a strategy"
    ),
    pytest.param(
        "garbage-collect", {"rules": [{"propagation": "some"}]}, "propagation", id="a propagation"
    ),
    pytest.param("resource-update", {"rules": [{"strategy": {"op": "put"}}]}, "op", id="an op"),
    pytest.param("apply-once", {"enable": "yes"}, "enable", id="a flag"),
    pytest.param("read-only", {"rules": [{"selector": {"kinds": []}}]}, "kinds", id="a field"),
    pytest.param("replication", {"keys": "a"}, "keys", id="a list"),
]


@pytest.mark.parametrize(("name", "given", "where"), WRONG)
async def test_what_is_not_possible_is_refused(
    shelf: templates.Shelf, builtins: dict[str, Definition], name: str, given: Any, where: str
):
    schema = await shelf.schema(builtins[name])
    found = parameters.check(given, schema, "properties", strict=True)
    assert [problem.path.rpartition(".")[2] for problem in found.problems] == [where]
