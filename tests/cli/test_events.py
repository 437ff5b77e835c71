"""What happened to an application: whose events, in which order, and how they are shown."""

from __future__ import annotations

import time
from typing import Any

import orjson
import pytest

from lateen import hub
from lateen.api.manifest import Key
from lateen.base import documents
from lateen.cli import recounting, trees
from tests.cli.conftest import APP
from tests.cli.test_trees import DEPLOYMENT, HERE, made


def event(version, **times):
    return {"metadata": {"resourceVersion": version}, "reason": version, **times}


def test_the_newest_is_last_whichever_form_its_time_has():
    events = [
        event("5", lastTimestamp="2026-11-27T08:00:02Z"),
        event("4", eventTime="2026-11-27T08:00:01.500000Z"),
        event("3", series={"lastObservedTime": "2026-11-27T08:00:09.000000Z"}),
        event("2", lastTimestamp="2026-11-27T08:00:01Z"),
        event("10", lastTimestamp="2026-11-27T08:00:02Z"),
        event("1"),
    ]
    found = [each["reason"] for each in recounting.ordered(events)]
    assert found == ["1", "2", "4", "5", "10", "3"]


def test_everything_made_belongs_to_it_also_what_is_of_the_past():
    live = made("Deployment", "web", api="apps/v1")
    others = [
        made("ReplicaSet", "old", "web", "apps/v1", spec={"replicas": 0}, status={}),
        made("ReplicaSet", "new", "web", "apps/v1", spec={"replicas": 1}, status={}),
        made("Pod", "web-1", "new", status={}),
        made("Pod", "stranger", "somebody", status={}),
    ]
    nodes = trees.build([DEPLOYMENT], {HERE: live}, others)
    assert trees.uids(nodes, others) == {"web", "old", "new", "web-1"}


IMPOSSIBLE: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "labels": {"app.oam.dev/component": "web"}},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "main", "image": "nosuch"}]},
        },
    },
}


@pytest.fixture
def delivered(plane, namespace):
    """An application with a Deployment whose pod finds no node, as the controllers leave it."""
    key = Key("core.oam.dev", "Application", namespace, "shop", "v1beta1")
    entry = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "namespace": namespace}
    status = {
        "observedGeneration": 1,
        "status": "unhealthy",
        "workflow": {"status": "succeeded"},
        "services": [{"name": "web", "healthy": False, "message": "Ready:0/1"}],
        "appliedResources": [entry],
    }

    async def deliver(client: hub.Client) -> None:
        for manifest in (IMPOSSIBLE, documents.load(APP, "app.yaml")[0].data):
            meta = {**manifest["metadata"], "namespace": namespace}
            await client.create({**manifest, "metadata": meta})
        await client.patch(key, {"status": status}, subresource="status")

    plane.call(deliver, plane.client)
    return namespace


def reasons(shell, namespace):
    said = shell.run("events", "shop", "-n", namespace, "-o", "json")
    assert said.exit_code == 0, said.output
    return [each["reason"] for each in orjson.loads(said.stdout)]


def until(condition, seconds=60.0):
    last = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < last
        time.sleep(0.2)
    return found


def test_events_come_from_the_pods_as_well(shell, delivered):
    until(lambda: "FailedScheduling" in reasons(shell, delivered))
    found = reasons(shell, delivered)
    assert found.index("ScalingReplicaSet") < found.index("FailedScheduling")
    table = shell.run("events", "shop", "-n", delivered).stdout.splitlines()
    assert table[0].split() == ["AGE", "TYPE", "REASON", "OBJECT", "TIMES", "MESSAGE"]
    assert any(
        "Warning   FailedScheduling" in line and "no nodes available" in line for line in table
    )


def test_why_ends_at_the_scheduler(shell, delivered):
    until(lambda: "FailedScheduling" in reasons(shell, delivered))
    said = shell.run("why", "shop", "-n", delivered).stdout.splitlines()
    assert [line.strip("│├└─ ").split()[0] for line in said[:5]] == [
        "Application",
        "component",
        "Deployment",
        "ReplicaSet",
        "Pod",
    ]
    assert "has no node: no nodes available to schedule pods" in said[4]


def test_a_tree_in_detail_shows_conditions_and_what_is_ready(shell, delivered):
    until(lambda: "FailedScheduling" in reasons(shell, delivered))
    said = shell.run("status", "shop", "-n", delivered, "--tree", "--detail").stdout
    assert "0/1 ready" in said
    assert "PodScheduled False  Unschedulable: no nodes available" in said
    plain = shell.run("status", "shop", "-n", delivered, "--tree", "--detail", "-o", "json").stdout
    [node] = orjson.loads(plain)
    assert node["ready"] == "0/1"
    assert {each["type"] for each in node["conditions"]} == {"Available", "Progressing"}
    lean = shell.run("status", "shop", "-n", delivered, "--tree", "-o", "json").stdout
    assert "conditions" not in orjson.loads(lean)[0]


def test_of_nobody_there_is_nothing_to_tell(shell, namespace):
    said = shell.run("events", "nosuch", "-n", namespace)
    assert said.exit_code == 4
    assert "there is no application nosuch" in said.stderr
