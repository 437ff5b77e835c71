"""The control plane is Kubernetes: its own tools work with it, kubectl and Helm."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import clients
from tests.e2e import planes
from tests.e2e.planes import EXAMPLES, Plane

HELLO = EXAMPLES / "hello.yaml"
CHART = EXAMPLES / "charts" / "greeting"


def command(plane: Plane, namespace: str, *arguments: str, program: str = "kubectl") -> list[str]:
    kubeconfig = str(plane.directory.kubeconfig())
    return [clients.find(program), "--kubeconfig", kubeconfig, "-n", namespace, *arguments]


def run(plane: Plane, namespace: str, *arguments: str, program: str = "kubectl") -> str:
    done = subprocess.run(
        command(plane, namespace, *arguments, program=program),
        capture_output=True,
        text=True,
        timeout=90,
        env=plane.environment,
        cwd=plane.home,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def delivered(plane: Plane) -> Iterator[str]:
    """The namespace of the sample application, which kubectl delivers and deletes."""
    namespace = plane.new_namespace()
    said = run(plane, namespace, "apply", "-f", str(HELLO))
    assert said == "application.core.oam.dev/hello created\n"
    running = "--for=jsonpath={.status.status}=running"
    run(plane, namespace, "wait", running, "app/hello", "--timeout=80s")
    yield namespace
    run(plane, namespace, "delete", "app", "hello")
    planes.until(lambda: not plane.objects("Pod", namespace))
    plane.drop_namespace(namespace)


def test_kubectl_shows_an_application(plane: Plane, delivered: str) -> None:
    [row] = planes.table(run(plane, delivered, "get", "applications"))
    assert (row["NAME"], row["COMPONENT"], row["TYPE"]) == ("hello", "web", "process")
    assert (row["PHASE"], row["HEALTHY"]) == ("running", "true")
    pods = planes.table(run(plane, delivered, "get", "pods"))
    assert [(row["READY"], row["STATUS"]) for row in pods] == [("1/1", "Running")] * 2
    assert "listening on" in run(plane, delivered, "logs", "deployment/web")
    [listed] = plane.run("ls", "-n", delivered, "-o", "json").data
    assert listed["metadata"]["name"] == "hello"


def test_kubectl_explains_and_validates(plane: Plane, namespace: str) -> None:
    assert "components" in run(plane, namespace, "explain", "application.spec")
    nodes = json.loads(run(plane, namespace, "get", "nodes", "-o", "json"))["items"]
    assert [node["metadata"]["name"] for node in nodes] == ["lateen"]


def test_kubectl_runs_commands(plane: Plane, delivered: str) -> None:
    said = run(plane, delivered, "exec", "deployment/web", "--", "sh", "-c", "echo $GREETING")
    assert said == "Hello\n"
    ours, theirs = pty.openpty()
    script = "test -t 0 && echo terminal; read x; echo got $x"
    shell = command(plane, delivered, "exec", "-it", "deployment/web", "--", "sh", "-c", script)
    with clients.running(shell, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        clients.read_until(ours, b"terminal")
        os.write(ours, b"word\n")
        clients.read_until(ours, b"got word")
        assert process.wait(60) == 0
    os.close(ours)


def test_kubectl_copies_files(plane: Plane, delivered: str) -> None:
    [pod, _] = plane.names("Pod", delivered)
    there, back = "there", plane.home / "back"  # below the directory of the process
    (plane.home / "file").write_text("text\n" * 1000)
    run(plane, delivered, "cp", "file", f"{pod}:{there}")
    run(plane, delivered, "cp", f"{pod}:{there}", "back")
    assert back.read_text() == "text\n" * 1000


@pytest.mark.parametrize("follow", [("logs", "-f", "--tail=1"), ("attach",)], ids=" ".join)
def test_kubectl_follows_and_forwards(
    plane: Plane, delivered: str, follow: tuple[str, ...]
) -> None:
    [pod, _] = plane.names("Pod", delivered)
    forward = command(plane, delivered, "port-forward", pod, ":8080")
    with (
        clients.running(command(plane, delivered, *follow, pod), stdout=subprocess.PIPE) as log,
        clients.running(forward, stdout=subprocess.PIPE) as tunnel,
    ):
        written = log.stdout.fileno()
        line = clients.read_until(tunnel.stdout.fileno(), b" -> 8080").decode()
        port = line.partition("127.0.0.1:")[2].split()[0]

        def seen() -> bool:  # an attachment shows what is written from when it is there
            answer = urllib.request.urlopen(f"http://127.0.0.1:{port}/ask", timeout=30)
            assert answer.read().startswith(b"Hello from ")
            ready, _, _ = select.select([written], [], [], 0.5)
            return bool(ready) and b"GET /ask" in os.read(written, 4096)

        planes.until(seen)


def test_helm_installs_upgrades_goes_back_and_removes(plane: Plane, namespace: str) -> None:
    def helm(*arguments: str) -> str:
        return run(plane, namespace, *arguments, program="helm")

    def greeting() -> str:
        [deployment] = plane.objects("Deployment", namespace, "apps")
        [container] = deployment["spec"]["template"]["spec"]["containers"]
        return str(container["env"][0]["value"])

    helm("install", "hi", str(CHART), "--wait", "--set", "greeting=Ahoy")
    [check] = plane.objects("Job", namespace, "batch")
    assert check["status"]["succeeded"] == 1
    [pod] = run(plane, namespace, "get", "pods", "-l", "release=hi", "-o", "name").split()
    ip = run(plane, namespace, "get", pod, "-o", "jsonpath={.status.podIP}")
    assert planes.fetch(f"http://{ip}:8093/") == "Ahoy\n"
    helm("upgrade", "hi", str(CHART), "--wait", "--set", "greeting=Moin")
    assert greeting() == "Moin"
    helm("rollback", "hi", "1", "--wait")
    assert greeting() == "Ahoy"
    [release] = json.loads(helm("list", "-o", "json"))
    assert (release["revision"], release["status"]) == ("3", "deployed")
    helm("uninstall", "hi", "--wait")
    assert plane.names("Deployment", namespace, "apps") == []


BUSY = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata:
  name: busy
spec:
  components:
    - name: busy
      type: process
      properties:
        command: [python3, -c, "while True: sum(range(10000))"]
        cpu: 10m
      traits:
        - type: cpuscaler
          properties: {min: 1, max: 2, cpuUtil: 50}
"""


@pytest.mark.slow
def test_kubectl_tells_what_is_used_and_autoscalers_act_on_it(
    plane: Plane, namespace: str, write: Callable[..., Path]
) -> None:
    plane.run("up", "-f", write(BUSY), "-n", namespace)

    def used() -> dict[str, str] | None:
        """As its limit lets it, once that was measured."""
        [row] = planes.table(run(plane, namespace, "top", "pods"))
        return row if int(row["CPU(cores)"].removesuffix("m")) > 5 else None

    row = planes.until(used)
    assert row["NAME"].startswith("busy-")
    assert int(row["MEMORY(bytes)"].removesuffix("Mi")) > 1
    labels = ("-l", "app.oam.dev/component=busy", "--containers")
    assert planes.table(run(plane, namespace, "top", "pods", *labels))[0]["NAME"] == "busy"
    assert planes.table(run(plane, namespace, "top", "nodes"))[0]["NAME"] == "lateen"
    # it looks every 15 s, and the pods of an autoscaler are its own to count
    planes.until(lambda: len(plane.objects("Pod", namespace)) == 2, seconds=150)


def test_the_plane_says_how_processes_are_run(plane: Plane, namespace: str) -> None:
    """Either isolated, or why not: in the same words everywhere."""
    plane.run("up", "-f", HELLO, "-n", namespace)
    [node] = plane.objects("Node", "")
    [found] = [c for c in node["status"]["conditions"] if c["type"] == "ProcessIsolation"]
    isolated = found["status"] == "True"
    notes = plane.run("server", "status").out
    assert ("processes are not isolated" in notes) is not isolated
    [limits] = [c for c in node["status"]["conditions"] if c["type"] == "ProcessLimits"]
    assert (limits["message"] in notes) is (limits["status"] == "False")
    for pod in plane.objects("Pod", namespace):
        conditions = {c["type"]: c for c in pod["status"]["conditions"]}
        told = conditions["lateen.dev/Isolated"]
        assert told["status"] == found["status"]
        assert told.get("message", "") == ("" if isolated else found["message"])
        assert isolated or found["message"] in notes
