"""Policies of one's own: what they render is applied first, and kept (semantics C1, B8)."""

from __future__ import annotations

import pytest

from tests.controllers.apps import LAMP, app, lamp, policy, settings
from tests.controllers.laboratory import condition

QUOTA = """\
apiVersion: core.oam.dev/v1beta1
kind: PolicyDefinition
metadata: {name: quota}
spec:
  schematic:
    cue:
      template: |
        output: {apiVersion: "v1", kind: "ConfigMap", data: pods: "\\(parameter.pods)"}
        outputs: extra: {
          apiVersion: "v1"
          kind:       "ConfigMap"
          metadata: name: "\\(context.name)-extra"
        }
        parameter: pods: int
"""
HEALTH = """\
apiVersion: core.oam.dev/v1beta1
kind: PolicyDefinition
metadata: {name: own-health}
spec:
  manageHealthCheck: true
  schematic:
    cue:
      template: |
        output: {apiVersion: "v1", kind: "ConfigMap"}
        parameter: {}
"""


def test_what_a_policy_renders_is_applied_kept_and_collected(lab):
    lab.apply(QUOTA)
    lab.deliver(app(settings("a"), policies=[policy("limits", "quota", pods=3)]))
    found = lab.get("ConfigMap", "limits")
    assert found["data"] == {"pods": "3"}
    assert lab.find("ConfigMap", "limits-extra")
    by = {each["name"]: each["creator"] for each in lab.status()["appliedResources"]}
    assert by == {"limits": "policy", "limits-extra": "policy", "a": "workflow"}

    lab.delete("ConfigMap", "limits")
    lab.eventually("restored", lambda: lab.find("ConfigMap", "limits"))
    lab.deliver(app(settings("a"), policies=[policy("limits", "quota", pods=4)]))
    assert lab.get("ConfigMap", "limits")["data"] == {"pods": "4"}
    lab.deliver(app(settings("a")))
    lab.eventually("collected", lambda: lab.owned("ConfigMap") == {"a"})


def test_a_policy_that_cannot_be_rendered(lab):
    lab.apply(QUOTA)
    lab.apply(app(settings("a"), policies=[policy("limits", "quota", pods="many")]))
    found = lab.until("refused", lambda found: condition(found, "Policy").get("status") == "False")
    assert "spec.policies[0].properties.pods" in condition(found, "Policy")["message"]
    assert lab.owned("ConfigMap") == set(), "nothing of the application is applied"


def test_a_policy_that_judges_health_itself(lab):
    lab.apply(LAMP)
    lab.apply(HEALTH)
    lab.apply(app(lamp("hall"), policies=[policy("mine", "own-health")]))
    lab.eventually("applied", lambda: lab.find("ConfigMap", "hall"))
    lab.switch("hall", on=True)
    lab.running()
    lab.switch("hall", on=False)
    lab.until("dark", lambda found: not found["status"]["services"][0]["healthy"])
    assert lab.status()["status"] == "running"


def test_a_field_that_no_policy_has_is_told(lab):
    found = lab.deliver(app(settings("a"), policies=[policy("once", "apply-once", enabel=True)]))
    message = condition(found, "Policy")["message"]
    assert message.startswith("spec.policies[0].properties.enabel: ")


@pytest.mark.parametrize("kind", ["nosuch", "garbage-colect"])
def test_a_policy_without_a_definition_is_an_error(lab, kind):
    lab.apply(app(settings("a"), policies=[policy("mine", kind)]))
    found = lab.until("refused", lambda found: condition(found, "Parsed").get("status") == "False")
    message = condition(found, "Parsed")["message"]
    assert f'spec.policies[0].type: there is no policy type "{kind}"' in message
