"""Templates that look at the object in the cluster (semantics B2)."""

from __future__ import annotations

from tests.controllers.apps import app

DIARY = """\
apiVersion: core.oam.dev/v1beta1
kind: ComponentDefinition
metadata: {name: diary}
spec:
  workload: {type: autodetects.core.oam.dev}
  schematic:
    cue:
      template: |
        output: {
          apiVersion: "v1"
          kind:       "ConfigMap"
          data: {
            text: parameter.text
            if context.output != _|_ {
              uid: context.output.metadata.uid
            }
          }
        }
        parameter: text: string
"""


def test_a_component_sees_its_live_object_once_there_is_one(lab):
    lab.apply(DIARY)
    for text in ("sun", "rain"):
        entry = {"name": "diary", "type": "diary", "properties": {"text": text}}
        lab.deliver(app(entry))
        lab.settle()
        found = lab.get("ConfigMap", "diary")
        assert found["data"]["text"] == text
        assert found["data"].get("uid") in (None, found["metadata"]["uid"])
    assert found["data"]["uid"] == found["metadata"]["uid"]
