"""Actions of env-binding policies: which components go where, and whose Secrets are copied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from lateen.api.manifest import Key
from lateen.base.problem import Problem
from lateen.cue.engine import Engine
from lateen.providers.objects import Direct
from lateen.providers.packages import Flavour
from lateen.providers.ports import Runtime, Signal
from tests.providers.worlds import Deliveries, run

pytestmark = pytest.mark.anyio


@dataclass
class Bound(Deliveries):
    """An application with two environments."""

    namespace: str = "n"

    async def policies(self, app: str) -> Sequence[Mapping[str, Any]]:
        test = {
            "name": "test",
            "placement": {"namespaceSelector": {"name": self.namespace}},
            "selector": {"components": ["web", "extra", "rds"]},
            "patch": {
                "components": [
                    {"name": "web", "type": "webservice", "properties": {"image": "b"}},
                    {"name": "web", "traits": [{"type": "scaler", "disable": True}]},
                    {"name": "extra", "type": "worker"},
                    {"type": "worker", "properties": {"spare": True}},
                ]
            },
        }
        prod = {"name": "prod", "placement": {"clusterSelector": {"name": "east"}}}
        lost = {"name": "lost", "patch": {"components": [{"name": "wbe"}]}}
        binding = {
            "name": "envs",
            "type": "env-binding",
            "properties": {"envs": [test, prod, lost]},
        }
        return [{"name": "other", "type": "topology"}, binding]


@dataclass(frozen=True)
class Terraform:
    ready: bool

    async def components(self) -> Sequence[Mapping[str, Any]]:
        return [RDS]

    async def healthy(self, component: str) -> bool:
        return self.ready and component == "rds-test"


WEB = {
    "name": "web",
    "type": "webservice",
    "properties": {"image": "a", "port": 80},
    "traits": [{"type": "scaler"}, {"type": "labels"}],
}
DB = {"name": "db", "type": "worker"}
RDS = {
    "name": "rds",
    "type": "alibaba-rds",
    "properties": {"size": 5, "writeConnectionSecretToRef": {"name": "conn"}},
}


def apply(env: str) -> str:
    inputs = f'env: "{env}", policy: "", app: "shop", namespace: "home", parallel: false'
    return f'import "vela/op"\na: op.#ApplyEnvBindApp & {{{inputs}}}\n'


async def test_an_environment_has_its_components_patches_and_place(engine: Engine) -> None:
    delivery = Bound([WEB, DB])
    await run(engine, apply("test"), Runtime(Flavour.STEP, delivery=delivery))
    assert [(w.cluster, w.namespace) for w in delivery.applied] == [("local", "n")] * 2
    web, extra = (wanted.component for wanted in delivery.applied)
    assert web["properties"] == {"image": "b", "port": 80}
    assert web["traits"] == [{"type": "labels"}]
    assert extra == {"name": "extra", "type": "worker", "properties": {"spare": True}}


async def test_without_a_selector_all_go(engine: Engine) -> None:
    delivery = Bound([WEB, DB], healthy=False)
    found = await run(engine, apply("prod"), Runtime(Flavour.STEP, delivery=delivery))
    assert [w.component["name"] for w in delivery.applied] == ["web", "db"]
    assert {(w.cluster, w.namespace) for w in delivery.applied} == {("east", "home")}
    assert found.outcomes["a"].signal == Signal("wait", "wait healthy")


async def test_an_environment_that_is_not_there(engine: Engine) -> None:
    with pytest.raises(Problem, match='has no environment "staging"') as raised:
        await run(engine, apply("staging"), Runtime(Flavour.STEP, delivery=Bound()))
    assert (raised.value.code, raised.value.path) == ("policy.environment", "a.env")


async def test_a_patch_for_a_component_that_is_not_there(engine: Engine) -> None:
    with pytest.raises(Problem, match='no component matches "wbe"'):
        await run(engine, apply("lost"), Runtime(Flavour.STEP, delivery=Bound([WEB])))


async def test_no_policy_of_the_kind(engine: Engine) -> None:
    with pytest.raises(Problem, match="no env-binding policy"):
        await run(engine, apply("test"), Runtime(Flavour.STEP, delivery=Deliveries()))


def cloud(name: str, namespace: str, more: str = "") -> str:
    inputs = f'env: "test", policy: "envs", name: "shop", namespace: "{namespace}"{more}'
    return f'import "vela/op"\na: op.#{name} & {{{inputs}}}\n'


def connection(namespace: str) -> dict[str, Any]:
    metadata = {"name": "conn-test", "namespace": namespace}
    data = {"DB_HOST": "aA=="}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


async def test_a_cloud_resource_is_waited_for_and_its_secret_copied(
    engine: Engine, objects: Direct, namespace: str
) -> None:
    delivery = Bound([WEB, RDS], namespace=namespace)
    text = cloud("DeployCloudResource", namespace)
    waiting = Runtime(
        Flavour.STEP, delivery=delivery, objects=objects, cloud=Terraform(ready=False)
    )
    found = await run(engine, text, waiting)
    assert found.outcomes["a"].signal == Signal("wait", "wait healthy: rds-test")
    [wanted] = delivery.applied
    assert wanted.component["name"] == "rds-test"
    reference = {"name": "conn-test", "namespace": namespace}
    assert wanted.component["properties"] == {"size": 5, "writeConnectionSecretToRef": reference}
    await objects.apply("", connection(namespace))
    ready = Runtime(Flavour.STEP, delivery=delivery, objects=objects, cloud=Terraform(ready=True))
    found = await run(engine, text, ready)
    assert found.outcomes["a"].signal is None
    copy = await objects.get("", Key("", "Secret", namespace, "conn", "v1"))
    assert copy["data"] == {"DB_HOST": "aA=="}
    marked = await objects.get("", Key("", "Secret", namespace, "conn-test", "v1"))
    assert marked["metadata"]["labels"] == {
        "app.oam.dev/component": "rds",
        "app.oam.dev/env-name": "test",
        "app.oam.dev/sync-alias": "conn",
    }
    assert marked["data"] == {"DB_HOST": "aA=="}


async def test_a_cloud_resource_is_shared_without_being_delivered(
    engine: Engine, objects: Direct, namespace: str
) -> None:
    await objects.apply("", connection(namespace))
    delivery = Bound([RDS], namespace="elsewhere")
    more = f', placements: [{{cluster: "local", namespace: "{namespace}"}}]'
    runtime = Runtime(Flavour.STEP, delivery=delivery, objects=objects, cloud=Terraform(ready=True))
    await run(engine, cloud("ShareCloudResource", namespace, more), runtime)
    assert delivery.applied == []
    assert await objects.get("", Key("", "Secret", namespace, "conn", "v1"))
