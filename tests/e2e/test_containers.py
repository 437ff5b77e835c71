"""KubeVela's own component types in containers, on a control plane of one machine."""

from __future__ import annotations

import urllib.request
from typing import Any

import pytest

from tests.e2e import planes
from tests.e2e.planes import FILES, Plane
from tests.node.engine import Podman

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def boxed(equipped: Plane) -> Plane:
    """The application is delivered."""
    equipped.run("up", "-f", FILES / "containers.yaml", "--wait", "--timeout", "90s")
    return equipped


def test_all_types_run(boxed: Plane) -> None:
    tree = boxed.run("status", "boxes", "--tree").out
    for name in ("web", "asker", "member", "everywhere"):
        assert f"✓ Pod {name}-" in tree
    assert "✓ CronJob minutely" in tree
    assert "done" in boxed.run("logs", "boxes", "-c", "once").out
    node = boxed.objects("Node", "")[0]
    [ready] = [c for c in node["status"]["conditions"] if c["type"] == "Ready"]
    assert ready["message"].startswith("the node runs processes, and containers in podman")


def test_one_component_reaches_another_by_name(boxed: Plane) -> None:
    planes.until(lambda: "hello" in boxed.run("logs", "boxes", "-c", "asker").out)
    said = boxed.run("exec", "boxes", "-c", "asker", "--", "wget", "-qO-", "http://web:8080/")
    assert said.out == "hello\n"


def test_its_address_and_its_gateway_answer_on_the_machine(boxed: Plane) -> None:
    def addresses() -> list[str]:
        told = boxed.run("status", "boxes", "--endpoint").out
        return [word for word in told.split() if word.startswith("http://")]

    def gates() -> list[dict[str, Any]]:
        [ingress] = boxed.objects("Ingress", "default", "networking.k8s.io", "v1")
        told = (ingress["status"].get("loadBalancer") or {}).get("ingress") or []
        return [each for each in told if each.get("ports")]

    [told] = planes.until(gates)
    entrance, url, *_ = planes.until(lambda: found if len(found := addresses()) > 1 else None)
    assert urllib.request.urlopen(url, timeout=30).read() == b"hello\n"
    assert entrance.startswith("http://boxes.example")  # a name that this machine does not know
    gate = f"http://{told['ip']}:{told['ports'][0]['port']}/"
    asked = urllib.request.Request(gate, headers={"Host": "boxes.example"})
    assert urllib.request.urlopen(asked, timeout=30).read() == b"hello\n"


def test_deleting_it_leaves_no_container(boxed: Plane, podman: Podman) -> None:
    boxed.run("delete", "boxes", "--yes")
    # of this namespace: other tests have containers in the same engine; what ignores SIGTERM as
    # pid 1 gets its 30 s
    ours = "label=io.kubernetes.pod.namespace=default"
    planes.until(lambda: podman.containers(ours) == [], 90)
