"""Policies that KubeVela knows and Lateen does not act on yet: accepted, and said so."""

from __future__ import annotations

import pytest

from tests.controllers.apps import app, policy, settings
from tests.controllers.laboratory import condition

RULE = """\
apiVersion: core.oam.dev/v1beta1
kind: PolicyDefinition
metadata: {name: quota}
spec:
  schematic:
    cue:
      template: |
        output: {apiVersion: "v1", kind: "ConfigMap"}
        parameter: {}
"""


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        pytest.param("garbage-collect", {"keepLegacyResource": True}, id="garbage-collect"),
        pytest.param("apply-once", {"enable": True}, id="apply-once"),
        pytest.param("shared-resource", {"rules": []}, id="shared-resource"),
        pytest.param("take-over", {"rules": []}, id="take-over"),
        pytest.param("read-only", {"rules": []}, id="read-only"),
        pytest.param("resource-update", {"rules": []}, id="resource-update"),
        pytest.param("replication", {"keys": ["a"], "selector": ["a"]}, id="replication"),
        pytest.param("quota", {}, id="one of its own with a definition"),
    ],
)
def test_a_policy_that_does_nothing_yet_says_so(lab, kind, properties):
    lab.apply(RULE)
    found = lab.deliver(app(settings("a"), policies=[policy("mine", kind, **properties)]))
    assert condition(found, "Policy")["status"] == "True"
    assert condition(found, "Policy")["message"] == f"not acted on yet: mine ({kind})"
    assert lab.owned("ConfigMap") == {"a"}


def test_policies_that_are_acted_on_are_not_mentioned(lab):
    policies = [
        policy("here", "topology", clusters=["local"]),
        policy("same", "override", components=[]),
        {"type": "debug"},
    ]
    found = lab.deliver(app(settings("a"), policies=policies))
    assert condition(found, "Policy")["message"] == "not acted on yet: debug-auto-gen-2 (debug)"


def test_a_policy_without_a_definition_is_an_error(lab):
    lab.apply(app(settings("a"), policies=[policy("mine", "nosuch")]))
    found = lab.until("refused", lambda found: condition(found, "Parsed").get("status") == "False")
    message = condition(found, "Parsed")["message"]
    assert 'spec.policies[0].type: there is no policy type "nosuch"' in message
