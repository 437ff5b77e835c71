"""Definitions that are missing, come later, or stand in an application's own namespace."""

from __future__ import annotations

from tests.controllers.apps import LAMP, app, lamp, settings
from tests.controllers.laboratory import condition


def test_an_unknown_type_is_healed_by_its_definition(lab):
    lab.apply(app(lamp("hall"), settings("other")))
    found = lab.until("refused", lambda found: condition(found, "Parsed").get("status") == "False")
    assert condition(found, "Parsed")["message"].startswith(
        'spec.components[0].type: there is no component type "lamp" in'
    )
    assert lab.owned("ConfigMap") == set()

    lab.apply(LAMP)
    lab.eventually("applied", lambda: lab.find("ConfigMap", "hall"))
    lab.switch("hall", on=True)
    healed = lab.running()
    assert {c["status"] for c in healed["status"]["conditions"]} == {"True"}


def test_an_unknown_trait_is_healed_by_its_definition(lab):
    lab.apply(app(settings("a", traits=[{"type": "mark"}])))
    found = lab.until("refused", lambda found: condition(found, "Parsed").get("status") == "False")
    assert "spec.components[0].traits[0].type" in condition(found, "Parsed")["message"]
    lab.apply(MARK)
    lab.running()
    assert lab.get("ConfigMap", "a")["data"] == {"marked": "yes"}


MARK = """\
apiVersion: core.oam.dev/v1beta1
kind: TraitDefinition
metadata: {name: mark}
spec:
  schematic: {cue: {template: 'patch: data: marked: "yes"'}}
"""


def test_a_pinned_type_is_healed_by_its_revision(lab):
    lab.apply(app(settings("a", traits=[{"type": "mark@v2"}])))
    lab.until("refused", lambda found: condition(found, "Parsed").get("status") == "False")
    kept = {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "DefinitionRevision",
        "metadata": {"name": "mark-v2"},
        "spec": {
            "revision": 2,
            "revisionHash": "x",
            "definitionType": "Trait",
            "traitDefinition": {
                "metadata": {"name": "mark"},
                "spec": {"schematic": {"cue": {"template": 'patch: data: marked: "two"'}}},
            },
        },
    }
    lab.apply(kept)
    lab.running()
    assert lab.get("ConfigMap", "a")["data"] == {"marked": "two"}


def test_a_definition_of_the_namespace_comes_before_a_built_in_one(lab):
    lab.apply(LAMP.replace("{name: lamp}", "{name: task}"))
    lab.eventually("seen", lambda: lab.get("ComponentDefinition", "task").get("status"))
    lab.apply(app({"name": "hall", "type": "task", "properties": {"colour": "blue"}}))
    lab.eventually("applied", lambda: lab.find("ConfigMap", "hall"))
    assert lab.get("ConfigMap", "hall")["data"] == {"colour": "blue"}


def test_a_template_that_fails_names_itself(lab):
    lab.apply(LAMP.replace("data: colour: parameter.colour", "data: colour: parameter.colour + 1"))
    lab.apply(app(lamp("hall")))
    found = lab.until(
        "failing",
        lambda found: "failed" in str((found["status"].get("workflow") or {}).get("steps")),
    )
    [step] = found["status"]["workflow"]["steps"]
    assert "spec.components[0]" in step["message"]
    assert lab.owned("ConfigMap") == set()


def test_a_workload_definition_is_a_component_type(lab):
    old = {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "WorkloadDefinition",
        "metadata": {"name": "old"},
        "spec": {
            "definitionRef": {"name": "configmaps"},
            "schematic": {"cue": {"template": OLD}},
        },
    }
    lab.apply(app({"name": "a", "type": "old", "properties": {"text": "x"}}))
    lab.until("refused", lambda found: condition(found, "Parsed").get("status") == "False")
    lab.apply(old)
    lab.running()
    assert lab.get("ConfigMap", "a")["data"] == {"text": "x"}


OLD = """\
output: {
	apiVersion: "v1"
	kind:       "ConfigMap"
	data: text: parameter.text
}
parameter: text: string
"""
