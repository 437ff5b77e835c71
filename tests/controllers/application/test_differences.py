"""What KubeVela was seen to do and Lateen does not (`docs/differences.md`), where no other test
shows it. The index of all of them is `tests/docs/test_differences.py`.
"""

from __future__ import annotations

from lateen.api import names
from tests.controllers.apps import LAMP, app, configmap, lamp, objects, settings, step
from tests.controllers.laboratory import condition

PAIR = """
apiVersion: core.oam.dev/v1beta1
kind: ComponentDefinition
metadata: {name: pair}
spec:
  workload: {type: autodetects.core.oam.dev}
  schematic:
    cue:
      template: |
        output: {apiVersion: "v1", kind: "ConfigMap"}
        outputs: side: {
          apiVersion: "v1"
          kind:       "ConfigMap"
          metadata: name: context.name + "-side"
        }
"""

LATE = """
apiVersion: core.oam.dev/v1beta1
kind: TraitDefinition
metadata: {name: late}
spec:
  stage: PostDispatch
  schematic:
    cue:
      template: |
        outputs: late: {
          apiVersion: "v1"
          kind:       "ConfigMap"
          metadata: name: context.name + "-late"
        }
"""


def test_what_comes_late_leaves_the_labels_of_the_others_alone(lab):
    """Surprise 4: there, `outputs` lose labels and annotations once the component is healthy."""
    for each in (PAIR, LATE):
        lab.apply(each)
    declared = app(
        {"name": "web", "type": "pair", "traits": [{"type": "late"}]},
        labels={"team": "x"},
        annotations={"note": "y"},
    )
    lab.deliver(declared)
    lab.eventually("late", lambda: lab.find("ConfigMap", "web-late"))
    lab.settle()
    meta = lab.get("ConfigMap", "web-side")["metadata"]
    assert meta["labels"]["app.oam.dev/resourceType"] == "TRAIT"
    assert meta["labels"][names.APP_NAME] == "shop"
    assert meta["labels"]["team"] == "x"
    assert meta["annotations"]["note"] == "y"


def test_a_key_that_is_not_declared_any_more_goes(lab):
    """Surprise 5: there, ConfigMaps and Secrets keep every key they ever had."""
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}

    def declared(*keys):
        data = dict.fromkeys(keys, "eA==")
        return app(
            objects("c", configmap("c", **data)),
            objects("s", {**secret, "data": data}),
        )

    lab.deliver(declared("x", "y"))
    lab.patch("ConfigMap", "c", {"data": {"theirs": "1"}})
    lab.deliver(declared("x"))
    assert set(lab.get("ConfigMap", "c")["data"]) == {"x", "theirs"}
    assert set(lab.get("Secret", "s")["data"]) == {"x"}


def test_a_definition_arrives_with_a_new_revision_only(lab):
    """Surprise 7: an annotation or a restart of the workflow does not bring it, here as there."""
    lab.apply(LAMP)
    lab.apply(app(lamp("hall")))
    lab.eventually("applied", lambda: lab.find("ConfigMap", "hall"))
    lab.switch("hall", on=True)
    lab.running()
    lab.apply(LAMP.replace("data: colour: parameter.colour", "data: color: parameter.colour"))
    lab.patch("Application", "shop", {"metadata": {"annotations": {"touched": "1"}}})
    lab.settle()
    assert "color" not in lab.get("ConfigMap", "hall")["data"]
    lab.patch("Application", "shop", {"metadata": {"annotations": {names.PUBLISH_VERSION: "v2"}}})
    lab.eventually("arrived", lambda: "color" in lab.get("ConfigMap", "hall")["data"])


def test_two_unnamed_objects_of_a_policy_are_refused(lab):
    """Quirk of B6: there, both get the policy's name, and the last one stands."""
    lab.apply(
        """
apiVersion: core.oam.dev/v1beta1
kind: PolicyDefinition
metadata: {name: pairs}
spec:
  schematic:
    cue:
      template: |
        output: {apiVersion: "v1", kind: "ConfigMap", data: n: "1"}
        outputs: more: {apiVersion: "v1", kind: "ConfigMap", data: n: "2"}
        parameter: {...}
"""
    )
    pairs = {"name": "p", "type": "pairs", "properties": {"x": 1}}
    lab.apply(app(settings("a"), policies=[pairs]))
    lab.eventually("told", lambda: "ConfigMap" in lab.condition("Policy").get("message", ""))
    assert "more" in lab.condition("Policy")["message"]
    assert lab.find("ConfigMap", "p") is None


def test_an_input_nobody_gives_is_refused_before_anything_is_delivered(lab):
    """Surprise 10: there, it is pending for ever, also when everything else has failed."""
    wants = step(
        "say",
        "print-message-in-status",
        inputs=[{"from": "nothing", "parameterKey": "message"}],
    )
    deliver = step("first", "apply-component", properties={"component": "a"})
    lab.apply(app(settings("a"), steps=[deliver, wants], mode={"steps": "DAG"}))
    found = lab.until("refused", lambda found: condition(found, "Render").get("status") == "False")
    told = condition(found, "Render")["message"]
    assert "spec.workflow.steps[1].inputs[0].from: " in told
    assert 'nothing puts out "nothing"' in told
    assert lab.find("ConfigMap", "a") is None
