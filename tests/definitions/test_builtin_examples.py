"""Every built-in definition says what it is for, explains its parameters, and has an example.

The examples of components and traits render, in full, to their goldens.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from lateen import testing
from lateen.api import checking
from lateen.api.definition import Definition, DefinitionKind
from lateen.base import documents
from lateen.cue.engine import Engine
from lateen.cue.reports import Field
from lateen.definitions import examples, parameters, templates
from lateen.testing import Rendering
from tests.definitions.test_builtin_parameters import PARAMETERS

pytestmark = pytest.mark.anyio

FOLDER = resources.files("lateen.definitions") / "builtin"
NAMES = sorted(f.name.removesuffix(".cue") for f in FOLDER.iterdir() if f.name.endswith(".cue"))
ELSEWHERE = {
    "helmchart": "needs what renders charts",
    "helm": "needs what renders charts",
    "kustomize": "needs what fetches",
    "kustomize-patch": "changes a component that needs what fetches",
    "kustomize-json-patch": "changes a component that needs what fetches",
    "kustomize-strategy-merge": "changes a component that needs what fetches",
    "ref-objects": "needs a cluster to find its objects in",
}


@pytest.fixture(scope="module")
def shelf(engine: Engine) -> templates.Shelf:
    return templates.Shelf(engine)


def bare(field: Field, path: str) -> Iterator[str]:
    """The parameters below a field that nobody explains."""
    shapes = [field, *field.choices]
    if field.items is not None:
        shapes += [field.items, *field.items.choices]
    for inner in (each for shape in shapes for each in shape.fields):
        if not inner.usage:
            yield f"{path}.{inner.name}"
        yield from bare(inner, f"{path}.{inner.name}")


@pytest.mark.parametrize("name", NAMES)
async def test_it_is_explained(shelf: templates.Shelf, builtins: dict[str, Definition], name: str):
    assert builtins[name].description
    assert list(bare(await shelf.schema(builtins[name]), name)) == []


def uses(app: dict[str, Any], definition: Definition) -> list[Any]:
    """The properties an application gives to a type, wherever it names it."""
    spec = app["spec"]
    given = {
        DefinitionKind.COMPONENT: spec["components"],
        DefinitionKind.TRAIT: [t for c in spec["components"] for t in c.get("traits", ())],
        DefinitionKind.POLICY: spec.get("policies", ()),
        DefinitionKind.STEP: [
            each
            for step in spec.get("workflow", {}).get("steps", ())
            for each in (step, *step.get("subSteps", ()))
        ],
    }[definition.kind]
    return [each.get("properties") or {} for each in given if each["type"] == definition.name]


def example(definition: Definition) -> dict[str, Any]:
    [document] = documents.load(examples.of(definition), f"{definition.name}.yaml")
    return dict(document.data)


@pytest.mark.parametrize("name", NAMES)
async def test_its_example_is_right(
    shelf: templates.Shelf, builtins: dict[str, Definition], name: str
):
    app = example(builtins[name])
    assert checking.check(app) == []
    found = uses(app, builtins[name])
    assert found, "the example does not use it"
    schema = await shelf.schema(builtins[name])
    for properties in found:
        findings = parameters.check(properties, schema, "properties", strict=True)
        assert findings == parameters.Findings()


def rendered(name: str) -> Rendering:
    """The one component of an example with its traits."""
    subject = testing.builtin(name)
    [component] = example(subject.definition)["spec"]["components"]
    found = testing.builtin(component["type"]).render(component["properties"], strict=True)
    for trait in component.get("traits", ()):
        found = testing.builtin(trait["type"]).render(trait["properties"], on=found, strict=True)
    return found


@pytest.mark.parametrize("name", sorted(set(PARAMETERS) - set(ELSEWHERE)))
def test_its_example_renders(golden: SnapshotAssertion, name: str):
    found = rendered(name)
    assert documents.dump({"workload": found.workload, **found.outputs}) == golden


def test_another_definition_of_that_name_has_no_example(builtins: dict[str, Definition]):
    raw = builtins["webservice"].raw
    assert examples.of(Definition.of(raw))
    own = {**raw, "metadata": {**raw["metadata"], "namespace": "default"}}
    assert examples.of(Definition.of(own)) == ""
