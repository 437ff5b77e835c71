"""What is published of a definition's parameters, and said of its template (semantics A2)."""

from __future__ import annotations

import json

from tests.controllers.laboratory import writes

TEMPLATE = """\
output: {
	apiVersion: "v1"
	kind:       "ConfigMap"
	data: size: "\\(parameter.size)"
}
parameter: {
	// +usage=How large
	size: *1 | int
	name: string
}
"""


def definition(template, kind="ComponentDefinition", name="box", **spec):
    if kind == "ComponentDefinition":
        spec.setdefault("workload", {"type": "autodetects.core.oam.dev"})
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {**spec, "schematic": {"cue": {"template": template}}},
    }


def status(lab, kind="ComponentDefinition", name="box"):
    return lab.get(kind, name).get("status") or {}


def synced(lab, wanted, kind="ComponentDefinition", name="box"):
    """Wait for the condition to be as wanted; returns its message."""

    def found():
        conditions = status(lab, kind, name).get("conditions") or ()
        return next((c for c in conditions if c["type"] == "Synced"), {})

    lab.eventually(f"Synced {wanted}", lambda: found().get("status") == wanted)
    return found().get("message", "")


def published(lab, name="component-schema-box"):
    found = lab.find("ConfigMap", name)
    return json.loads(found["data"]["openapi-v3-json-schema"]) if found else None


def test_parameters_are_published_as_openapi(lab):
    lab.apply(definition(TEMPLATE))
    synced(lab, "True")
    schema = published(lab)
    assert schema["type"] == "object"
    assert schema["properties"]["size"]["default"] == 1
    assert schema["properties"]["name"] == {"title": "name", "type": "string"}
    found = lab.get("ConfigMap", "component-schema-box")["metadata"]
    assert found["labels"] == {
        "definition.oam.dev": "schema",
        "definition.oam.dev/name": "box",
    }
    [owner] = found["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("ComponentDefinition", "box")
    assert status(lab)["configMapRef"] == "component-schema-box"


def test_a_trait_says_what_it_applies_to(lab):
    applies = ["deployments.apps", "webservice"]
    lab.apply(definition("patch: {}", "TraitDefinition", appliesToWorkloads=applies))
    synced(lab, "True", "TraitDefinition")
    found = lab.get("ConfigMap", "trait-schema-box")["metadata"]["annotations"]
    assert found["definition.oam.dev/appliedWorkloads"] == "deployments.apps,webservice"


def test_a_step_and_a_policy_have_names_of_their_own(lab):
    lab.apply(definition("parameter: a: int", "WorkflowStepDefinition"))
    lab.apply(definition("parameter: b: int", "PolicyDefinition"))
    synced(lab, "True", "WorkflowStepDefinition")
    synced(lab, "True", "PolicyDefinition")
    assert set(published(lab, "workflowstep-schema-box")["properties"]) == {"a"}
    assert set(published(lab, "policy-schema-box")["properties"]) == {"b"}


def test_a_step_may_import_what_steps_may(lab):
    template = 'import "vela/op"\n\nwait: op.#Suspend & {}\nparameter: {}\n'
    lab.apply(definition(template, "WorkflowStepDefinition"))
    synced(lab, "True", "WorkflowStepDefinition")


def test_a_package_may_come_later(lab):
    template = 'import "own/shop"\n\noutput: shop.#Sign\nparameter: name: string\n'
    lab.apply(definition(template))
    assert "own/shop" in synced(lab, "False")
    lab.apply(
        {
            "apiVersion": "cue.oam.dev/v1alpha1",
            "kind": "Package",
            "metadata": {"name": "shop"},
            "spec": {
                "path": "own/shop",
                "templates": {"sign.cue": 'package shop\n\n#Sign: {kind: "ConfigMap"}\n'},
            },
        }
    )
    synced(lab, "True")
    assert set(published(lab)["properties"]) == {"name"}


def test_an_edit_is_published(lab):
    lab.apply(definition(TEMPLATE))
    synced(lab, "True")
    lab.apply(definition(TEMPLATE.replace("name: string", "title: string")))
    lab.eventually("published", lambda: "title" in published(lab)["properties"])


def test_what_is_changed_or_deleted_by_hand_is_put_back(lab):
    lab.apply(definition(TEMPLATE))
    synced(lab, "True")
    expected = published(lab)
    lab.patch("ConfigMap", "component-schema-box", {"data": {"openapi-v3-json-schema": "{}"}})
    lab.eventually("put back", lambda: published(lab) == expected)
    lab.delete("ConfigMap", "component-schema-box")
    lab.eventually("back", lambda: published(lab) == expected)


def test_a_template_that_does_not_compile_says_where(lab):
    lab.apply(definition(TEMPLATE.replace("parameter.size", "parameter.size + nothing")))
    message = synced(lab, "False")
    assert "nothing" in message
    assert ":4:" in message  # the line in the template
    assert "configMapRef" not in status(lab)
    lab.apply(definition(TEMPLATE))
    assert synced(lab, "True") == ""
    assert status(lab)["configMapRef"] == "component-schema-box"


def test_a_template_that_does_not_compile_costs_nothing_afterwards(lab):
    lab.apply(definition("output: {"))
    synced(lab, "False")
    before = lab.settle()
    lab.apply(definition("output: {", name="other"))
    synced(lab, "False", name="other")
    mine = {key: n for key, n in writes(lab.settle() - before).items() if "status" in key[1]}
    assert mine == {("patch", "componentdefinitions/status"): 1}


def test_a_repository_of_terraform_that_cannot_be_read_is_named(lab):
    declared = definition("", workload={"type": "autodetects.core.oam.dev"})
    terraform = {"type": "remote", "configuration": "http://127.0.0.1:1/modules.git"}
    declared["spec"]["schematic"] = {"terraform": terraform}
    lab.apply(declared)
    assert "http://127.0.0.1:1/modules.git cannot be fetched" in synced(lab, "False")
    assert published(lab) is None


def test_the_schema_of_terraform_is_its_variables(lab):
    declared = definition("", workload={"type": "autodetects.core.oam.dev"})
    hcl = 'variable "size" {\n  type        = number\n  description = "How big"\n}\n'
    declared["spec"]["schematic"] = {"terraform": {"configuration": hcl}}
    lab.apply(declared)
    synced(lab, "True")
    found = published(lab)
    assert found["required"] == ["size"]
    assert found["properties"]["size"]["description"] == "How big"
    assert {"providerRef", "writeConnectionSecretToRef"} <= set(found["properties"])


def test_a_workload_that_contradicts_itself_is_named(lab):
    workload = {"type": "jobs.batch", "definition": {"apiVersion": "apps/v1", "kind": "Deployment"}}
    lab.apply(definition(TEMPLATE, workload=workload))
    assert "jobs.batch is not Deployment of apps/v1" in synced(lab, "False")


def test_an_old_controllers_leftover_is_taken_over(lab):
    lab.plane.stop()
    lab.apply(definition(TEMPLATE))
    lab.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": "component-schema-box",
                "labels": {"definition.oam.dev": "schema"},
            },
            "data": {"openapi-v3-json-schema": "{}"},
        }
    )
    lab.plane.start()
    lab.eventually("published", lambda: "size" in published(lab).get("properties", {}))
