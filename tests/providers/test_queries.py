"""Questions about applications, on a real API server with its workload controllers."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest

from lateen.api.application import Application
from lateen.api.tracker import Resource, Tracker
from lateen.base.problem import Problem
from lateen.cue.engine import Engine
from lateen.providers import queries
from lateen.providers.objects import Direct
from lateen.providers.packages import Flavour
from lateen.providers.ports import Entry, Runtime
from tests.providers.worlds import run

pytestmark = pytest.mark.anyio


@dataclass
class Inventory:
    listed: list[Entry] = field(default_factory=list)

    async def entries(self, app: str, namespace: str) -> Sequence[Entry]:
        if app != "shop":
            raise Problem("query.application", f"there is no application {app}")
        return self.listed


def deployment(namespace: str) -> dict[str, Any]:
    labels = {"app": "web"}
    container = {"name": "web", "image": "example.org/web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


def service(namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "name": "http"}]},
    }


def entry(manifest: dict[str, Any], component: str = "web", **more: Any) -> Entry:
    meta = manifest["metadata"]
    resource = Resource(
        manifest["apiVersion"], manifest["kind"], meta["namespace"], meta["name"], "", component
    )
    return Entry(resource, "shop-v1", **more)


@pytest.fixture
async def world(objects: Direct, namespace: str) -> Runtime:
    """A Deployment with its pod, its Service, and an object that is gone."""
    wanted = [deployment(namespace), service(namespace)]
    for manifest in wanted:
        await objects.apply("", manifest)
    with anyio.fail_after(60):
        while not await objects.list("", "v1", "Pod", namespace=namespace):
            await anyio.sleep(0.1)
    gone = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "x", "namespace": namespace},
    }
    listed = [entry(each) for each in wanted] + [entry(gone, "other")]
    listed.append(entry(wanted[0], latest=False))  # an older revision had it too
    return Runtime(
        Flavour.STEP,
        objects=objects,
        logs=objects,
        inventories=Inventory(listed),
        assess=lambda manifest: (manifest["kind"] != "Pod", "pending"),
    )


def asks(name: str, more: str = "", app: str = "shop") -> str:
    """The same question in both forms, at `new` and `old`."""
    inputs = f'app: {{name: "{app}", namespace: "n"{more}}}'
    return f"""
import "vela/query"
import "vela/ql"
new: query.#{name} & {{$params: {{{inputs}}}}}
old: ql.#{name} & {{{inputs}}}
"""


async def answers(engine: Engine, text: str, world: Runtime) -> list[Mapping[str, Any]]:
    outcomes = (await run(engine, text, world)).outcomes
    # not the objects themselves: their controllers are at work
    assert list(outcomes["new"].fill) == ["$returns"]
    assert _names(outcomes["new"].fill["$returns"]) == _names(outcomes["old"].fill)
    assert "err" not in outcomes["old"].fill
    found: list[Mapping[str, Any]] = outcomes["old"].fill["list"]
    return found


def _names(results: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = [each.get("object") or each.get("ref") or each for each in results["list"]]
    return [(each["kind"], each.get("metadata", each)["name"]) for each in found]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param("", ["Deployment", "Service"], id="all that is there, once"),
        pytest.param(', filter: kind: "Service"', ["Service"], id="of a kind"),
        pytest.param(', filter: components: ["other"]', [], id="of a component"),
        pytest.param(', filter: cluster: "local"', ["Deployment", "Service"], id="of a cluster"),
        pytest.param(', filter: cluster: "east"', [], id="of another cluster"),
        pytest.param(', filter: clusterNamespace: "x"', [], id="of another namespace"),
    ],
)
async def test_objects_of_an_application(
    engine: Engine, world: Runtime, more: str, expected: list[str]
) -> None:
    found = await answers(engine, asks("ListResourcesInApp", more), world)
    assert [each["object"]["kind"] for each in found] == expected
    assert {(each["cluster"], each["component"]) for each in found} <= {("local", "web")}


async def test_what_was_applied_without_asking_for_it(engine: Engine, world: Runtime) -> None:
    found = await answers(engine, asks("ListAppliedResources"), world)
    assert [(each["kind"], each["latest"]) for each in found] == [
        ("Deployment", True),
        ("Service", True),
        ("ConfigMap", True),
    ]
    assert found[0]["revision"] == "shop-v1"


async def test_the_tree_goes_down_to_the_pods(engine: Engine, world: Runtime) -> None:
    found = await answers(engine, asks("GetApplicationTree"), world)
    assert [each["kind"] for each in found] == ["Deployment", "Service"]
    tree = found[0]["resourceTree"]
    [replica_set] = tree["leafNodes"]
    [pod] = replica_set["leafNodes"]
    assert [node["kind"] for node in (tree, replica_set, pod)] == [
        "Deployment",
        "ReplicaSet",
        "Pod",
    ]
    assert tree["healthStatus"]["statusCode"] == "Healthy"
    assert pod["healthStatus"] == {"statusCode": "UnHealthy", "message": "pending"}


async def test_pods_with_what_they_belong_to(engine: Engine, world: Runtime) -> None:
    [found] = await answers(engine, asks("CollectPods"), world)
    assert found["object"]["kind"] == "Pod"
    assert (found["workload"]["kind"], found["component"]) == ("ReplicaSet", "web")


async def test_services(engine: Engine, world: Runtime, namespace: str) -> None:
    [found] = await answers(engine, asks("CollectServices"), world)
    assert found["object"]["metadata"]["name"] == "web"
    [served] = await answers(engine, asks("CollectServiceEndpoints"), world)
    assert served["endpoint"] == {
        "protocol": "TCP",
        "appProtocol": "http",
        "host": f"web.{namespace}",
        "port": 80,
        "portName": "http",
        "inner": True,
    }
    assert (served["ref"]["kind"], served["ref"]["name"]) == ("Service", "web")


async def test_an_application_that_is_not_there_is_an_err(engine: Engine, world: Runtime) -> None:
    found = await run(engine, asks("CollectPods", app="other"), world)
    assert found.outcomes["old"].fill == {"err": "there is no application other"}


async def test_events_of_an_object(engine: Engine, world: Runtime, namespace: str) -> None:
    text = f"""
import "vela/ql"
a: ql.#SearchEvents & {{cluster: "", value: {{
	apiVersion: "apps/v1", kind: "Deployment", metadata: {{name: "web", namespace: "{namespace}"}}
}}}}
out: [for each in a.list {{each.reason}}]
"""
    with anyio.fail_after(60):
        while True:
            found = await run(engine, text, world, "out")
            if found.values.get("out"):
                break
            await anyio.sleep(0.1)
    assert found.values["out"][0] == "ScalingReplicaSet"


async def test_logs_of_a_pod_nobody_runs(engine: Engine, world: Runtime, namespace: str) -> None:
    """No node runs it, and the API server says so."""
    assert world.objects is not None
    [pod] = await world.objects.list("", "v1", "Pod", namespace=namespace)
    text = f"""
import "vela/ql"
a: ql.#CollectLogsInPod & {{
	cluster: "", namespace: "{namespace}", pod: "{pod["metadata"]["name"]}"
	options: {{container: "web", tailLines: 5}}
}}
out: a.outputs
"""
    found = await run(engine, text, world, "out")
    outputs = found.values["out"]
    assert outputs.get("err") or base64.b64decode(outputs["logs"]) == b""


def tracker(generation: int, *names: str, deleting: bool = False) -> Tracker:
    entries = [
        {"apiVersion": "v1", "kind": "ConfigMap", "namespace": "n", "name": x} for x in names
    ]
    labels = {"app.oam.dev/appRevision": f"shop-v{generation}"}
    metadata: dict[str, Any] = {"name": f"shop-v{generation}-n", "labels": labels}
    if deleting:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    spec = {"applicationGeneration": generation, "managedResources": entries}
    return Tracker({"metadata": metadata, "spec": spec})


def test_the_inventory_of_trackers() -> None:
    raw = {"metadata": {"name": "shop", "namespace": "n", "generation": 2}, "spec": {}}
    app = Application(raw)
    trackers = [tracker(1, "a"), tracker(2, "b", "c"), tracker(3, "d", deleting=True)]
    found = queries.entries(trackers, app)
    assert [(e.resource.name, e.revision, e.latest) for e in found] == [
        ("b", "shop-v2", True),
        ("c", "shop-v2", True),
        ("a", "shop-v1", False),
    ]
