"""What only the control plane can know to be wrong: found before anything is applied."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.planes import FILES, Plane

Write = Callable[..., Path]

APP = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: second}
spec:
  components:
    - name: free
      type: k8s-objects
      properties:
        objects:
          - {apiVersion: v1, kind: ConfigMap, metadata: {name: free}}
    - name: taken
      type: k8s-objects
      properties:
        objects:
          - {apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {by: second}}
"""


def config_map(namespace: str) -> dict[str, object]:
    meta = {"name": "settings", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"by": "hand"}}


def made_nothing(plane: Plane, namespace: str) -> bool:
    """Whether the second application left no trace."""
    apps = plane.names("Application", namespace, "core.oam.dev", "v1beta1")
    return "second" not in apps and "free" not in plane.names("ConfigMap", namespace)


def owner(plane: Plane, namespace: str) -> str:
    [found] = [
        m for m in plane.objects("ConfigMap", namespace) if m["metadata"]["name"] == "settings"
    ]
    return str(found["data"]["by"])


def test_an_object_of_another_application(plane: Plane, namespace: str, write: Write) -> None:
    first = APP.replace("second", "first").replace("free", "first")
    plane.run("up", "-f", write(first, "first.yaml"), "-n", namespace)
    file = write(APP)
    for command in ("up", "dry-run"):
        said = plane.run(command, "-f", file, "-n", namespace, expect=2)
        assert (
            f"existing object ConfigMap {namespace}/settings is managed by "
            f"other application {namespace}/first"
        ) in said.err
        assert f"{file}:11:7  spec.components[1]\n" in said.err
        assert "rename one of the components" in said.err
    assert owner(plane, namespace) == "first"
    assert made_nothing(plane, namespace)


def test_an_object_that_was_made_by_hand(plane: Plane, namespace: str, write: Write) -> None:
    plane.apply(config_map(namespace))
    file = write(APP)
    said = plane.run("up", "-f", file, "-n", namespace, expect=2)
    assert f"ConfigMap {namespace}/settings exists but not managed by any application" in said.err
    assert f"{file}:11:7  spec.components[1]\n" in said.err
    assert "rename the component, or delete the object" in said.err
    assert owner(plane, namespace) == "hand"
    assert made_nothing(plane, namespace)


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        pytest.param(
            "kind: ConfigMap, metadata: {name: settings}",
            "kind: ConfigMapp, metadata: {name: settings}",
            "the cluster has no kind ConfigMapp in v1",
            'did you mean "ConfigMap"?',
            id="a kind the cluster does not have",
        ),
        pytest.param(
            "data: {by: second}",
            "data: {by: 2}",
            "the cluster would not take ConfigMap settings",
            "lateen dry-run --offline",
            id="a value the cluster does not take",
        ),
        pytest.param(
            "name: settings}",
            "name: Settings}",
            'metadata.name: Invalid value: "Settings"',
            "",
            id="a name the cluster does not take",
        ),
        pytest.param(
            "name: settings}",
            "name: settings, namespace: nowhere}",
            "there is no namespace nowhere",
            "kubectl create namespace nowhere",
            id="an object in a namespace that is not there",
        ),
    ],
)
def test_an_object_the_cluster_refuses(
    plane: Plane, namespace: str, write: Write, old: str, new: str, message: str, hint: str
) -> None:
    file = write(APP.replace(old, new))
    said = plane.run("up", "-f", file, "-n", namespace, expect=2)
    assert message in said.err.splitlines()[0]
    assert f"{file}:11:7  spec.components[1]\n" in said.err
    assert hint in said.err
    assert made_nothing(plane, namespace)


def test_a_kind_that_may_yet_come_is_a_warning(plane: Plane, namespace: str, write: Write) -> None:
    boat = "apiVersion: example.com/v1, kind: Boat, metadata: {name: settings}"
    text = APP.replace("apiVersion: v1, kind: ConfigMap, metadata: {name: settings}", boat)
    file = write(text)
    said = plane.run("dry-run", "-f", file, "-n", namespace)
    assert said.err.startswith("warning: the cluster has no kind Boat in example.com/v1\n")
    assert f"{file}:11:7  spec.components[1]\n" in said.err
    assert "is its CustomResourceDefinition installed?" in said.err
    assert "kind: Boat" in said.out


def test_a_namespace_that_is_not_there(plane: Plane, write: Write) -> None:
    file = write(APP)
    said = plane.run("up", "-f", file, "-n", "nowhere", expect=2)
    assert "there is no namespace nowhere" in said.err.splitlines()[0]
    assert f"{file}:3:1  metadata.namespace\n" in said.err
    assert "kubectl create namespace nowhere" in said.err


def test_a_namespace_that_comes_with_the_application(
    plane: Plane, namespace: str, write: Write
) -> None:
    name = f"{namespace}-own"
    space = f"---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n"
    said = plane.run("up", "-f", write(APP.replace("second}", f"own, namespace: {name}}}") + space))
    assert said.out.startswith(f"Namespace {name} created\napplication own created\n")
    plane.run("delete", "own", "-n", name)
    plane.drop_namespace(name)


def test_the_namespace_of_the_file_is_not_that_of_the_command(
    plane: Plane, namespace: str, write: Write
) -> None:
    file = write(APP.replace("second}", "second, namespace: default}"))
    said = plane.run("up", "-f", file, "-n", namespace, expect=2)
    assert f"the file says namespace default, the command says {namespace}" in said.err
    assert f"{file}:3:26  metadata.namespace\n" in said.err


@pytest.mark.parametrize(
    ("name", "message", "at", "hint"),
    [
        pytest.param(
            "strict",
            "size must be even, not 3",
            "app.yaml:6:7  spec.components[0]",
            "",
            id="says so itself, in errs",
        ),
        pytest.param(
            "torn",
            'component "torn": output.data.letter: it cannot be both',
            "app.yaml:6:7  spec.components[0]",
            "torn.cue:10:17",
            id="contradicts itself",
        ),
        pytest.param(
            "rival",
            'trait "rival" cannot be applied: output.spec.template.spec.containers[0].command: ',
            "app.yaml:10:11  spec.components[0].traits[0]",
            "+patchStrategy=retainKeys",
            id="is a trait that contradicts its component",
        ),
    ],
)
def test_a_definition_that_fails(
    plane: Plane,
    namespace: str,
    tmp_path: Path,
    write: Write,
    name: str,
    message: str,
    at: str,
    hint: str,
) -> None:
    write((FILES / f"{name}.yaml").read_text())
    file = ("-f", "app.yaml", "-n", namespace)
    definition = FILES / f"{name}.cue"
    for more in (("-d", definition), ("--offline", "-d", definition)):
        said = plane.run("dry-run", *file, *more, expect=2, cwd=tmp_path)
        assert message in said.err
        assert f"--> {at}" in said.err
        assert hint in said.err
        assert said.out == ""


def test_a_definition_that_is_no_cue(plane: Plane, tmp_path: Path, write: Write) -> None:
    write(APP)
    write("torn: {\n  type: component\n", "torn.cue")
    said = plane.run(
        "dry-run", "--offline", "-f", "app.yaml", "-d", "torn.cue", expect=2, cwd=tmp_path
    )
    assert "torn.cue:" in said.err
