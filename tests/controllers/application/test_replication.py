"""A component delivered once for each key of a replication policy (semantics F4)."""

from __future__ import annotations

from tests.controllers.apps import app, settings, step

COPY = """\
apiVersion: core.oam.dev/v1beta1
kind: ComponentDefinition
metadata: {name: copy}
spec:
  workload: {type: autodetects.core.oam.dev}
  schematic:
    cue:
      template: |
        output: {
          apiVersion: "v1"
          kind:       "ConfigMap"
          metadata: name: "\\(context.name)-\\(context.replicaKey)"
          data: key: context.replicaKey
        }
        parameter: {}
  status:
    healthPolicy: |
      _lit:     *context.output.data.lit | "no"
      isHealth: _lit == "yes"
"""


def delivered(lab, *components):
    lab.apply(COPY)
    policy = {
        "name": "copies",
        "type": "replication",
        "properties": {"keys": ["x", "y"], "selector": ["web"]},
    }
    steps = [step("d", "deploy", properties={"policies": ["copies"]})]
    web = {"name": "web", "type": "copy", "properties": {}}
    lab.apply(app(web, *components, policies=[policy], steps=steps))
    lab.eventually("copied", lambda: {"web-x", "web-y"} <= lab.names("ConfigMap"))


def waits(found):
    steps = (found["status"].get("workflow") or {}).get("steps") or [{}]
    return steps[0].get("message", "")


def test_each_key_gives_a_copy_and_one_service(lab):
    delivered(lab)
    assert lab.get("ConfigMap", "web-x")["data"] == {"key": "x"}
    lab.switch("web-x", on=True)
    lab.until("waiting for the other copy", lambda found: "local//y/web is not" in waits(found))
    [service] = lab.status()["services"]
    assert (service["name"], service["healthy"]) == ("web", False)
    lab.switch("web-y", on=True)
    lab.running()
    [service] = lab.status()["services"]
    assert service["healthy"] is True


def test_what_depends_on_copies_waits_for_all_of_them(lab):
    """KubeVela waits for ever here."""
    delivered(lab, settings("after", dependsOn=["web"]))
    lab.switch("web-x", on=True)
    lab.settle()
    assert lab.find("ConfigMap", "after") is None
    lab.switch("web-y", on=True)
    lab.running()
    assert lab.find("ConfigMap", "after")


def test_a_copy_that_is_not_wanted_any_more_goes(lab):
    delivered(lab)
    lab.switch("web-x", on=True)
    lab.switch("web-y", on=True)
    found = lab.running()
    found["spec"]["policies"][0]["properties"]["keys"] = ["y"]
    lab.patch("Application", "shop", {"spec": found["spec"]})
    lab.eventually("collected", lambda: lab.find("ConfigMap", "web-x") is None)
    assert lab.find("ConfigMap", "web-y")
