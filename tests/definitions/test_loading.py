"""Which definition a type means (semantics A4)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lateen.api import definition as definitions
from lateen.api.definition import Definition, DefinitionKind, DefinitionRevision
from lateen.base.problem import Problem
from lateen.definitions import loading

COMPONENT = DefinitionKind.COMPONENT


def definition(name: str, namespace: str = "", version: str = "") -> Definition:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    spec = {"version": version} if version else {}
    return Definition.of({"kind": COMPONENT.value, "metadata": metadata, "spec": spec})


def kept(name: str, version: str, namespace: str = "vela-system") -> DefinitionRevision:
    """A revision as the definition controller stores it."""
    return definitions.revise(definition(name, namespace), version, 1)


SYSTEM, SHOP = definition("web", "vela-system"), definition("web", "shop")
CATALOGUE = loading.Static([SYSTEM, SHOP, definition("worker")])


@pytest.mark.parametrize(
    ("namespace", "expected"),
    [
        pytest.param("shop", SHOP, id="the application's namespace first"),
        pytest.param("other", SYSTEM, id="then vela-system"),
        pytest.param("vela-system", SYSTEM, id="vela-system itself"),
    ],
)
def test_order(namespace: str, expected: Definition):
    assert loading.lookup(CATALOGUE, COMPONENT, "web", namespace) is expected


def test_what_has_no_namespace_is_seen_everywhere():
    assert loading.lookup(CATALOGUE, COMPONENT, "worker", "shop").name == "worker"


def test_the_kind_counts():
    with pytest.raises(Problem, match='there is no trait type "web" in shop or vela-system'):
        loading.lookup(CATALOGUE, DefinitionKind.TRAIT, "web", "shop")


def test_the_application_namespace_beats_layers():
    layered = loading.Layered(loading.Static([SYSTEM]), loading.Static([SHOP]))
    assert loading.lookup(layered, COMPONENT, "web", "shop") is SHOP
    assert loading.lookup(layered, COMPONENT, "web", "other") is SYSTEM
    assert layered.names(COMPONENT, "shop") == {"web"}


def test_the_first_layer_wins():
    mine = definition("web")
    layered = loading.Layered(loading.Static([mine]), loading.Static([SYSTEM]))
    assert loading.lookup(layered, COMPONENT, "web", "other") is mine


@pytest.mark.parametrize("revision", ["3", "1.2.0"])
def test_a_revision(revision: str):
    catalogue = loading.Layered(CATALOGUE, loading.Static([], [kept("web", revision)]))
    found = loading.lookup(catalogue, COMPONENT, f"web@v{revision}", "shop")
    assert found.name == "web"
    assert found.source == f"ComponentDefinition vela-system/web@v{revision} template"


def test_a_revision_in_the_application_namespace_comes_first():
    catalogue = loading.Static([], [kept("web", "1"), kept("web", "1", "shop")])
    assert loading.lookup(catalogue, COMPONENT, "web@v1", "shop").namespace == "shop"
    assert loading.lookup(catalogue, COMPONENT, "web@v1", "other").namespace == "vela-system"


def test_a_revision_of_another_kind_is_none_of_it():
    catalogue = loading.Static([], [kept("web", "1")])
    with pytest.raises(Problem, match='there is no trait type "web"'):
        loading.lookup(catalogue, DefinitionKind.TRAIT, "web@v1", "shop")


KEPT = ["1.0.0", "1.2.0", "1.10.0", "2.0.0", "3", "4.0.0", "4", "5.1"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param("1", "1.10.0", id="the highest, by number and not by letter"),
        pytest.param("1.2", "1.2.0", id="two parts"),
        pytest.param("1.2.0", "1.2.0", id="a whole version is no range"),
        pytest.param("3", "3", id="a numbered revision"),
        pytest.param("4", "4", id="a revision of that very name wins"),
    ],
)
def test_an_application_that_follows_gets_the_newest_of_a_range(asked: str, expected: str):
    catalogue = loading.Following(loading.Static([], [kept("web", each) for each in KEPT]))
    found = loading.lookup(catalogue, COMPONENT, f"web@v{asked}", "shop")
    assert f"/web@v{expected} " in found.source


@pytest.mark.parametrize("asked", ["9", "5", "1.3", "1.1"])
def test_a_range_without_a_version_is_unknown(asked: str):
    catalogue = loading.Following(loading.Static([], [kept("web", each) for each in KEPT]))
    with pytest.raises(Problem, match=f"has no revision v{asked}"):
        loading.lookup(catalogue, COMPONENT, f"web@v{asked}", "shop")


def test_a_range_is_none_for_an_application_that_does_not_follow():
    catalogue = loading.Static([definition("web")], [kept("web", "1.2.0")])
    with pytest.raises(Problem, match="has no revision v1"):
        loading.lookup(catalogue, COMPONENT, "web@v1", "shop")


def workload(name: str, namespace: str = "") -> Definition:
    raw: dict[str, Any] = {
        "kind": "WorkloadDefinition",
        "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
        "spec": {
            "definitionRef": {"name": "deployments.apps"},
            "extension": {"template": "output: {}"},
        },
    }
    return Definition.of_workload(raw)


def test_a_component_may_be_a_workload_definition():
    catalogue = loading.Static([], [], [workload("old")])
    found = loading.lookup(catalogue, COMPONENT, "old", "shop")
    assert (found.kind, found.text) == (COMPONENT, "output: {}")
    assert found.spec["workload"] == {"type": "deployments.apps"}


def test_a_component_definition_anywhere_comes_before_a_workload_definition():
    catalogue = loading.Static([SYSTEM], [], [workload("web", "shop")])
    assert loading.lookup(catalogue, COMPONENT, "web", "shop") is SYSTEM


def test_a_trait_is_no_workload_definition():
    with pytest.raises(Problem, match='there is no trait type "old"'):
        loading.lookup(
            loading.Static([], [], [workload("old")]), DefinitionKind.TRAIT, "old", "shop"
        )


def test_what_was_recorded_is_found_wherever_it_came_from():
    recorded = loading.Recorded([definition("web", "elsewhere")])
    assert loading.lookup(recorded, COMPONENT, "web", "shop").namespace == "elsewhere"
    assert loading.lookup(recorded, COMPONENT, "web@v7", "shop").namespace == "elsewhere"


def test_revisions_that_were_recorded_together_stay_apart():
    one, two = (replace(definition("web", place), asked=f"web@v{place}") for place in ("1", "2"))
    recorded = loading.Recorded([one, two])
    assert loading.lookup(recorded, COMPONENT, "web@v1", "shop") is one
    assert loading.lookup(recorded, COMPONENT, "web@v2", "shop") is two


def test_a_version_a_definition_gives_itself():
    versioned = definition("web", version="2.1.0")
    catalogue = loading.Static([versioned])
    assert loading.lookup(catalogue, COMPONENT, "web@v2.1.0", "shop") is versioned


def test_a_missing_revision_says_so():
    with pytest.raises(Problem, match='"web" has no revision v9') as caught:
        loading.lookup(CATALOGUE, COMPONENT, "web@v9", "shop", "spec.components[0].type")
    assert caught.value.code == "definition.unknown"
    assert caught.value.path == "spec.components[0].type"
    assert caught.value.hint == '"web" without @v... is the current one'


def test_a_missing_revision_names_those_there_are():
    catalogue = loading.Static([], [kept("web", each) for each in ("10", "9", "1.2.0", "lts")])
    with pytest.raises(Problem) as caught:
        loading.lookup(catalogue, COMPONENT, "web@v3", "shop")
    assert caught.value.hint.startswith("there are: v1.2.0, v9, v10, vlts; ")


@pytest.mark.parametrize("type_name", ["", "@v1", "web@1", "web@", "web@v", "web@v1@v2"])
def test_types_that_cannot_be_read(type_name: str):
    with pytest.raises(Problem) as caught:
        loading.lookup(CATALOGUE, COMPONENT, type_name, "shop")
    assert caught.value.code == "definition.reference"


@pytest.mark.parametrize(
    ("known", "hint"),
    [
        pytest.param(["web", "worker"], 'did you mean "web"? there are: web, worker', id="few"),
        pytest.param(["task"], "there are: task", id="nothing near"),
        pytest.param([], "no component type is installed", id="none"),
        pytest.param(["web", *(f"x{i}" for i in range(20))], 'did you mean "web"?', id="many"),
        pytest.param([f"x{i}" for i in range(20)], "", id="many, nothing near"),
    ],
)
def test_hints(known: list[str], hint: str):
    catalogue = loading.Static([definition(name) for name in known])
    with pytest.raises(Problem) as caught:
        loading.lookup(catalogue, COMPONENT, "wep", "shop")
    assert caught.value.hint == hint
