"""Which definition a type means (semantics A4)."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from lateen.api.definition import Definition, DefinitionKind
from lateen.base.problem import Problem
from lateen.definitions import loading

COMPONENT = DefinitionKind.COMPONENT


def definition(name: str, namespace: str = "", version: str = "") -> Definition:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    spec = {"version": version} if version else {}
    return Definition.of({"kind": COMPONENT.value, "metadata": metadata, "spec": spec})


@dataclass
class Revisions:
    """A catalogue that has revisions only: `{(namespace, name, revision)}`."""

    all: dict[tuple[str, str, str], Definition] = field(default_factory=dict)

    def find(self, kind: DefinitionKind, name: str, namespace: str) -> Definition | None:
        return None

    def find_revision(
        self, kind: DefinitionKind, name: str, revision: str, namespace: str
    ) -> Definition | None:
        return self.all.get((namespace, name, revision))

    def names(self, kind: DefinitionKind, namespace: str) -> set[str]:
        return {name for place, name, _ in self.all if place == namespace}


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
    old = definition("web")
    catalogue = loading.Layered(CATALOGUE, Revisions({("vela-system", "web", revision): old}))
    assert loading.lookup(catalogue, COMPONENT, f"web@v{revision}", "shop") is old


def test_a_version_a_definition_gives_itself():
    versioned = definition("web", version="2.1.0")
    catalogue = loading.Static([versioned])
    assert loading.lookup(catalogue, COMPONENT, "web@v2.1.0", "shop") is versioned


def test_a_missing_revision_says_so():
    with pytest.raises(Problem, match='"web" has no revision v9') as caught:
        loading.lookup(CATALOGUE, COMPONENT, "web@v9", "shop", "spec.components[0].type")
    assert caught.value.code == "definition.unknown"
    assert caught.value.path == "spec.components[0].type"


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
