"""Where an application may come from."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.e2e.planes import Plane

Write = Callable[..., Path]

APP = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: NAME}
spec:
  components:
    - name: NAME
      type: k8s-objects
      properties:
        objects: [{apiVersion: v1, kind: ConfigMap, metadata: {name: NAME}}]
"""
BOX = """\
apiVersion: core.oam.dev/v1beta1
kind: ComponentDefinition
metadata: {name: box}
spec:
  workload: {type: autodetects.core.oam.dev}
  schematic:
    cue:
      template: |
        output: {apiVersion: "v1", kind: "ConfigMap", data: parameter}
        parameter: [string]: string
"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    handler = partial(Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_standard_input(plane: Plane, namespace: str) -> None:
    said = plane.run("up", "-f", "-", "-n", namespace, given=APP.replace("NAME", "one"))
    assert said.out.startswith("application one created\n")
    wrong = APP.replace("NAME", "two").replace("k8s-objects", "k8s-object")
    said = plane.run("up", "-f", "-", "-n", namespace, given=wrong, expect=2)
    assert "--> standard input:7:7  spec.components[0].type" in said.err


def test_an_address(plane: Plane, namespace: str, write: Write, site: str) -> None:
    write(APP.replace("NAME", "one"), "one.yaml")
    said = plane.run("up", "-f", f"{site}/one.yaml", "-n", namespace)
    assert "✓ one is healthy" in said.out
    write(APP.replace("NAME", "Two"), "two.yaml")
    said = plane.run("up", "-f", f"{site}/two.yaml", "-n", namespace, expect=2)
    assert f"--> {site}/two.yaml:3:12  metadata.name" in said.err


def test_several_files_and_what_they_need(plane: Plane, namespace: str, write: Write) -> None:
    """The definition stands last and is applied first; one wrong file keeps all of them away."""
    one = write(APP.replace("NAME", "one"), "one.yaml")
    boxed = "type: box\n      properties: {a: b}\n"
    two = APP.replace("NAME", "two").partition("type: k8s-objects")[0] + boxed
    files = ("-f", one, "-f", write(two, "two.yaml"), "-f", write(BOX, "box.yaml"))
    write(two.replace("{a: b}", "{a: 1}"), "two.yaml")
    said = plane.run("up", *files, "-n", namespace, expect=2)
    assert "two.yaml:8:20  spec.components[0].properties.a" in said.err
    assert plane.names("Application", namespace, "core.oam.dev", "v1beta1") == []
    write(two, "two.yaml")
    said = plane.run("up", *files, "-n", namespace)
    assert said.out.splitlines()[:3] == [
        "ComponentDefinition box created",
        "application one created",
        "application two created",
    ]
    assert "✓ two is healthy" in said.out


def test_a_directory(plane: Plane, namespace: str, tmp_path: Path, write: Write) -> None:
    write(APP.replace("NAME", "one") + "---\n" + APP.replace("NAME", "two"), "a.yaml")
    write(APP.replace("NAME", "three"), "b.yml")
    write("not read", "notes.txt")
    plane.run("up", "-f", tmp_path, "-n", namespace)
    rows = [app["metadata"]["name"] for app in plane.run("ls", "-n", namespace, "-o", "json").data]
    assert sorted(rows) == ["one", "three", "two"]


def test_a_dry_run_as_json_is_one_list(plane: Plane, namespace: str, write: Write) -> None:
    file = write(APP.replace("NAME", "one") + "---\n" + APP.replace("NAME", "two"))
    listed = plane.run("dry-run", "-f", file, "-n", namespace, "-o", "json").data
    assert [(each["kind"], each["metadata"]["name"]) for each in listed] == [
        ("ConfigMap", "one"),
        ("ConfigMap", "two"),
    ]
    assert {each["metadata"]["namespace"] for each in listed} == {namespace}
    offline = plane.run("dry-run", "--offline", "-f", file, "-n", namespace, "-o", "json").data
    assert offline == listed
    assert plane.names("Application", namespace, "core.oam.dev", "v1beta1") == []
