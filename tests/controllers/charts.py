"""Charts as components, their hooks, and a hand that ends the pods of these: nothing runs them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lateen.api.manifest import Manifest
from tests.controllers.laboratory import step

# GROUP is to be one of the test's own: kinds are those of the whole cluster
CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: lamps.GROUP}
spec:
  group: GROUP
  scope: Namespaced
  names: {plural: lamps, singular: lamp, kind: Lamp, listKind: LampList}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"""


def written(place: Path, files: Mapping[str, str]) -> str:
    """The files of a chart as a directory; returns its path."""
    for name, text in files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(place)


def chart(source: str, name: str = "web", **properties: Any) -> Manifest:
    """A helmchart component; `repoURL` and `version` belong to the chart."""
    given = {k: properties.pop(k) for k in ("repoURL", "version", "auth") if k in properties}
    return {
        "name": name,
        "type": "helmchart",
        "properties": {"chart": {"source": source, **given}, **properties},
    }


def message(found: Manifest) -> str:
    """What the step says, or, where it waits, the component."""
    services = found["status"].get("services") or [{}]
    return f"{step(found, 'web').get('message', '')} {services[0].get('message', '')}"


def hook(name: str, events: str, weight: int = 0, delete: str = "", **more: Any) -> str:
    """A pod that runs at some events; its word changes with the values."""
    policy = f'\n    helm.sh/hook-delete-policy: "{delete}"' if delete else ""
    return f"""
apiVersion: v1
kind: Pod
metadata:
  name: {name}
  annotations:
    helm.sh/hook: {events}
    helm.sh/hook-weight: "{weight}"{policy}
spec:
  restartPolicy: Never
  containers: [{{name: it, image: x, args: ["{{{{ .Values.greeting }}}}"]}}]
"""


def end(lab, name: str, phase: str = "Succeeded") -> None:
    """The pod ends: nothing runs pods here."""
    lab.eventually(f"{name} is there", lambda: lab.find("Pod", name))
    lab.patch("Pod", name, {"status": {"phase": phase}}, "status")


def uid(lab, name: str) -> str:
    return str(lab.get("Pod", name)["metadata"]["uid"])


def anew(lab, name: str, before: str) -> str:
    """Wait for another pod of that name; returns its uid."""

    def another() -> str:
        found = lab.find("Pod", name)
        now = str(found["metadata"]["uid"]) if found else before
        return "" if now == before else now

    return str(lab.eventually(f"{name} is made anew", another))


def waiting(lab, name: str) -> Manifest:
    found: Manifest = lab.until(
        f"waiting for {name}", lambda found: f"waiting for Pod {lab.namespace}/{name}" in str(found)
    )
    return found
