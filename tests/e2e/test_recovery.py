"""kill -9 of anything: it recovers by itself, and nothing is lost, orphaned or doubled."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lateen import hub
from lateen.api.manifest import Key
from lateen.base.problem import Problem
from tests.e2e import planes
from tests.e2e.planes import EXAMPLES, FILES, Plane

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")

HELLO = EXAMPLES / "hello.yaml"
FLEET = FILES / "fleet.yaml"


@pytest.fixture(scope="module")
def crew(other: Plane) -> Iterator[str]:
    """The namespace of an application that runs all the time."""
    name = other.new_namespace()
    other.run("up", "-f", HELLO, "-n", name)
    yield name
    other.run("delete", "hello", "-n", name)
    other.drop_namespace(name)


def healthy(plane: Plane, namespace: str) -> bool:
    if plane.status("hello", namespace).get("status") != "running":
        return False  # no command is started only to hear that
    reached = plane.urls("hello", namespace)  # its Service, which the node serves, and two pods
    return len(reached) == 3


def answers(plane: Plane, namespace: str) -> set[str]:
    """What its pods say, once all it can be reached at answers."""

    def asked() -> set[str] | None:
        try:
            return {planes.fetch(url) for url in plane.urls("hello", namespace)}
        except OSError:
            return None

    return planes.until(asked)


def programs(plane: Plane) -> list[str]:
    """The control plane's own programs that run, each as often as it does."""
    found = []
    for command in plane.processes().values():
        for mark in ("lateen.standalone", "/kube ", "lateen.app node", "lateen.app controllers"):
            if mark in f"{command} ":
                found.append(mark)
        if "/engine " in command:
            found.append("engine")
    return sorted(found)


ALL = sorted(["lateen.standalone", "/kube ", "lateen.app node", "lateen.app controllers", "engine"])

# what holds the delivery up until it was interrupted
GATE = """\
        env: [{name: GATE, valueFrom: {secretKeyRef: {name: gate, key: open}}}]
"""


@pytest.mark.slow
def test_the_controllers_are_killed_in_the_middle_of_a_delivery(
    other: Plane, tmp_path: Path
) -> None:
    namespace = other.new_namespace()
    late = "    - name: ship-3\n      type: process\n      dependsOn: [ship-2]\n      properties:\n"
    text = FLEET.read_text()
    assert late in text
    fleet = tmp_path / "fleet.yaml"
    fleet.write_text(text.replace(late, late + GATE))
    file = ("-f", fleet, "-n", namespace)
    other.run("up", *file, "--no-wait")

    def maps() -> dict[str, str]:
        return {
            each["metadata"]["name"]: each["metadata"]["uid"]
            for each in other.objects("ConfigMap", namespace)
            if each["metadata"]["name"].startswith("map-")
        }

    before = planes.until(lambda: found if len(found := maps()) >= 6 else None)
    pid = other.strike("controllers")
    assert len(before) < 15
    assert other.replaced("controllers", pid)["restarts"] == 1
    meta = {"name": "gate", "namespace": namespace}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": meta}
    other.apply({**secret, "stringData": {"open": "yes"}})

    said = other.run("up", *file)
    assert said.out.startswith("application fleet unchanged\n")
    assert "✓ fleet is healthy (20 components)" in said.out
    after = maps()
    assert len(after) == 15
    assert before.items() <= after.items()  # not made anew
    ships = [f"ship-{wave}" for wave in range(5)]
    assert other.names("Deployment", namespace, "apps") == ships
    assert len(other.workloads(namespace)) == 5
    revisions = other.names("ApplicationRevision", namespace, "core.oam.dev", "v1beta1")
    assert revisions == ["fleet-v1"]
    [tracked] = [
        each
        for each in other.objects("ResourceTracker", "", "core.oam.dev", "v1beta1")
        if each["metadata"]["labels"]["app.oam.dev/namespace"] == namespace
    ]
    assert len(tracked["spec"]["managedResources"]) == 20
    assert not [
        pod["metadata"]["name"]
        for pod in other.objects("Pod", namespace)
        if pod["status"]["containerStatuses"][0]["restartCount"]
    ]
    other.run("delete", "fleet", "-n", namespace)
    assert maps() == {}
    other.drop_namespace(namespace)


@pytest.mark.slow
def test_kubernetes_is_killed_while_idle(other: Plane, crew: str) -> None:
    before, port = other.workloads(crew), other.run("server", "status", "-o", "json").data["port"]
    pid = other.strike("kube")
    planes.until(lambda: other.run("ls", "-n", crew, expect=None).code == 0)
    assert other.replaced("kube", pid)
    told = other.run("server", "status", "-o", "json").data
    assert (told["state"], told["port"]) == ("ready", port)
    planes.until(lambda: healthy(other, crew))
    assert other.workloads(crew) == before
    # and it works on: what comes now is delivered
    text = HELLO.read_text().replace("name: hello", "name: late").replace("name: web", "name: wet")
    other.run("up", "-f", "-", "-n", crew, given=text)
    other.run("delete", "late", "-n", crew)
    planes.until(lambda: other.workloads(crew) == before)


@pytest.mark.slow
def test_the_node_is_killed(other: Plane, crew: str) -> None:
    before, said = other.workloads(crew), answers(other, crew)
    assert [len(pids) for pids in before.values()] == [1, 1]
    other.replaced("node", other.strike("node"))
    assert other.workloads(crew) == before
    assert answers(other, crew) == said
    planes.until(lambda: healthy(other, crew))
    # what was adopted can also be ended: the next one takes its place
    [(name, [pid]), _] = before.items()
    os.kill(pid, signal.SIGTERM)

    def again() -> bool:
        now = other.workloads(crew)
        return now.keys() == before.keys() and len(now[name]) == 1 and now[name] != {pid}

    planes.until(again)
    planes.until(lambda: answers(other, crew) == said)


@pytest.mark.slow
def test_the_supervisor_is_killed(other: Plane, crew: str) -> None:
    before = other.workloads(crew)
    other.strike("supervisor")
    planes.until(lambda: not programs(other))  # those it had started end with it
    assert other.run("server", "status", expect=3).out.startswith("Lateen is not running")
    alive = planes.processes_of_pods().values()
    assert all(pids in alive for pids in before.values())  # but not what runs for users
    other.run("start")
    planes.until(lambda: programs(other) == ALL)
    assert other.workloads(crew) == before
    planes.until(lambda: healthy(other, crew))


@pytest.mark.slow
def test_what_was_stopped_comes_back_with_the_next_start(other: Plane, crew: str) -> None:
    before = other.workloads(crew)
    port = other.run("server", "status", "-o", "json").data["port"]
    assert other.run("stop").out == "Lateen is stopped.\n"
    planes.until(lambda: not other.leftovers())  # the last of it may still be ending
    other.run("ls", expect=3)
    assert other.run("start").out.startswith("Lateen is running, started in ")
    assert other.run("server", "status", "-o", "json").data["port"] == port
    planes.until(lambda: healthy(other, crew))
    after = other.workloads(crew)
    assert after.keys() == before.keys()
    assert [len(pids) for pids in after.values()] == [1, 1]
    assert len(answers(other, crew)) == 2
    planes.until(lambda: programs(other) == ALL)


def test_what_every_control_plane_has_comes_back(other: Plane, crew: str) -> None:
    """Somebody deletes a kind of Lateen's, and all objects of it with that."""
    crd = Key(
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        "",
        "workflowstepdefinitions.core.oam.dev",
        "v1",
    )

    async def delete(client: hub.Client) -> str:
        found = await client.get(crd)
        await client.delete(crd)
        return str(found["metadata"]["uid"])

    def steps() -> list[str]:
        return other.names("WorkflowStepDefinition", "vela-system", "core.oam.dev", "v1beta1")

    before, known = other.workloads(crew), steps()
    uid = other.ask(delete)

    def back() -> bool:
        try:
            made = other.ask(lambda client: client.get(crd))["metadata"]["uid"]
            return made != uid and steps() == known
        except (hub.ApiError, Problem):
            return False

    planes.until(back)
    planes.until(lambda: healthy(other, crew))
    assert other.workloads(crew) == before
