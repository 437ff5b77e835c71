"""Several control planes on one machine, and which of them a command talks to."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import planes
from tests.e2e.planes import EXAMPLES, Plane, Shell

HELLO = EXAMPLES / "hello.yaml"
APP = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: NAME, namespace: default}
spec:
  components:
    - name: NAME
      type: k8s-objects
      properties:
        objects: [{apiVersion: v1, kind: ConfigMap, metadata: {name: NAME}}]
"""


@pytest.fixture(scope="module")
def marked(plane: Plane, other: Plane) -> Iterator[None]:
    """An application on each plane that tells which one it is."""
    plane.run("up", "-f", "-", given=APP.replace("NAME", "first"))
    other.run("up", "-f", "-", given=APP.replace("NAME", "second"))
    yield
    plane.run("delete", "first")
    other.run("delete", "second")


def asked(shell: Shell, *more: str | Path, **environment: str) -> str:
    """Which plane answered."""
    found = shell.run("ls", "-A", "-o", "json", *more, environment=environment).data
    [name] = {app["metadata"]["name"] for app in found} & {"first", "second"}
    return str(name)


def test_two_planes_run_side_by_side(plane: Plane, other: Plane) -> None:
    one, two = (each.run("server", "status", "-o", "json").data for each in (plane, other))
    assert one["port"] != two["port"]
    assert one["dataDir"] != two["dataDir"]
    pids = [{process["pid"] for process in told["processes"]} for told in (one, two)]
    assert not pids[0] & pids[1]
    # each by its directory, whatever the environment says
    told = plane.run("server", "status", "--data-dir", other.directory.root, "-o", "json").data
    assert told["port"] == two["port"]
    printed = plane.run("kubeconfig", "--data-dir", other.directory.root).out
    assert printed == f"{other.directory.kubeconfig()}\n"


def test_the_same_application_on_both(plane: Plane, other: Plane, tmp_path: Path) -> None:
    file = tmp_path / "hello.yaml"
    file.write_text(HELLO.read_text().replace("value: Hello", "value: Servus"))
    spaces = [each.new_namespace() for each in (plane, other)]
    plane.run("up", "-f", HELLO, "-n", spaces[0])
    other.run("up", "-f", file, "-n", spaces[1])
    answers = [
        {planes.fetch(url) for url in each.urls("hello", space)}
        for each, space in zip((plane, other), spaces, strict=True)
    ]
    assert [len(each) for each in answers] == [2, 2]
    assert all(text.startswith("Hello from ") for text in answers[0])
    assert all(text.startswith("Servus from ") for text in answers[1])
    other.run("delete", "hello", "-n", spaces[1])
    assert {planes.fetch(url) for url in plane.urls("hello", spaces[0])} == answers[0]
    plane.drop_namespace(spaces[0])
    other.drop_namespace(spaces[1])


@pytest.mark.usefixtures("marked")
def test_what_is_nearer_comes_first(plane: Plane, other: Plane, stranger: Shell) -> None:
    """--kubeconfig, then $KUBECONFIG, then a running standalone, then ~/.kube/config."""
    mine, others = str(plane.directory.kubeconfig()), str(other.directory.kubeconfig())
    data = str(plane.directory.root)
    home = stranger.home / ".kube" / "config"
    home.parent.mkdir()
    shutil.copy(others, home)
    assert asked(stranger) == "second"
    assert asked(stranger, LATEEN_DATA_DIR=data) == "first"
    assert asked(stranger, LATEEN_DATA_DIR=data, KUBECONFIG=others) == "second"
    given = {"LATEEN_DATA_DIR": str(other.directory.root), "KUBECONFIG": others}
    assert asked(stranger, "--kubeconfig", mine, **given) == "first"
    home.unlink()
    stranger.run("ls", expect=3)


def test_a_port_that_is_taken(plane: Plane, tmp_path: Path) -> None:
    port = plane.run("server", "status", "-o", "json").data["port"]
    said = plane.run("start", "--data-dir", tmp_path / "new", "--port", port, expect=1)
    assert f"port {port}" in said.err.splitlines()[0]
    assert "choose another with --port" in said.err
    assert plane.run("server", "status", "--data-dir", tmp_path / "new", expect=3).out
