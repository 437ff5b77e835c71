"""Who set a field of what runs: the application, or somebody who wrote it later."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lateen import hub
from lateen.api.manifest import Key
from tests.cli.conftest import Shell

APP = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
  components:
    - name: web
      type: webservice
      properties: {image: nginx}
      traits:
        - type: scaler
          properties: {replicas: 2}
"""
IMAGE = "spec.template.spec.containers[0].image"


async def scale(kubeconfig: Path, key: Key) -> None:
    async with hub.connect(kubeconfig) as link:
        other = hub.Client(link.connection, manager="autoscaler")
        await other.patch(key, {"spec": {"replicas": 7}})


@pytest.fixture
def delivered(shell: Shell, plane, namespace) -> Shell:
    """The application and what it renders to, as the controllers would have written it; then
    somebody else scales it.
    """
    file = shell.write(APP)
    assert shell.run("up", "-f", file, "-n", namespace, "--no-wait").exit_code == 0
    rendered = shell.run("dry-run", "-f", file, "-n", namespace, "-o", "json")
    for manifest in json.loads(rendered.stdout):
        plane.call(plane.client.apply, manifest)
    plane.call(scale, plane.kubeconfig, Key("apps", "Deployment", namespace, "web", "v1"))
    return shell


def blamed(shell: Shell, namespace: str, *words: str) -> list[dict[str, Any]]:
    result = shell.run("blame", "shop", *words, "-n", namespace, "-o", "json")
    assert result.exit_code == 0, result.output
    told: list[dict[str, Any]] = json.loads(result.stdout)
    return told


def test_another_writer_comes_last(delivered, namespace):
    [told] = blamed(delivered, namespace, "Deployment/web", "spec.replicas")
    kinds = [cause["kind"] for cause in told["causes"]]
    assert (told["value"], kinds[-2:]) == (7, ["trait", "manager"])
    assert told["causes"][-1]["who"] == "autoscaler"
    assert told["causes"][-1]["note"].startswith("update ")


def test_a_field_of_the_application_points_to_its_definition_in_the_cluster(delivered, namespace):
    [told] = blamed(delivered, namespace, "Deployment/web", IMAGE)
    parameter, template = told["causes"]
    assert (parameter["kind"], parameter["path"]) == (
        "parameter",
        "spec.components[0].properties.image",
    )
    [place] = template["places"]
    assert place["file"] == "ComponentDefinition vela-system/webservice template"
    assert place["line"] > 1


def test_what_nobody_said_is_a_default_of_the_api_server(delivered, namespace):
    [told] = blamed(delivered, namespace, "Deployment/web", "spec.revisionHistoryLimit")
    assert [(c["kind"], c["who"]) for c in told["causes"]] == [("manager", "Kubernetes")]


def test_what_a_step_laid_over_it_is_not_said_to_be_of_the_application(delivered, plane, namespace):
    key = Key("apps", "Deployment", namespace, "web", "v1")
    plane.call(plane.client.patch, key, {"metadata": {"labels": {"tier": "edge"}}})
    [told] = blamed(delivered, namespace, "Deployment/web", "metadata.labels.tier")
    [cause] = told["causes"]
    assert (told["value"], cause["kind"], cause["who"]) == ("edge", "manager", "lateen")
    assert "by the patch of a workflow step" in cause["note"]


def test_a_whole_object_as_people_read_it(delivered, namespace):
    result = delivered.run("blame", "shop", "Deployment/web", "-n", namespace)
    assert result.exit_code == 0, result.output
    [replicas] = [line for line in result.stdout.splitlines() if "replicas: 7" in line]
    assert "autoscaler" in replicas
    assert "managedFields" not in result.stdout


def test_an_application_there_is_not(shell, namespace):
    result = shell.run("blame", "shop", "Deployment/web", "-n", namespace)
    assert result.exit_code == 4
    assert f"there is no application shop in namespace {namespace}" in result.stderr
