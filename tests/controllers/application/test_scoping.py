"""Policies that change an application before it is understood."""

from __future__ import annotations

import orjson
import pytest

from lateen.api import names
from tests.controllers.apps import app, settings

EXTRA = """\
output: {
  components: [
    for each in context.appComponents {each},
    {
      name: "extra"
      type: "k8s-objects"
      properties: objects: [{
        apiVersion: "v1"
        kind:       "ConfigMap"
        metadata: name: "extra"
        data: size: "SIZE"
      }]
    },
  ]
  labels: team: parameter.team
  ctx: owner: parameter.team
}
parameter: team: string
"""
SHOUT = """\
output: labels: order: (*context.appLabels.order | "") + context.policyName
parameter: {}
"""
TELLING = """\
apiVersion: core.oam.dev/v1beta1
kind: ComponentDefinition
metadata: {name: telling}
spec:
  workload: {type: autodetects.core.oam.dev}
  schematic:
    cue:
      template: |
        output: {
          apiVersion: "v1"
          kind:       "ConfigMap"
          data: owner: context.custom.owner
        }
        parameter: {}
"""


def definition(name, template, **spec):
    spec = {"scope": "Application", "schematic": {"cue": {"template": template}}, **spec}
    return {
        "apiVersion": names.V1BETA1,
        "kind": "PolicyDefinition",
        "metadata": {"name": name},
        "spec": spec,
    }


def policy(kind="extra", **properties):
    return {"name": f"my-{kind}", "type": kind, "properties": properties}


def condition(found, kind):
    conditions = found["status"].get("conditions") or ()
    return next((each for each in conditions if each["type"] == kind), {})


def publish(lab, name, template, **spec):
    """Apply a definition, and wait until the controller has seen it: what it says of it, it says
    of what it knows.
    """
    lab.apply(definition(name, template, **spec))
    lab.eventually(f"{name} is seen", lambda: lab.get("PolicyDefinition", name).get("status"))


def extra(lab):
    return lab.get("ConfigMap", "extra")["data"]["size"]


def applied(lab):
    return lab.status()["appliedApplicationPolicies"]


def test_a_policy_changes_the_application_and_says_so(lab):
    lab.apply(definition("extra", EXTRA))
    found = lab.deliver(app(settings("a"), policies=[policy(team="red")]))
    assert lab.owned("ConfigMap") == {"a", "extra"}
    assert [each["name"] for each in found["spec"]["components"]] == ["a"], "its author's text"
    [told] = applied(lab)
    assert {k: v for k, v in told.items() if not k.startswith("revision")} == {
        "name": "my-extra",
        "type": "extra",
        "namespace": lab.namespace,
        "source": "explicit",
        "applied": True,
        "specModified": True,
        "labelsCount": 1,
        "annotationsCount": 0,
        "hasContext": True,
        **({"definitionRevisionName": "extra-v1"} if "definitionRevisionName" in told else {}),
    }
    name = f"application-policies-{lab.namespace}-shop"
    assert lab.status()["applicationPoliciesConfigMap"] == name
    record = orjson.loads(lab.get("ConfigMap", name)["data"]["001-my-extra"])
    assert record["output"]["labels"] == {"team": "red"}
    revision = lab.get("ApplicationRevision", "shop-v1")
    stored = revision["spec"]["application"]
    assert [each["name"] for each in stored["spec"]["components"]] == ["a", "extra"]
    assert stored["metadata"]["labels"]["team"] == "red"


def test_it_rests_and_stays_the_same_over_restarts(lab):
    publish(lab, "extra", EXTRA)
    lab.deliver(app(settings("a"), policies=[policy(team="red")]))
    kept = ("ConfigMap", f"application-policies-{lab.namespace}-shop")

    def versions():
        found = [lab.get("Application", "shop"), lab.get(*kept), *lab.trackers()]
        return [each["metadata"]["resourceVersion"] for each in found]

    lab.settle()
    before = versions()
    lab.plane.restart()
    lab.settle()
    assert lab.revisions() == ["shop-v1"]
    assert versions() == before


def test_templates_are_told_what_policies_have_to_say(lab):
    lab.apply(TELLING)
    lab.apply(definition("extra", EXTRA))
    teller = {"name": "teller", "type": "telling", "properties": {}}
    lab.deliver(app(teller, policies=[policy(team="blue")]))
    assert lab.get("ConfigMap", "teller")["data"] == {"owner": "blue"}


def test_a_changed_policy_waits_for_the_author(lab):
    publish(lab, "extra", EXTRA)
    lab.deliver(app(settings("a"), policies=[policy(team="red")]))
    lab.apply(definition("extra", EXTRA.replace("SIZE", "LARGE")))
    lab.eventually(
        "the change is seen",
        lambda: lab.get("PolicyDefinition", "extra")["status"]["latestRevision"]["revision"] == 2,
    )
    lab.patch("Application", "shop", {"metadata": {"annotations": {"looked": "at"}}})
    lab.settle()
    assert (extra(lab), lab.revisions()) == ("SIZE", ["shop-v1"])
    lab.deliver(app(settings("a"), settings("b"), policies=[policy(team="red")]))
    lab.eventually("as the policy is now", lambda: extra(lab) == "LARGE")
    assert lab.owned("ConfigMap") == {"a", "b", "extra"}


def test_an_application_may_follow_its_policies(lab):
    lab.apply(definition("extra", EXTRA))
    annotations = {"policy.oam.dev/auto-revision": "true"}
    lab.deliver(app(settings("a"), policies=[policy(team="red")], annotations=annotations))
    lab.apply(definition("extra", EXTRA.replace("SIZE", "LARGE")))
    lab.eventually("as the policy is now", lambda: extra(lab) == "LARGE")
    assert lab.revisions() == ["shop-v1", "shop-v2"]


def test_global_policies_apply_by_priority_and_name(lab):
    for name, priority in (("late", 5), ("b", -1), ("a", -1)):
        publish(lab, name, SHOUT, **{"global": True, "priority": priority})
    lab.apply(definition("mine", SHOUT))
    lab.deliver(app(settings("a"), policies=[policy("mine")]))
    stored = lab.get("ApplicationRevision", "shop-v1")["spec"]["application"]
    assert stored["metadata"]["labels"]["order"] == "ab" + "my-mine" + "late"
    assert [(each["name"], each["source"]) for each in applied(lab)] == [
        ("a", "global"),
        ("b", "global"),
        ("my-mine", "explicit"),
        ("late", "global"),
    ]


def test_an_application_may_keep_global_policies_off(lab):
    publish(lab, "everywhere", SHOUT, **{"global": True})
    lab.deliver(app(settings("a"), annotations={"policy.oam.dev/skip-global": "true"}))
    assert "appliedApplicationPolicies" not in lab.status()
    lab.patch(
        "Application", "shop", {"metadata": {"annotations": {"policy.oam.dev/skip-global": None}}}
    )
    lab.eventually("applied", lambda: lab.status().get("appliedApplicationPolicies"))


def test_a_global_policy_that_fails_is_left_out(lab):
    publish(lab, "broken", "output: labels: a: 1 & 2\nparameter: {}", **{"global": True})
    lab.deliver(app(settings("a")))
    [told] = applied(lab)
    assert (told["applied"], told["error"]) == (False, True)
    assert "it cannot be both 2 and 1" in told["message"]
    lab.eventually(
        "an event", lambda: "GlobalPolicyFailed" in {each["reason"] for each in lab.list("Event")}
    )


BROKEN = [
    pytest.param(
        "output: labels: a: 1 & 2", {}, "it cannot be both 2 and 1", id="its template is broken"
    ),
    pytest.param('output: name: "x"', {}, "output.name is not allowed", id="a strange field"),
    pytest.param("parameter: {}", {}, "has no output", id="nothing is given"),
    pytest.param(
        'output: labels: "app.oam.dev/name": "x"', {}, "the machinery's own", id="a label of ours"
    ),
    pytest.param(
        'config: enabled: "yes"\noutput: {}', {}, "neither true nor false", id="no boolean"
    ),
    pytest.param(
        "output: {}",
        {"global": True},
        "cannot be explicitly referenced",
        id="a global one is named",
    ),
]


@pytest.mark.parametrize(("template", "spec", "expected"), BROKEN)
def test_a_policy_that_is_named_and_wrong_is_an_error(lab, template, spec, expected):
    lab.apply(definition("wrong", template, **spec))
    lab.apply(app(settings("a"), policies=[policy("wrong")]))
    # it may be looked at before the definition has been seen
    lab.until("refused", lambda found: expected in condition(found, "Parsed").get("message", ""))
    assert lab.owned("ConfigMap") == set()


def test_a_policy_may_say_that_it_is_not_wanted(lab):
    lab.apply(definition("off", f"config: enabled: false\n{SHOUT}"))
    lab.deliver(app(settings("a"), policies=[policy("off")]))
    [told] = applied(lab)
    assert (told["applied"], told["message"]) == (False, "enabled=false")


def test_labels_of_the_machinery_are_hidden_from_it(lab):
    template = """\
output: annotations: seen: "\\(len(context.appLabels))"
parameter: {}
"""
    lab.apply(definition("looks", template))
    labels = {"mine": "a", "app.kubernetes.io/name": "b", "helm.sh/chart": "c"}
    lab.deliver(app(settings("a"), policies=[policy("looks")], labels=labels))
    stored = lab.get("ApplicationRevision", "shop-v1")["spec"]["application"]
    assert stored["metadata"]["annotations"]["seen"] == "1"
