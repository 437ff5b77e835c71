"""`apply-component` and `deploy`: components to placements (semantics E7, F8)."""

from dataclasses import replace

import anyio
import pytest

from lateen.base.problem import Problem
from lateen.cue.engine import Engine
from tests.fakes.workflow import Rig, application

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def cue(anyio_backend):
    async with Engine() as engine:
        yield engine


def topology(*clusters, name="tp", **fields):
    chosen = {"clusters": list(clusters)} if clusters else {}
    return {"name": name, "type": "topology", "properties": {**chosen, **fields}}


CLUSTERS: dict[str, dict[str, str]] = {"local": {}, "c1": {}, "c2": {}}


def deployed(components, *policies, **options):
    return Rig(application(components, list(policies)), clusters=CLUSTERS, **options)


async def test_a_component_is_applied_where_its_step_says():
    properties = {"component": "web", "cluster": "c1", "namespace": "prod"}
    workflow = {"steps": [{"name": "s", "type": "apply-component", "properties": properties}]}
    flow = Rig(application([{"name": "web", "properties": {"image": "a"}}], workflow=workflow))
    assert (await flow.advance()).state == "succeeded"
    [(slot, component)] = flow.delivery.live.items()
    assert slot == ("c1", "prod", "web")
    assert component.properties == {"image": "a"}
    assert component.path == "spec.components[0]"


async def test_a_component_is_waited_for():
    flow = Rig(application([{"name": "web"}, {"name": "api", "dependsOn": ["web"]}]))
    flow.delivery.sick = {"web"}
    assert (await flow.advance()).state == "executing"
    assert flow.step("web")["message"] == "wait healthy"
    assert flow.step("web")["reason"] == "Wait"
    assert flow.phases == {"web": "running", "api": "pending"}
    flow.delivery.sick.clear()
    assert (await flow.finish()).state == "succeeded"
    assert flow.delivery.order == ["web", "api"]


async def test_values_pass_from_one_component_to_another():
    components = [
        {
            "name": "web",
            "inputs": [
                {"from": "address", "parameterKey": "env[0].value"},
                {"from": "address", "parameterKey": "traits[0].properties.host"},
            ],
            "properties": {"env": [{"name": "DB"}]},
            "traits": [{"type": "gateway"}],
        },
        {
            "name": "db",
            "properties": {"host": "10.0.0.1"},
            "outputs": [{"name": "address", "valueFrom": "output.data.host"}],
        },
    ]
    flow = Rig(application(components))
    assert (await flow.finish()).state == "succeeded"
    web = flow.delivery.live["", "", "web"]
    assert web.properties == {"env": [{"name": "DB", "value": "10.0.0.1"}]}
    assert web.traits[0].properties == {"host": "10.0.0.1"}


async def test_every_component_goes_to_every_placement():
    flow = deployed([{"name": "a"}, {"name": "b"}], topology("c1", "c2", namespace="prod"))
    assert (await flow.advance()).state == "succeeded"
    assert sorted(flow.delivery.live) == [
        (cluster, "prod", name) for cluster in ("c1", "c2") for name in ("a", "b")
    ]


async def test_one_deployment_after_the_other():
    policies = [topology("c1", name="one"), topology("c2", name="two")]
    steps = [
        {"name": name, "type": "deploy", "properties": {"policies": [name]}}
        for name in ("one", "two")
    ]
    app = application([{"name": "web"}], policies, {"steps": steps})
    flow = Rig(app, clusters=CLUSTERS)
    flow.delivery.sick = {"web"}
    await flow.advance()
    assert list(flow.delivery.live) == [("c1", "", "web")]
    flow.delivery.sick.clear()
    await flow.finish()
    assert list(flow.delivery.live) == [("c1", "", "web"), ("c2", "", "web")]


async def test_overrides_change_what_is_deployed():
    override = {
        "name": "big",
        "type": "override",
        "properties": {"components": [{"name": "web", "properties": {"cpu": "4"}}]},
    }
    flow = deployed([{"name": "web", "properties": {"image": "a"}}], override)
    await flow.advance()
    assert flow.delivery.live["local", "", "web"].properties == {"image": "a", "cpu": "4"}


async def test_what_is_not_healthy_is_said():
    flow = deployed([{"name": "web"}, {"name": "api", "dependsOn": ["web"]}], topology())
    flow.delivery.sick = {"web"}
    await flow.advance()
    assert flow.step("deploy-tp")["message"] == (
        "local///web is not healthy,local///api is waiting dependents"
    )


async def test_the_namespace_is_part_of_what_is_said():
    flow = deployed([{"name": "web"}], topology("c1", namespace="ns"))
    flow.delivery.sick = {"web"}
    await flow.advance()
    assert flow.step("deploy-tp")["message"] == "c1/ns//web is not healthy"


async def test_dependencies_are_followed_within_a_placement():
    components = [
        {"name": "c", "dependsOn": ["b"]},
        {"name": "b", "dependsOn": ["a"]},
        {"name": "a"},
    ]
    flow = deployed(components, topology("c1", "c2"))
    assert (await flow.advance()).state == "succeeded"
    for cluster in ("c1", "c2"):
        order = [name for place, _, name in flow.delivery.log if place == cluster]
        assert order == ["a", "b", "c"]


async def test_a_dependency_that_is_not_part_of_the_step_does_not_hold_it():
    override = {"name": "only", "type": "override", "properties": {"selector": ["web"]}}
    flow = deployed([{"name": "web", "dependsOn": ["db"]}, {"name": "db"}], override)
    assert (await flow.advance()).state == "succeeded"
    assert flow.delivery.order == ["web"]


async def test_values_pass_within_a_placement(cue):
    components = [
        {"name": "web", "inputs": [{"from": "url", "parameterKey": "db"}]},
        {
            "name": "db",
            "properties": {"host": "h"},
            "outputs": [{"name": "url", "valueFrom": '"tcp://\\(output.data.host)"'}],
        },
    ]
    flow = deployed(components, topology("c1", "c2"), cue=cue)
    assert (await flow.advance()).state == "succeeded"
    assert flow.delivery.live["c2", "", "web"].properties == {"db": "tcp://h"}
    assert flow.memory.variables == {}  # between components only


async def test_a_value_that_is_not_there_yet_is_waited_for():
    outputs = [{"name": "ip", "valueFrom": "output.status.podIP"}]
    components = [
        {"name": "web", "inputs": [{"from": "ip", "parameterKey": "up"}]},
        {"name": "db", "outputs": outputs},
    ]
    flow = deployed(components, topology())
    await flow.advance()
    assert flow.phases == {"deploy-tp": "running"}
    assert flow.step("deploy-tp")["message"].startswith(
        "local///web is waiting dependents,local///db has no output yet: "
    )


async def test_a_refusal_fails_the_step_but_not_the_others():
    flow = deployed([{"name": "bad"}, {"name": "worse"}, {"name": "good"}], topology())
    flow.delivery.broken = {"bad": "refused", "worse": "denied"}
    await flow.advance()
    failed = flow.step("deploy-tp")
    assert (failed["phase"], failed["reason"]) == ("failed", "Execute")
    assert "refused" in failed["message"]
    assert "denied" in failed["message"]
    assert ("local", "", "good") in flow.delivery.live


async def test_an_unknown_cluster_fails_the_step_until_it_joins():
    flow = deployed([{"name": "web"}], topology("c3"))
    await flow.advance()
    assert flow.step("deploy-tp")["reason"] == "Execute"
    assert 'there is no cluster "c3"' in flow.step("deploy-tp")["message"]


async def test_nowhere_to_deploy_to_is_a_success():
    nowhere = {
        "name": "tp",
        "type": "topology",
        "properties": {"clusterLabelSelector": {"a": "b"}, "allowEmpty": True},
    }
    flow = deployed([{"name": "web"}], nowhere)
    assert (await flow.advance()).state == "succeeded"
    assert flow.delivery.log == []


@pytest.mark.parametrize("parallelism", [1, 3])
async def test_parallelism_is_a_limit(parallelism):
    names = [f"c{i}" for i in range(9)]
    properties = {"parallelism": parallelism}
    workflow = {"steps": [{"name": "d", "type": "deploy", "properties": properties}]}
    flow = Rig(application([{"name": name} for name in names], workflow=workflow))
    busy, most = 0, 0

    async def count(_):
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await anyio.lowlevel.checkpoint()
        busy -= 1

    flow.delivery.during = count
    assert (await flow.advance()).state == "succeeded"
    assert most == parallelism


async def test_policies_written_into_a_step():
    inline = [
        {"type": "topology", "properties": {"clusters": ["c2"]}},
        {
            "type": "override",
            "properties": {"components": [{"name": "web", "properties": {"n": 2}}]},
        },
    ]
    properties = {"policies": ["tp"], "inlinePolicies": inline}
    steps = [{"name": "all", "type": "deploy", "properties": properties}]
    app = application([{"name": "web"}], [topology("c1")], {"steps": steps})
    flow = Rig(app, clusters=CLUSTERS)
    assert (await flow.advance()).state == "succeeded"
    assert {slot: c.properties for slot, c in flow.delivery.live.items()} == {
        ("c1", "", "web"): {"n": 2},
        ("c2", "", "web"): {"n": 2},
    }


@pytest.mark.parametrize(
    "inline",
    [
        pytest.param("here", id="no list"),
        pytest.param([{"properties": {}}], id="a policy without a type"),
    ],
)
def test_policies_written_wrongly_into_a_step(inline):
    steps = [{"name": "all", "type": "deploy", "properties": {"inlinePolicies": inline}}]
    with pytest.raises(Problem) as raised:
        Rig(application([{"name": "web"}], workflow={"steps": steps}))
    assert raised.value.path == "spec.workflow.steps[0].properties.inlinePolicies"


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        pytest.param({}, ["web"], id="left out"),
        pytest.param({"ignoreTerraformComponent": False}, ["bucket", "web"], id="asked for"),
    ],
)
async def test_what_terraform_makes_is_left_to_other_steps(properties, expected):
    steps = [{"name": "all", "type": "deploy", "properties": properties}]
    components = [{"name": "web"}, {"name": "bucket", "type": "s3"}]
    flow = Rig(application(components, workflow={"steps": steps}))
    flow.plan = replace(flow.plan, clouds=frozenset({"s3"}))
    assert (await flow.advance()).state == "succeeded"
    assert sorted(name for _, _, name in flow.delivery.live) == expected
