"""Policy and Workflow objects that applications refer to (semantics C2, F11)."""

from __future__ import annotations

from tests.controllers.apps import app, settings, step
from tests.controllers.laboratory import condition, steps

LOUD = """\
apiVersion: core.oam.dev/v1alpha1
kind: Policy
metadata: {name: loud}
type: override
properties:
  components:
    - name: a
      traits: [{type: labels, properties: {level: LEVEL}}]
"""
DEPLOYED = app(settings("a"), steps=[step("d", "deploy", properties={"policies": ["loud"]})])


def test_a_policy_object(lab):
    lab.apply(LOUD.replace("LEVEL", "high"))
    found = lab.deliver(DEPLOYED)
    assert lab.get("ConfigMap", "a")["metadata"]["labels"]["level"] == "high"
    revision = lab.get("ApplicationRevision", "shop-v1")
    assert set(revision["spec"]["policies"]) == {f"{lab.namespace}/loud"}

    lab.apply(LOUD.replace("LEVEL", "low"))  # its edit is one of the application
    changed = lab.until(
        "at its second revision",
        lambda found: found["status"]["latestRevision"]["name"] == "shop-v2",
    )
    assert changed["metadata"]["generation"] == found["metadata"]["generation"]
    lab.eventually(
        "delivered",
        lambda: lab.get("ConfigMap", "a")["metadata"]["labels"]["level"] == "low",
    )
    lab.running()
    lab.settle()
    assert lab.owned("ConfigMap") == {"a"}


def test_a_policy_object_that_comes_later(lab):
    lab.apply(DEPLOYED)
    found = lab.until("refused", lambda found: condition(found, "Render").get("status") == "False")
    message = condition(found, "Render")["message"]
    assert "failed to parsePolicies: external policy loud not found" in message
    lab.apply(LOUD.replace("LEVEL", "high"))
    lab.running()
    assert lab.get("ConfigMap", "a")["metadata"]["labels"]["level"] == "high"


STEPS = """\
apiVersion: core.oam.dev/v1alpha1
kind: Workflow
metadata: {name: release}
steps:
  - {name: ask, type: suspend, properties: {duration: 100ms}}
  - {name: a, type: apply-component, properties: {component: a}}
"""


def test_a_workflow_object(lab):
    declared = app(settings("a"))
    declared["spec"]["workflow"] = {"ref": "release"}
    lab.apply(declared)
    found = lab.until("refused", lambda found: condition(found, "Parsed").get("status") == "False")
    assert 'there is no Workflow "release"' in condition(found, "Parsed")["message"]

    lab.apply(STEPS)
    found = lab.running()
    assert steps(found) == {"ask": "succeeded", "a": "succeeded"}
    assert lab.get("ApplicationRevision", "shop-v1")["spec"]["workflow"]["steps"]


def test_a_workflow_twice(lab):
    declared = app(settings("a"), steps=[step("ask", "suspend")])
    declared["spec"]["workflow"]["ref"] = "release"
    lab.apply(declared)
    found = lab.until("refused", lambda found: condition(found, "Parsed").get("status") == "False")
    assert (
        "cannot set steps and ref in workflow at the same time"
        in (condition(found, "Parsed")["message"])
    )
