"""Components and steps by Terraform, as somebody meets them who has no cloud."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.e2e import planes
from tests.e2e.planes import FILES, Plane
from tests.sources import servers

pytestmark = pytest.mark.timeout(400)  # the patience of the fixture is the first test's

NOTES = FILES / "notes.yaml"


@pytest.fixture(scope="module")
def notes(plane: Plane) -> Iterator[str]:
    """The namespace of the notes, which are delivered."""
    namespace = plane.new_namespace()
    plane.run("up", "-f", NOTES, "-n", namespace, "--no-wait")
    for name in ("remember", "java"):
        planes.settled(plane, name, namespace, 240)
    yield namespace
    for name in ("remember", "java"):
        plane.run("delete", name, "-n", namespace)
    plane.drop_namespace(namespace)


def settings(plane: Plane, namespace: str, name: str) -> dict[str, Any]:
    found = {each["metadata"]["name"]: each for each in plane.objects("ConfigMap", namespace)}
    return dict(found[name]["data"])


def test_the_variables_of_a_module_are_parameters(plane: Plane, notes: str) -> None:
    said = plane.run("show", "note", "-n", notes).out
    assert "What to remember" in said
    assert "writeConnectionSecretToRef.name" in said


def test_an_output_goes_to_another_component(plane: Plane, notes: str) -> None:
    assert settings(plane, notes, "copy") == {"text": "buy milk"}


def test_logs_show_what_terraform_wrote(plane: Plane, notes: str) -> None:
    said = plane.run("logs", "remember", "-n", notes).out
    assert "milk terraform | " in said
    assert "terraform_data.note: Creation complete" in said
    last = plane.run("logs", "remember", "-n", notes, "--tail", "1").out
    assert len(last.splitlines()) == 1


def test_steps_bring_a_database_and_tell_a_program_of_it(plane: Plane, notes: str) -> None:
    [deployment] = plane.objects("Deployment", notes, "apps")
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    assert {each["name"]: each["value"] for each in container["env"]} == {
        "url": "jdbc://db.local:3306/shop?characterEncoding=utf8&useSSL=false",
        "username": "ann",
        "password": "geheim",
    }


def test_a_wrong_parameter_is_told_before_anything_is_delivered(
    plane: Plane, notes: str, write: Callable[..., Path]
) -> None:
    text = NOTES.read_text().replace("text: buy milk", "txt: buy milk")
    said = plane.run("up", "-f", write(text), "-n", notes, "--no-wait", expect=None)
    assert said.code != 0
    assert 'required parameter "text" is not set' in said.err
    assert 'is it what was meant by "txt"?' in said.err


READER = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: reader}
spec:
  components:
    - name: reader
      type: process
      properties: {command: [sh, -c, "echo read $NOTE; sleep 6000"]}
      traits:
        - type: service-binding
          properties:
            envMappings:
              NOTE: {secret: milk-note}
              OTHER: {secret: milk-note, key: NOTE}
"""


def test_a_program_reads_what_terraform_tells(
    plane: Plane, notes: str, write: Callable[..., Path]
) -> None:
    wrong = write(READER.replace("key: NOTE", "key: NOPE"))
    plane.run("up", "-f", wrong, "-n", notes, "--no-wait")

    def told() -> bool:
        return "Secret milk-note has no key NOPE" in plane.run("why", "reader", "-n", notes).out

    planes.until(told, every=1)
    plane.run("up", "-f", write(READER), "-n", notes, "--no-wait")
    planes.settled(plane, "reader", notes, 120)
    planes.until(lambda: "read buy milk" in plane.run("logs", "reader", "-n", notes).out, every=1)
    plane.run("delete", "reader", "-n", notes)


BORROWED = """\
apiVersion: core.oam.dev/v1beta1
kind: ComponentDefinition
metadata:
  name: borrowed
  annotations:
    definition.oam.dev/description: A text that a module in git remembers
spec:
  workload: {type: autodetects.core.oam.dev}
  schematic:
    terraform:
      type: remote
      configuration: %s
      path: note
---
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata:
  name: borrower
spec:
  components:
    - name: lent
      type: borrowed
      properties:
        text: buy milk
"""
MODULE = """\
variable "text" {
  description = "What to remember"
  type        = string
}
resource "terraform_data" "note" {
  input = var.text
}
output "NOTE" {
  value = terraform_data.note.output
}
"""


def test_a_module_in_git_is_a_type_like_any_other(
    plane: Plane, tmp_path: Path, write: Callable[..., Path]
) -> None:
    namespace = plane.new_namespace()
    with servers.git(tmp_path / "repository") as repository:
        repository.commit({"note/main.tf": MODULE})
        text = BORROWED % repository.url
        plane.run("up", "-f", write(text), "-n", namespace, "--no-wait")
        said = plane.run("show", "borrowed", "-n", namespace).out
        assert "What to remember" in said
        assert "writeConnectionSecretToRef.name" in said

        def schema() -> bool:
            return "component-schema-borrowed" in plane.names("ConfigMap", namespace)

        planes.until(schema, 60, every=1)
        planes.settled(plane, "borrower", namespace, 120)
        wrong = write(text.replace("text: buy milk", "txt: buy milk"))
        refused = plane.run("up", "-f", wrong, "-n", namespace, "--no-wait", expect=None)
        assert refused.code != 0
        assert 'required parameter "text" is not set' in refused.err
        plane.run("delete", "borrower", "-n", namespace)
    plane.drop_namespace(namespace)


def test_a_plan_says_what_becomes_of_the_cloud(
    plane: Plane, notes: str, write: Callable[..., Path], tmp_path: Path
) -> None:
    text = NOTES.read_text().replace("text: buy milk", "text: buy bread")
    kept = tmp_path / "notes.plan"
    said = plane.run("plan", "-f", write(text), "-n", notes, "--out", kept).out
    assert f"by Terraform, for {notes}/milk" in said
    assert "~ terraform_data.note  update" in said
    found = orjson.loads(kept.read_bytes())
    assert found["clouds"] == [
        {
            "namespace": notes,
            "name": "milk",
            "changes": [{"address": "terraform_data.note", "action": "update"}],
        }
    ]
