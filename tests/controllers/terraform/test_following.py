"""What others know of outputs follows them, and is put back, without a run of the workflow."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.controllers.apps import app, policy, step
from tests.controllers.laboratory import Laboratory
from tests.controllers.terraform.sites import Site, configuration

TYPE = """\
apiVersion: core.oam.dev/v1beta1
kind: ComponentDefinition
metadata: {name: dial}
spec:
  workload: {type: autodetects.core.oam.dev}
  schematic:
    terraform:
      configuration: |
        resource "terraform_data" "x" {
          input = file("%s")
        }
        output "DIAL" {
          value     = terraform_data.x.output
          sensitive = true
        }
"""
STORED, COPY, SHARED = "conn-test", "conn", "conn"  # the last in another namespace


def dial(there: str) -> dict[str, object]:
    reference = {"writeConnectionSecretToRef": {"name": "conn"}}
    places = {"env": "test", "placements": [{"namespace": there}]}
    return app(
        {"name": "db", "type": "dial", "properties": reference},
        policies=[policy("envs", "env-binding", envs=[{"name": "test", "placement": {}}])],
        steps=[
            step("test", "deploy-cloud-resource", properties={"env": "test"}),
            step("share", "share-cloud-resource", properties=places),
        ],
    )


def test_copies_follow_what_a_look_for_drift_has_found(lab, site: Site, tmp_path: Path) -> None:
    file = tmp_path / "real"
    file.write_text("one")
    site.restart(terraform_drift_minutes=0.03)
    there = Laboratory(lab.plane, lab.another_namespace())
    lab.apply(TYPE % file)
    lab.deliver(dial(there.namespace))
    version = lab.get("Secret", COPY)["metadata"]["uid"]

    def told() -> set[str]:
        found = (lab.get("Secret", STORED), lab.get("Secret", COPY), there.get("Secret", SHARED))
        return {base64.b64decode(each["data"]["DIAL"]).decode() for each in found}

    assert told() == {"one"}
    run = lab.status()["workflow"]["startTime"]
    file.write_text("two")
    lab.eventually("all follow", lambda: told() == {"two"})
    assert lab.get("Secret", COPY)["metadata"]["uid"] == version
    assert lab.status()["workflow"]["startTime"] == run


def data(text: str) -> dict[str, dict[str, str]]:
    return {"data": {"A": base64.b64encode(text.encode()).decode()}}


@pytest.mark.parametrize(
    "backend", [pytest.param(None, id="our-state"), pytest.param("local", id="a-state-elsewhere")]
)
def test_a_connection_secret_is_put_back(site: Site, tmp_path: Path, backend: str | None) -> None:
    spec = {"writeConnectionSecretToRef": {"name": "conn"}}
    if backend:
        spec["backend"] = {"inline": f'backend "local" {{\n  path = "{tmp_path}/state"\n}}'}
    site.lab.apply(configuration("x", 'output "A" {\n  value = "told"\n}\n', **spec))
    site.reaches("x", "Available")
    site.lab.patch("Secret", "conn", data("changed"))
    site.lab.eventually("put back", lambda: site.secret("conn") == {"A": b"told"})
    site.lab.delete("Secret", "conn")
    site.lab.eventually("made anew", lambda: site.secret("conn") == {"A": b"told"})
    site.stop()
    site.lab.delete("Secret", "conn")
    site.start()
    site.lab.eventually("made after a start", lambda: site.secret("conn") == {"A": b"told"})
    site.lab.delete("Configuration", "x")
    site.lab.eventually("gone", lambda: site.secret("conn") is None)
