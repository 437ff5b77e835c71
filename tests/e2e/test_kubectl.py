"""The control plane is Kubernetes: its own tools work with it."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from lateen import hub
from lateen.base import documents
from tests.e2e import planes
from tests.e2e.planes import EXAMPLES, Plane

HELLO = EXAMPLES / "hello.yaml"

kubectl = pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")


def run(plane: Plane, namespace: str, *arguments: str) -> str:
    path = plane.run("kubeconfig").out.strip()
    done = subprocess.run(
        ["kubectl", "--kubeconfig", path, "-n", namespace, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**plane.environment, "KUBECONFIG": path},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@kubectl
def test_kubectl_delivers_and_shows_an_application(plane: Plane, namespace: str) -> None:
    said = run(plane, namespace, "apply", "-f", str(HELLO))
    assert said == "application.core.oam.dev/hello created\n"
    run(plane, namespace, "wait", "--for=jsonpath={.status.status}=running", "app/hello")
    [row] = planes.table(run(plane, namespace, "get", "applications"))
    assert (row["NAME"], row["COMPONENT"], row["TYPE"]) == ("hello", "web", "process")
    assert (row["PHASE"], row["HEALTHY"]) == ("running", "true")
    pods = planes.table(run(plane, namespace, "get", "pods"))
    assert [(row["READY"], row["STATUS"]) for row in pods] == [("1/1", "Running")] * 2
    assert "listening on" in run(plane, namespace, "logs", "deployment/web")
    assert "listening on" in run(plane, namespace, "logs", "deployment/web", "--tail=500", "-c=web")
    [listed] = plane.run("ls", "-n", namespace, "-o", "json").data
    assert listed["metadata"]["name"] == "hello"
    run(plane, namespace, "delete", "app", "hello")
    planes.until(lambda: not plane.objects("Pod", namespace))


@kubectl
def test_kubectl_explains_and_validates(plane: Plane, namespace: str) -> None:
    assert "components" in run(plane, namespace, "explain", "application.spec")
    nodes = json.loads(run(plane, namespace, "get", "nodes", "-o", "json"))["items"]
    assert [node["metadata"]["name"] for node in nodes] == ["lateen"]


def test_the_api_takes_and_shows_an_application(plane: Plane, namespace: str) -> None:
    """The same without kubectl: what it would send."""
    [document] = documents.load(HELLO.read_text(), "hello.yaml")
    meta = {**document.data["metadata"], "namespace": namespace}
    plane.apply({**document.data, "metadata": meta})

    def running() -> bool:
        [found] = plane.objects("Application", namespace, "core.oam.dev", "v1beta1")
        return bool(found.get("status", {}).get("status") == "running")

    planes.until(running)
    [pod, _] = plane.objects("Pod", namespace)

    async def read(client: hub.Client) -> str:
        path = f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}/log"
        return await client.read_text(path, container="web")

    assert "listening on" in plane.ask(read)
