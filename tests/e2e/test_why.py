"""`lateen why`, from the application to the end of the chain."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lateen import hub
from lateen.api.manifest import Key
from tests.e2e import planes
from tests.e2e.planes import Plane

CRASHING = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
  components:
    - name: web
      type: process
      properties: {command: [/nosuch/program]}
"""
GUARDED = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
  components:
    - name: settings
      type: k8s-objects
      properties:
        objects:
          - {apiVersion: v1, kind: ConfigMap, metadata: {name: kept, finalizers: [example.com/g]}}
"""


def chain(found: dict[str, Any]) -> list[str]:
    """The first words of each link, along the first cause of each."""
    words = [found["what"].split(" ")[0]]
    while found.get("causes"):
        found = found["causes"][0]
        words.append(found["what"].split(" ")[0])
    return words


def test_a_program_that_cannot_be_run(
    plane: Plane, namespace: str, write: Callable[..., Path]
) -> None:
    plane.run("up", "-f", write(CRASHING), "-n", namespace, "--no-wait")

    def reached() -> dict[str, Any] | None:
        found = plane.run("why", "shop", "-n", namespace, "-o", "json").data
        return found if "container" in chain(found) else None

    found = planes.until(reached, 30)
    assert found["waits"]
    whole = ["Application", "step", "component", "Deployment", "ReplicaSet", "Pod", "container"]
    assert chain(found)[:7] == whole
    said = plane.run("why", "shop", "-n", namespace).out
    assert "cannot run /nosuch/program: No such file or directory" in " ".join(said.split())


def test_a_deletion_that_is_held(plane: Plane, namespace: str, write: Callable[..., Path]) -> None:
    plane.run("up", "-f", write(GUARDED), "-n", namespace)
    said = plane.run("why", "shop", "-n", namespace).out
    assert said == "Application shop  is running shop-v1 and waits for nothing\n"
    plane.run("delete", "shop", "-n", namespace, "--no-wait")

    def held() -> list[str] | None:
        found = chain(plane.run("why", "shop", "-n", namespace, "-o", "json").data)
        return found if "finalizer" in found else None

    assert planes.until(held) == ["Application", "ConfigMap", "finalizer"]
    said = plane.run("why", "shop", "-n", namespace).out
    assert f"kubectl patch ConfigMap kept -n {namespace}" in " ".join(said.split())

    async def let_go(client: hub.Client) -> None:
        key = Key("", "ConfigMap", namespace, "kept", "v1")
        await client.patch(key, {"metadata": {"finalizers": None}})

    plane.ask(let_go)
    planes.until(lambda: plane.run("why", "shop", "-n", namespace, expect=None).code == 4)
