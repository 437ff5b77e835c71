"""What other tools brought, and `lateen adopt` for it."""

from __future__ import annotations

import copy
from typing import Any

from ruamel.yaml import YAML
from typer.testing import CliRunner

from lateen import hub
from lateen.api.manifest import Manifest
from lateen.cli import main
from lateen.cli.exits import Exit
from tests.sources import helming, packing

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: it, image: x, env: [{name: A, value: b}]}]}
"""
SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "keys"},
    "stringData": {"password": "private"},
}
MANIFEST = f"""\
---
# Source: demo/templates/config.yaml
{packing.CONFIG}
---
# Source: demo/templates/web.yaml
{DEPLOYMENT}"""


def lateen(lab, *arguments: str) -> Any:
    return CliRunner().invoke(
        main.build(),
        ["adopt", *arguments, "-n", lab.namespace],
        env={"KUBECONFIG": str(lab.plane.kube.kubeconfig), "COLUMNS": "200"},
    )


def printed(done: Any) -> Manifest:
    assert done.exit_code == Exit.OK, done.output
    found: Manifest = YAML(typ="safe", pure=True).load(done.stdout)
    return found


def brought(lab, manager: str, *declared: Manifest | str) -> None:
    """Objects that another tool made."""
    client = hub.Client(lab.plane.user.connection, manager=manager)
    for each in declared:
        placed = copy.deepcopy(lab.read(each) if isinstance(each, str) else each)
        placed["metadata"]["namespace"] = lab.namespace
        lab.plane.call(client.create, placed)


def running(lab) -> Any:
    """What pods of the Deployment are made of: where that changes, they are restarted."""
    return lab.get("Deployment", "web")["spec"]


def released(lab, number: int = 2, **given: Any) -> None:
    """The release `web` of the chart `demo`, as Helm leaves it behind."""
    text = MANIFEST.replace("{{ .Release.Name }}", "web")
    text = text.replace("{{ .Values.greeting | quote }}", '"hello"')
    text = text.replace("{{ .Release.Revision | quote }}", f'"{number}"')
    config, deployment = text.split("---\n")[1:]
    brought(lab, "helm", config, deployment)
    lab.apply(helming.stored("web", text, number=1, status="superseded"))
    lab.apply(helming.stored("web", text, number=number, **given))


def service(name: str, app: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": app}, "ports": [{"port": 80}]},
    }


def workload(lab, name: str, *settings: str) -> Manifest:
    """A Deployment whose pods read some ConfigMaps."""
    made: Manifest = lab.read(DEPLOYMENT.replace("web", name))
    [container] = made["spec"]["template"]["spec"]["containers"]
    container["envFrom"] = [{"configMapRef": {"name": each}} for each in settings]
    return made


def said(done: Any) -> str:
    return " ".join(done.stderr.split())
