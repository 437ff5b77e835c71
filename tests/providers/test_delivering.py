"""Actions on the application: what they ask for, and what they tell the step."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.base.problem import Problem
from lateen.cue.engine import Engine
from lateen.providers.packages import Flavour
from lateen.providers.ports import Deployment, Runtime, Signal, Wanted
from tests.providers.worlds import Clouds, Deliveries, Joined, run

pytestmark = pytest.mark.anyio

COMPONENT = '{name: "web", type: "webservice", properties: image: "nginx"}'
LISTED: list[dict[str, Any]] = [
    {"name": "web", "type": "webservice", "inputs": [{"from": "x"}]},
    {"name": "db", "type": "worker", "outputs": [{"name": "y", "valueFrom": "z"}]},
]
FORMS = pytest.mark.parametrize(
    ("package", "wrap", "result"), [("oam", "$params: {%s}", "$returns."), ("op", "%s", "")]
)


@FORMS
async def test_a_component_is_delivered_and_its_objects_read(
    engine: Engine, package: str, wrap: str, result: str
) -> None:
    delivery = Deliveries()
    inputs = f'value: {COMPONENT}, cluster: "east", namespace: "n", patch: workload: spec: x: 1'
    text = f"""
import "vela/{package}"
a: {package}.#ApplyComponent & {{{wrap % inputs}}}
out: [a.{result}output.kind, a.{result}outputs.service.kind]
"""
    found = await run(engine, text, Runtime(Flavour.STEP, delivery=delivery), "out")
    assert found.values["out"] == ["Deployment", "Service"]
    assert found.outcomes["a"].signal is None
    component = {"name": "web", "type": "webservice", "properties": {"image": "nginx"}}
    at = "a.$params.patch" if package == "oam" else "a.patch"
    wanted = Wanted(component, "east", "n", {"workload": {"spec": {"x": 1}}}, at)
    assert delivery.applied == [wanted]


@FORMS
@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param("", Signal("wait", "wait healthy", stops=False), id="waits, and goes on"),
        pytest.param(", waitHealthy: false", None, id="unless told not to"),
    ],
)
async def test_an_unhealthy_component(
    engine: Engine, package: str, wrap: str, result: str, more: str, expected: Signal | None
) -> None:
    inputs = f"value: {COMPONENT}{more}"
    text = f"""
import "vela/{package}"
a: {package}.#ApplyComponent & {{{wrap % inputs}}}
b: {package}.#LoadPolicies
"""
    runtime = Runtime(Flavour.STEP, delivery=Deliveries(healthy=False))
    found = await run(engine, text, runtime)
    assert found.outcomes["a"].signal == expected
    assert "b" in found.outcomes


async def test_rendering_applies_nothing(engine: Engine) -> None:
    delivery = Deliveries(healthy=False)
    text = f'import "vela/op"\na: op.#RenderComponent & {{value: {COMPONENT}}}\nout: a.output.kind'
    found = await run(engine, text, Runtime(Flavour.STEP, delivery=delivery), "out")
    assert found.values["out"] == "Deployment"
    assert (len(delivery.rendered), len(delivery.applied)) == (1, 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            'import "vela/op"\na: op.#Load\nout: a.value',
            {"web": {"name": "web", "type": "webservice"}, "db": {"name": "db", "type": "worker"}},
            id="by name, without what belongs to steps",
        ),
        pytest.param(
            'import "vela/oam"\na: oam.#LoadComponetsInOrder\n'
            "out: [for c in a.$returns.value {c.name}]",
            ["web", "db"],
            id="in order",
        ),
        pytest.param(
            'import "vela/oam"\na: oam.#LoadPolicies\nout: a.$returns.value.here.type',
            "topology",
            id="policies",
        ),
    ],
)
async def test_loading(engine: Engine, text: str, expected: Any) -> None:
    runtime = Runtime(Flavour.STEP, delivery=Deliveries(LISTED))
    assert (await run(engine, text, runtime, "out")).values["out"] == expected


async def test_loading_another_application_that_is_not_there(engine: Engine) -> None:
    text = 'import "vela/op"\na: op.#Load & {app: "other"}\n'
    with pytest.raises(Problem, match="no application other"):
        await run(engine, text, Runtime(Flavour.STEP, delivery=Deliveries()))


async def test_a_whole_application_component_by_component(engine: Engine) -> None:
    delivery = Deliveries(LISTED)
    text = 'import "vela/op"\na: op.#ApplyRemaining & {exceptions: ["db"]}\n'
    await run(engine, text, Runtime(Flavour.STEP, delivery=delivery))
    assert [wanted.component["name"] for wanted in delivery.applied] == ["web"]


@pytest.mark.parametrize(
    ("healthy", "expected"),
    [(True, None), (False, Signal("wait", "wait healthy: web", stops=False))],
)
async def test_deploy(engine: Engine, healthy: bool, expected: Signal | None) -> None:
    delivery = Deliveries(healthy=healthy)
    text = """
import "vela/multicluster"
a: multicluster.#Deploy & {$params: {
	policies: ["east"], parallelism: 5, ignoreTerraformComponent: true
	inlinePolicies: [{type: "override", name: "canary"}]
}}
"""
    found = await run(engine, text, Runtime(Flavour.STEP, delivery=delivery))
    inline = [{"type": "override", "name": "canary"}]
    assert delivery.deployed == [Deployment(["east"], inline, 5, True)]
    assert found.outcomes["a"].signal == expected


async def test_deploy_none_at_a_time(engine: Engine) -> None:
    text = """
import "vela/op"
a: op.#Deploy & {policies: [], parallelism: 0, ignoreTerraformComponent: true}
"""
    with pytest.raises(Problem, match="cannot be smaller than 1") as raised:
        await run(engine, text, Runtime(Flavour.STEP, delivery=Deliveries()))
    assert raised.value.path == "a.parallelism"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            'import "vela/multicluster"\na: multicluster.#ListClusters\n'
            "out: a.$returns.outputs.clusters",
            ["east", "west"],
            id="clusters",
        ),
        pytest.param(
            'import "vela/op"\na: op.#ListClusters\nout: a.outputs.clusters',
            ["east", "west"],
            id="clusters, older form",
        ),
        pytest.param(
            'import "vela/op"\na: op.#GetPlacementsFromTopologyPolicies & {policies: ["p"]}\n'
            "out: a.placements",
            [{"cluster": "east", "namespace": "p"}],
            id="placements",
        ),
        pytest.param(
            'import "vela/op"\na: op.#LoadTerraformComponents\nout: a.outputs.components[0].name',
            "db",
            id="Terraform components",
        ),
        pytest.param(
            'import "vela/terraform"\n'
            'a: terraform.#GetConnectionStatus & {$params: inputs: componentName: "db"}\n'
            "out: a.$returns.outputs.healthy",
            True,
            id="the connection of one",
        ),
    ],
)
async def test_listing(engine: Engine, text: str, expected: Any) -> None:
    runtime = Runtime(Flavour.STEP, clusters=Joined(), cloud=Clouds())
    assert (await run(engine, text, runtime, "out")).values["out"] == expected
