"""Applications and definitions to deliver in tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lateen.api import names
from lateen.api.manifest import Manifest

# A ConfigMap that is healthy when somebody switches it on: `lit` is not what the application says,
# so it is not drift, and no controller of Kubernetes has a say in it.
LAMP = """\
apiVersion: core.oam.dev/v1beta1
kind: ComponentDefinition
metadata: {name: lamp}
spec:
  workload: {type: autodetects.core.oam.dev}
  schematic:
    cue:
      template: |
        output: {
          apiVersion: "v1"
          kind:       "ConfigMap"
          data: colour: parameter.colour
        }
        parameter: colour: *"red" | string
  status:
    healthPolicy: |
      _lit:     *context.output.data.lit | "no"
      isHealth: _lit == "yes"
    customStatus: |
      _lit:    *context.output.data.lit | "no"
      message: "lit: \\(_lit)"
"""


def app(
    *components: Manifest,
    name: str = "shop",
    policies: Sequence[Manifest] = (),
    steps: Sequence[Manifest] = (),
    mode: Manifest | None = None,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
) -> Manifest:
    """An application; with `steps` or `mode` it has a workflow of its own."""
    spec: Manifest = {"components": list(components)}
    if policies:
        spec["policies"] = list(policies)
    if steps or mode:
        spec["workflow"] = {"steps": list(steps)} | ({"mode": mode} if mode else {})
    meta = {"name": name, "labels": labels or {}, "annotations": annotations or {}}
    return {"apiVersion": names.V1BETA1, "kind": "Application", "metadata": meta, "spec": spec}


def configmap(name: str, **data: str) -> Manifest:
    found: Manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
    return found | ({"data": data} if data else {})


def objects(name: str, *manifests: Manifest, **more: Any) -> Manifest:
    """A component of Kubernetes objects as they are."""
    given = {"objects": list(manifests)}
    return {"name": name, "type": "k8s-objects", "properties": given, **more}


def settings(name: str, data: dict[str, str] | None = None, **more: Any) -> Manifest:
    """A component that is one ConfigMap of its name. It is healthy as soon as it is there."""
    return objects(name, configmap(name, **(data or {})), **more)


def lamp(name: str, colour: str = "red", **more: Any) -> Manifest:
    """A component that is healthy once it is lit (`LAMP` defines its type)."""
    return {"name": name, "type": "lamp", "properties": {"colour": colour}, **more}


def webservice(
    name: str,
    image: str = "nginx",
    *,
    judged: bool = False,
    traits: Sequence[Manifest] = (),
    **more: Any,
) -> Manifest:
    """A webservice that nothing runs; unless it is `judged` it counts as healthy all the same."""
    exempt = {"type": "annotations", "properties": {"app.oam.dev/disable-health-check": "true"}}
    return {
        "name": name,
        "type": "webservice",
        "properties": {"image": image, **more},
        "traits": [*traits, *([] if judged else [exempt])],
    }


def policy(name: str, kind: str, **properties: Any) -> Manifest:
    return {"name": name, "type": kind, "properties": properties}


def apply_step(component: str, **more: Any) -> Manifest:
    """A step that applies a component and is called as it."""
    given = {"component": component}
    return {"name": component, "type": "apply-component", "properties": given, **more}


def step(name: str, kind: str, **more: Any) -> Manifest:
    return {"name": name, "type": kind, **more}
