"""Actions of env-binding policies: which components go where, and whose Secrets are copied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import anyio
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


class Ready:
    """Terraform that has brought what every environment wants."""

    async def components(self) -> Sequence[Mapping[str, Any]]:
        return [RDS]

    async def healthy(self, component: str) -> bool:
        return True


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


def shared(namespace: str, env: str) -> str:
    more = f', placements: [{{cluster: "local", namespace: "{namespace}"}}]'
    return cloud("ShareCloudResource", namespace, more).replace('env: "test"', f'env: "{env}"')


def secret(namespace: str, env: str) -> dict[str, Any]:
    found = connection(namespace)
    return {**found, "metadata": {"name": f"conn-{env}", "namespace": namespace}}


def of_shop(objects: Direct, namespace: str) -> Runtime:
    return Runtime(
        Flavour.STEP,
        labels={"app.oam.dev/name": "shop", "app.oam.dev/namespace": namespace},
        revision="shop-v1",
        delivery=Bound([RDS], namespace=namespace),
        objects=objects,
        cloud=Ready(),
    )


async def test_a_copy_is_not_written_over_that_of_another_environment(
    engine: Engine, objects: Direct, namespace: str
) -> None:
    """Both have their Secret, and both are called so where they go."""
    await objects.apply("", secret(namespace, "test"))
    await objects.apply("", {**secret(namespace, "prod"), "data": {"DB_HOST": "Yg=="}})
    runtime = of_shop(objects, namespace)
    key = Key("", "Secret", namespace, "conn", "v1")
    for _ in range(2):  # whose it is may bring it again
        await run(engine, shared(namespace, "test"), runtime)
    said = f"Secret {namespace}/conn is a copy of Secret {namespace}/conn-test already"
    with pytest.raises(Problem, match=said) as raised:
        await run(engine, shared(namespace, "prod"), runtime)
    assert raised.value.code == "policy.copy"
    assert (await objects.get("", key))["data"] == {"DB_HOST": "aA=="}
    # what an earlier revision brought is to go, and its name is free
    later = replace(runtime, revision="shop-v2")
    await run(engine, shared(namespace, "prod"), later)
    assert (await objects.get("", key))["data"] == {"DB_HOST": "Yg=="}


async def test_of_two_at_the_same_time_one_is_refused(
    engine: Engine, objects: Direct, namespace: str
) -> None:
    for env in ("test", "prod"):
        await objects.apply("", secret(namespace, env))
    runtime = of_shop(objects, namespace)
    refused: list[str] = []

    async def share(env: str) -> None:
        try:
            await run(engine, shared(namespace, env), runtime)
        except Problem as problem:
            refused.append(problem.code)

    async with anyio.create_task_group() as group:
        group.start_soon(share, "test")
        group.start_soon(share, "prod")
    assert refused == ["policy.copy"]
