"""Steps that definitions describe, on a cluster: what they read, apply and say (E5, E8)."""

from __future__ import annotations

import base64
from typing import Any

from lateen.workflow import operations
from tests.controllers.apps import LAMP, app, apply_step, lamp, settings, step
from tests.controllers.laboratory import step as record
from tests.controllers.laboratory import steps
from tests.controllers.neighbours import act


def configmap(lab: Any, name: str, **data: str) -> dict[str, Any]:
    meta = {"name": name, "namespace": lab.namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def put(lab: Any, name: str = "extra", **data: str) -> dict[str, Any]:
    """A step that applies a ConfigMap."""
    return act(f"put-{name}", "apply-object", {"value": configmap(lab, name, **data)})


def takes(output: str, key: str) -> list[dict[str, str]]:
    return [{"from": output, "parameterKey": key}]


def gives(output: str, source: str) -> list[dict[str, str]]:
    return [{"name": output, "valueFrom": source}]


def test_an_object_a_step_applies_is_the_applications(lab):
    lab.deliver(app(settings("a"), steps=[put(lab, a="1")]))
    labels = lab.get("ConfigMap", "extra")["metadata"]["labels"]
    assert labels.pop("oam.dev/render-hash")
    assert labels == {
        "app.oam.dev/name": "shop",
        "app.oam.dev/namespace": lab.namespace,
        "app.oam.dev/cluster": "",
    }
    [tracker] = lab.trackers()
    [entry] = tracker["spec"]["managedResources"]
    assert (entry["kind"], entry["name"], "component" in entry) == ("ConfigMap", "extra", False)


def test_it_is_kept_as_it_was_applied(lab):
    lab.deliver(app(settings("a"), steps=[put(lab, a="1")]))
    lab.patch("ConfigMap", "extra", {"data": {"a": "2"}})
    lab.eventually("put back", lambda: lab.get("ConfigMap", "extra")["data"] == {"a": "1"})


def test_it_goes_when_no_step_applies_it_any_more(lab):
    lab.deliver(app(settings("a"), steps=[put(lab), apply_step("a")]))
    assert lab.owned("ConfigMap") == {"extra", "a"}
    lab.deliver(app(settings("a"), steps=[apply_step("a")]))
    lab.eventually("collected", lambda: lab.owned("ConfigMap") == {"a"})


def test_an_object_of_somebody_else_is_left_alone(lab):
    lab.apply(configmap(lab, "extra", a="mine"))
    lab.apply(app(settings("a"), steps=[put(lab, a="1")]))
    found = lab.until("refused", lambda found: steps(found).get("put-extra") == "failed")
    assert "exists but not managed by any application" in record(found, "put-extra")["message"]
    assert lab.get("ConfigMap", "extra")["data"] == {"a": "mine"}


def test_what_a_step_reads_goes_into_others(lab):
    lab.apply(configmap(lab, "source", colour="green"))
    lab.apply(LAMP)
    read = {"apiVersion": "v1", "kind": "ConfigMap", "name": "source", "namespace": lab.namespace}
    lab.apply(
        app(
            lamp("light"),
            steps=[
                act(
                    "read", "read-object", read, outputs=gives("colour", "output.value.data.colour")
                ),
                apply_step("light", inputs=takes("colour", "properties.colour")),
                act(
                    "say",
                    "print-message-in-status",
                    {},
                    inputs=takes("colour", "message"),
                    **{"if": "always"},
                ),
            ],
        )
    )
    lab.eventually("green", lambda: (lab.find("ConfigMap", "light") or {}).get("data"))
    assert lab.get("ConfigMap", "light")["data"]["colour"] == "green"
    lab.switch("light", on=True)
    assert record(lab.running(), "say")["message"] == "green"


def test_an_output_may_be_an_expression(lab):
    lab.apply(configmap(lab, "source", colour="green"))
    read = {"apiVersion": "v1", "kind": "ConfigMap", "name": "source", "namespace": lab.namespace}
    script = 'import "strings"\nstrings.ToUpper(output.$returns.value.data.colour)'
    found = lab.deliver(
        app(
            settings("a"),
            steps=[
                act("read", "read-object", read, outputs=gives("colour", script)),
                act("say", "print-message-in-status", {}, inputs=takes("colour", "message")),
            ],
        )
    )
    assert record(found, "say")["message"] == "GREEN"


def test_secrets_stay_secret(lab):
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}}
    lab.apply({**secret, "stringData": {"word": "sesame-open"}})
    read = {"apiVersion": "v1", "kind": "Secret", "name": "keys", "namespace": lab.namespace}
    found = lab.deliver(
        app(
            settings("a"),
            steps=[
                act("read", "read-object", read, outputs=gives("word", "output.value.data.word")),
                act("say", "print-message-in-status", {}, inputs=takes("word", "message")),
            ],
        )
    )
    assert record(found, "say")["message"] == "<secret>"
    encoded = base64.b64encode(b"sesame-open").decode()
    assert encoded not in str(lab.get("ConfigMap", "workflow-shop-context"))
    kept = lab.get("Secret", "workflow-shop-context")["data"]["vars"]
    assert encoded in base64.b64decode(kept).decode()


def test_data_is_exported(lab):
    login = {"username": "u", "password": "p"}
    lab.deliver(
        app(
            settings("a"),
            steps=[
                act("config", "export2config", {"configName": "c", "data": {"a": "1"}}),
                act("secret", "export2secret", {"secretName": "s", "data": {"b": "2"}}),
                act(
                    "login",
                    "export2secret",
                    {"secretName": "l", "kind": "docker-registry", "dockerRegistry": login},
                ),
                act("data", "export-data", {"name": "d", "data": {"c": "3"}}),
            ],
        )
    )
    assert lab.get("ConfigMap", "c")["data"] == {"a": "1"}
    assert lab.get("ConfigMap", "d")["data"] == {"c": "3"}
    assert lab.get("Secret", "s")["data"] == {"b": base64.b64encode(b"2").decode()}
    assert lab.get("Secret", "l")["type"] == "kubernetes.io/dockerconfigjson"


def test_one_application_waits_for_another(lab):
    lab.apply(LAMP)
    depends = {"name": "base", "namespace": lab.namespace}
    lab.apply(app(settings("a"), steps=[act("wait", "depends-on-app", depends), apply_step("a")]))
    found = lab.until("waiting", lambda found: steps(found).get("wait") == "running")
    assert record(found, "wait")["reason"] == "Wait"
    assert "there is no application base" in record(found, "wait")["message"]
    lab.apply(app(lamp("light"), name="base"))
    lab.eventually("applied", lambda: lab.find("ConfigMap", "light"))
    assert lab.find("ConfigMap", "a") is None
    lab.switch("light", on=True)
    lab.running()


def test_an_application_is_made_from_a_configmap(lab):
    text = "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata:\n  name: base\n"
    text += f"  namespace: {lab.namespace}\nspec:\n  components: []\n"
    lab.apply(configmap(lab, "base", application=text))
    depends = {"name": "base", "namespace": lab.namespace}
    lab.apply(app(settings("a"), steps=[act("wait", "depends-on-app", depends)]))
    lab.running()
    assert lab.running("base")["metadata"]["labels"]["app.oam.dev/name"] == "shop"


def test_jobs_are_cleaned_up(lab):
    def job(name: str, purpose: str) -> dict[str, Any]:
        container = {"name": "main", "image": "busybox"}
        template = {"spec": {"containers": [container], "restartPolicy": "Never"}}
        labels = {"purpose": purpose}
        meta = {"name": name, "namespace": lab.namespace, "labels": labels}
        spec = {"template": template}
        return {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": spec}

    lab.apply(job("old", "tidy"))
    lab.apply(job("other", "keep"))
    clean = act("clean", "clean-jobs", {"labelselector": {"purpose": "tidy"}})
    lab.deliver(app(settings("a"), steps=[clean]))
    lab.eventually("gone", lambda: lab.names("Job") == {"other"})


def test_what_a_step_brought_and_another_deletes_is_not_repaired(lab):
    definition = """
apiVersion: core.oam.dev/v1beta1
kind: WorkflowStepDefinition
metadata: {name: drop}
spec:
  schematic:
    cue:
      template: |
        import "vela/kube"
        drop: kube.#Delete & {$params: value: {
          apiVersion: "v1"
          kind: "ConfigMap"
          metadata: {name: parameter.name, namespace: context.namespace}
        }}
        parameter: name: string
"""
    lab.apply(definition)
    drop = act("drop", "drop", {"name": "extra"})
    lab.deliver(app(settings("a"), steps=[put(lab), drop, apply_step("a")]))
    lab.settle()
    assert lab.owned("ConfigMap") == {"a"}
    [tracker] = lab.trackers()
    assert [each["name"] for each in tracker["spec"]["managedResources"]] == ["a"]


SUSPENDS = """
apiVersion: core.oam.dev/v1beta1
kind: WorkflowStepDefinition
metadata: {name: asks}
spec:
  schematic:
    cue:
      template: |
        import ("vela/kube", "vela/builtin")
        #Put: kube.#Apply & {$params: value: {
          apiVersion: "v1"
          kind: "ConfigMap"
          metadata: {namespace: context.namespace, ...}
        }}
        before: #Put & {$params: value: metadata: name: "before"}
        ask: builtin.#Suspend & {$params: message: "may it go on?"}
        after: #Put & {$params: value: metadata: name: "after"}
"""


def test_a_step_suspends_in_its_middle(lab):
    lab.apply(SUSPENDS)
    lab.apply(app(settings("a"), steps=[step("ask", "asks")]))
    found = lab.phase("workflowSuspending")
    assert record(found, "ask")["message"] == "may it go on?"
    assert (record(found, "ask")["phase"], record(found, "ask")["reason"]) == (
        "suspending",
        "Suspend",
    )
    assert lab.owned("ConfigMap") == {"before"}
    lab.steer(operations.resume)
    lab.running()
    assert lab.owned("ConfigMap") == {"before", "after"}


WAITS = """
apiVersion: core.oam.dev/v1beta1
kind: WorkflowStepDefinition
metadata: {name: waits}
spec:
  schematic:
    cue:
      template: |
        import "vela/op"
        read: op.#Read & {value: {
          apiVersion: "v1"
          kind: "ConfigMap"
          metadata: {name: parameter.name, namespace: context.namespace}
        }}
        wait: op.#ConditionalWait & {
          continue: read.value.data.ready == "yes"
          message: "not ready"
        }
        say: op.#Message & {message: "it is \\(read.value.data.ready)"}
        parameter: name: string
"""


def test_a_step_waits_for_a_condition(lab):
    lab.apply(WAITS)
    lab.apply(configmap(lab, "gate", other="1"))
    lab.apply(app(settings("a"), steps=[act("wait", "waits", {"name": "gate"}), apply_step("a")]))
    found = lab.until("waiting", lambda found: steps(found).get("wait") == "running")
    assert record(found, "wait")["message"] == "not ready"
    lab.patch("ConfigMap", "gate", {"data": {"ready": "yes"}})
    assert record(lab.running(), "wait")["message"] == "it is yes"


ENDS = """
apiVersion: core.oam.dev/v1beta1
kind: WorkflowStepDefinition
metadata: {name: ends}
spec:
  schematic:
    cue:
      template: |
        import "vela/builtin"
        if parameter.well {end: builtin.#Break & {$params: message: "enough"}}
        if !parameter.well {end: builtin.#Fail & {$params: message: "no good"}}
        parameter: well: bool
"""


def test_a_step_ends_the_workflow_well(lab):
    lab.apply(ENDS)
    found = lab.deliver(
        app(settings("a"), steps=[act("end", "ends", {"well": True}), apply_step("a")])
    )
    assert steps(found) == {"end": "succeeded", "a": "skipped"}
    assert record(found, "end")["message"] == "enough"


def test_a_step_ends_the_workflow_badly(lab):
    lab.apply(ENDS)
    lab.apply(app(settings("a"), steps=[act("end", "ends", {"well": False}), apply_step("a")]))
    found = lab.phase("workflowFailed")
    assert (record(found, "end")["reason"], record(found, "end")["message"]) == (
        "Action",
        "no good",
    )


def test_a_property_of_the_wrong_type_fails_before_anything_is_done(lab):
    wrong = act("put", "apply-object", {"value": configmap(lab, "extra"), "cluster": 5})
    lab.apply(app(settings("a"), steps=[wrong]))
    found = lab.until("failing", lambda found: steps(found).get("put") == "failed")
    assert "spec.workflow.steps[0].properties.cluster" in record(found, "put")["message"]
    assert lab.find("ConfigMap", "extra") is None
