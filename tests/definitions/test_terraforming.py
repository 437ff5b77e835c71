"""Components that Terraform provides (semantics B7)."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.api.definition import Definition
from lateen.base.problem import Problem
from lateen.cue.engine import Engine
from lateen.definitions import contexts, loading, rendering, terraforming
from tests.definitions import shops

FACTS = contexts.AppFacts(name="shop", namespace="prod", revision="shop-v2")


def definition(**terraform: Any) -> Definition:
    meta = {"name": "bucket", "annotations": {"type": "terraform", "about": "a bucket"}}
    spec = {"schematic": {"terraform": {"configuration": "variable {}", **terraform}}}
    return Definition.of({"kind": "ComponentDefinition", "metadata": meta, "spec": spec})


def spec(properties: dict[str, Any] | None = None, **terraform: Any) -> dict[str, Any]:
    found = terraforming.configuration(definition(**terraform), properties, FACTS)
    return dict(found["spec"])


def test_its_form() -> None:
    found = terraforming.configuration(definition(), {"name": "b"}, FACTS)
    assert found == {
        "apiVersion": "terraform.core.oam.dev/v1beta2",
        "kind": "Configuration",
        "metadata": {"annotations": {"type": "terraform", "about": "a bucket"}},
        "spec": {"hcl": "variable {}", "deleteResource": True, "variable": {"name": "b"}},
    }


@pytest.mark.parametrize(
    ("properties", "terraform", "expected"),
    [
        pytest.param(
            {},
            {"type": "remote", "path": "oss"},
            {"remote": "variable {}", "path": "oss"},
            id="git",
        ),
        pytest.param(
            {"writeConnectionSecretToRef": {"name": "conn"}},
            {},
            {"writeConnectionSecretToRef": {"name": "conn", "namespace": "prod"}},
            id="the secret is the application's",
        ),
        pytest.param(
            {"writeConnectionSecretToRef": {"name": "conn", "namespace": "x"}},
            {"writeConnectionSecretToRef": {"name": "other"}},
            {"writeConnectionSecretToRef": {"name": "conn", "namespace": "x"}},
            id="or where it is said to be",
        ),
        pytest.param(
            {"customRegion": "cn", "forceDelete": True},
            {"customRegion": "us", "providerRef": {"name": "default"}, "deleteResource": False},
            {
                "customRegion": "cn",
                "forceDelete": True,
                "providerRef": {"name": "default"},
                "deleteResource": False,
            },
            id="settings of the component before those of the definition",
        ),
        pytest.param(
            {"deleteResource": False, "JobEnv": {"A": "b"}, "inlineCredentials": True},
            {},
            {"deleteResource": False, "JobEnv": {"A": "b"}, "inlineCredentials": True},
            id="fields of a Configuration that are settings as well",
        ),
        pytest.param(
            {"deleteResource": True}, {"deleteResource": False}, {"deleteResource": True}, id="on"
        ),
        pytest.param(
            {"region": "x", "size": 1}, {}, {"variable": {"region": "x", "size": 1}}, id="the rest"
        ),
    ],
)
def test_where_properties_go(
    properties: dict[str, Any], terraform: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = spec(properties, **terraform)
    assert {name: found[name] for name in expected} == expected
    assert "variable" in expected or "variable" not in found


@pytest.mark.parametrize("terraform", [{"configuration": ""}, {"type": "json"}])
def test_what_cannot_be_used(terraform: dict[str, Any]) -> None:
    with pytest.raises(Problem) as caught:
        terraforming.configuration(definition(**terraform), {}, FACTS, "spec.components[0]")
    assert caught.value.code == "terraform.configuration"
    assert caught.value.path == "spec.components[0].type"


@pytest.mark.parametrize(
    ("status", "labels", "expected"),
    [
        pytest.param({"apply": {"state": "Available"}}, {}, True, id="available"),
        pytest.param({"apply": {"state": "ProvisioningAndChecking"}}, {}, False, id="on its way"),
        pytest.param({}, {}, False, id="nothing is known"),
        pytest.param(
            {"apply": {"state": "Available"}, "observedGeneration": 1}, {}, False, id="an older one"
        ),
        pytest.param(
            {"apply": {"state": "Available"}, "observedGeneration": 2}, {}, True, id="this one"
        ),
        pytest.param(
            {"apply": {"state": "Available"}},
            {"app.oam.dev/appRevision": "shop-v1"},
            False,
            id="of an older revision",
        ),
    ],
)
def test_health(status: dict[str, Any], labels: dict[str, str], expected: bool) -> None:
    live = {"metadata": {"generation": 2, "labels": labels}, "status": status}
    assert terraforming.healthy(live, "shop-v2") is expected


@pytest.mark.anyio
async def test_a_component_is_rendered_with_its_traits(engine: Engine) -> None:
    label = shops.definition("TraitDefinition", "label", 'patch: metadata: labels: a: "b"')
    kinds = loading.Static([definition(), label])
    shop = shops.Shop(engine)
    app = shop.application({"size": 1}, label=None)
    app.raw["spec"]["components"][0]["type"] = "bucket"
    renderer = rendering.Renderer(engine, kinds)
    rendered = await renderer.render(app.components[0], shop.facts(app), shops.Place())
    assert rendered.workload["metadata"]["name"] == "web"
    assert rendered.workload["metadata"]["labels"]["a"] == "b"
    assert rendered.workload["spec"]["variable"] == {"size": 1}
    assert not (await renderer.check(app.components[0], shop.facts(app))).problems
