"""Step definitions that deliver components, and use the other actions there are (semantics E8)."""

from __future__ import annotations

from tests.controllers.application.test_actions import configmap
from tests.controllers.apps import (
    LAMP,
    app,
    apply_step,
    lamp,
    policy,
    settings,
    step,
    webservice,
)
from tests.controllers.laboratory import step as record
from tests.controllers.laboratory import steps
from tests.controllers.neighbours import act


def definition(name: str, template: str) -> str:
    """A WorkflowStepDefinition with that template."""
    text = "\n".join(f"        {line}" for line in template.strip().split("\n"))
    return f"""
apiVersion: core.oam.dev/v1beta1
kind: WorkflowStepDefinition
metadata: {{name: {name}}}
spec:
  schematic:
    cue:
      template: |
{text}
"""


BRINGS = definition(
    "brings",
    """
import "vela/oam"
import "vela/builtin"
load: oam.#LoadComponents
bring: oam.#ApplyComponent & {$params: value: load.$returns.value[parameter.name]}
say: builtin.#Message & {$params: message: "brought \\(bring.$returns.output.metadata.name)"}
parameter: name: string
""",
)


def test_a_component_is_delivered_by_an_action(lab):
    lab.apply(LAMP)
    lab.apply(BRINGS)
    lab.apply(app(lamp("light"), settings("other"), steps=[act("go", "brings", {"name": "light"})]))
    found = lab.until("waiting", lambda found: steps(found).get("go") == "running")
    assert record(found, "go")["message"] == "wait healthy"
    lab.switch("light", on=True)
    found = lab.running()
    assert record(found, "go")["message"] == "brought light"
    assert [each["name"] for each in found["status"]["services"]] == ["light"]
    assert lab.owned("ConfigMap") == {"light"}


def test_it_is_known_after_a_restart_of_the_controller(lab):
    lab.apply(BRINGS)
    given = settings("one", {"x": "1"})
    lab.deliver(app(given, steps=[act("go", "brings", {"name": "one"})]))
    lab.settle()
    lab.plane.restart()
    lab.patch("ConfigMap", "one", {"data": {"x": "drift"}})
    lab.eventually("repaired", lambda: lab.get("ConfigMap", "one")["data"] == {"x": "1"})
    assert [each["name"] for each in lab.status()["services"]] == ["one"]


LAYS = definition(
    "lays",
    """
import "vela/oam"
load: oam.#LoadComponents
bring: oam.#ApplyComponent & {$params: {
  value: load.$returns.value[parameter.name]
  patch: {
    workload: {
      metadata: labels: tier: "edge"
      // +patchKey=name
      spec: template: spec: containers: [{name: parameter.name, env: [{name: "A", value: "1"}]}]
    }
    traits: service: metadata: labels: tier: "edge"
  }
}}
parameter: name: string
""",
)


def test_a_step_lays_a_patch_over_what_a_component_renders(lab):
    """After the traits, list items by their key; and it is kept like all else."""
    lab.apply(LAYS)
    exposed = {"type": "expose", "properties": {"port": [80]}}
    web = webservice("web", traits=[exposed], env=[{"name": "B", "value": "2"}])
    lab.deliver(app(web, steps=[act("go", "lays", {"name": "web"})]))
    found = lab.get("Deployment", "web")
    assert found["metadata"]["labels"]["tier"] == "edge"
    [container] = found["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "nginx"
    assert {each["name"]: each["value"] for each in container["env"]} == {"A": "1", "B": "2"}
    assert lab.get("Service", "web")["metadata"]["labels"]["tier"] == "edge"
    lab.settle()
    lab.plane.restart()
    lab.patch("Deployment", "web", {"metadata": {"labels": {"tier": None}}})
    lab.eventually(
        "put back", lambda: lab.get("Deployment", "web")["metadata"]["labels"].get("tier")
    )


def test_a_patch_of_a_step_that_contradicts_is_told(lab):
    lab.apply(LAYS.replace("name: lays", "name: fights").replace("env:", 'image: "apache", env:'))
    lab.apply(app(webservice("web"), steps=[act("go", "fights", {"name": "web"})]))
    found = lab.until("failing", lambda found: steps(found).get("go") == "failed")
    said = record(found, "go")["message"]
    assert said.startswith(
        "bring: the patch of the step cannot be applied: output.spec.template.spec.containers[0]"
        '.image: it is "nginx", the patch says "apache"'
    )
    assert lab.find("Deployment", "web") is None


DEPLOYS = definition(
    "deploys",
    """
import "vela/multicluster"
deploy: multicluster.#Deploy & {$params: {
  policies: parameter.policies
  parallelism: 2
  ignoreTerraformComponent: true
}}
parameter: policies: [...string]
""",
)


def test_components_are_deployed_by_policies(lab):
    place = lab.another_namespace()
    lab.apply(DEPLOYS)
    lab.deliver(
        app(
            settings("a"),
            settings("b"),
            policies=[policy("there", "topology", namespace=place)],
            steps=[act("go", "deploys", {"policies": ["there"]})],
        )
    )
    [tracker] = lab.trackers()
    found = {(e["namespace"], e["name"]) for e in tracker["spec"]["managedResources"]}
    assert found == {(place, "a"), (place, "b")}


REMEMBERS = definition(
    "remembers",
    """
import "vela/op"
list: op.#List & {
  resource: {apiVersion: "v1", kind: "ConfigMap"}
  filter: {namespace: context.namespace, matchingLabels: kept: "yes"}
}
names: [for each in list.list.items {each.metadata.name}]
put: op.#DoVar & {method: "Put", path: "names", value: names}
get: op.#DoVar & {path: "names"}
say: op.#Message & {message: "\\(len(get.value)) \\(get.value[0])"}
patch: op.#Patch & {
  value: {
    apiVersion: "v1"
    kind: "ConfigMap"
    metadata: {name: get.value[0], namespace: context.namespace}
  }
  patch: data: seen: "yes"
}
""",
)


def test_objects_are_listed_remembered_and_patched(lab):
    labelled = configmap(lab, "one", a="1")
    labelled["metadata"]["labels"] = {"kept": "yes"}
    lab.apply(labelled)
    lab.apply(configmap(lab, "two"))
    lab.apply(REMEMBERS)
    found = lab.deliver(app(settings("a"), steps=[step("look", "remembers"), apply_step("a")]))
    assert record(found, "look")["message"] == "1 one"
    assert lab.get("ConfigMap", "one")["data"] == {"a": "1", "seen": "yes"}


def test_an_application_is_served_somewhere(lab):
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"ports": [{"port": 80}]},
    }
    web = {"name": "web", "type": "k8s-objects", "properties": {"objects": [service]}}
    found = lab.deliver(
        app(
            web,
            steps=[
                apply_step("web"),
                act(
                    "where",
                    "collect-service-endpoints",
                    {"components": ["web"]},
                    outputs=[{"name": "url", "valueFrom": "value.url"}],
                ),
                act(
                    "say",
                    "print-message-in-status",
                    {},
                    inputs=[{"from": "url", "parameterKey": "message"}],
                ),
            ],
        )
    )
    assert record(found, "say")["message"] == f"http://web.{lab.namespace}:80"


def test_an_address_is_made_known(lab):
    given = {"name": "database", "ip": "192.0.2.10", "port": 5432, "targetPort": 5433}
    lab.deliver(app(settings("a"), steps=[act("known", "export-service", given)]))
    ports = lab.get("Service", "database")["spec"]["ports"]
    assert [(each["port"], each["targetPort"]) for each in ports] == [(5432, 5433)]
    [subset] = lab.get("Endpoints", "database")["subsets"]
    assert subset["addresses"] == [{"ip": "192.0.2.10"}]


def test_a_database_connection(lab):
    data = {
        "DB_HOST": "db",
        "DB_PORT": "3306",
        "DB_NAME": "shop",
        "DB_USER": "u",
        "DB_PASSWORD": "pass",
    }
    lab.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "rds"}, "stringData": data}
    )
    found = lab.deliver(
        app(
            settings("a"),
            steps=[
                act(
                    "read",
                    "generate-jdbc-connection",
                    {"name": "rds", "namespace": lab.namespace},
                    outputs=[{"name": "url", "valueFrom": "env[0].value"}],
                ),
                act(
                    "write",
                    "export2secret",
                    {"secretName": "copy"},
                    inputs=[{"from": "url", "parameterKey": "data.url"}],
                ),
            ],
        )
    )
    assert set(steps(found).values()) == {"succeeded"}
    assert lab.find("Secret", "copy")
    assert "jdbc://" not in str(found["status"])


def test_an_action_nobody_knows_is_told(lab):
    lab.apply(definition("wrong", '#do: "x"\na: {#do: "raed", #provider: "kube", $params: {}}'))
    lab.apply(app(settings("a"), steps=[step("do", "wrong")]))
    found = lab.until("failing", lambda found: steps(found).get("do") == "failed")
    assert record(found, "do")["message"].startswith("a: function raed not found in provider kube")


def test_a_template_that_does_not_compile_ends_the_workflow(lab):
    lab.apply(definition("broken", "a: {"))
    lab.apply(app(settings("a"), steps=[step("do", "broken")]))
    found = lab.phase("workflowFailed")
    assert record(found, "do")["reason"] == "Rendering"
    assert "invalid cue task for evaluation" in record(found, "do")["message"]


PACKAGE = """
apiVersion: cue.oam.dev/v1alpha1
kind: Package
metadata: {name: NAMESPACE-asks, namespace: vela-system}
spec:
  path: "ext/NAMESPACE"
  provider: {protocol: http, endpoint: "SERVER"}
  templates:
    asks.cue: |
      package asks
      #Ask: {
        #do: "ask"
        #provider: "NAMESPACE-asks"
        $params: name: string
        $returns?: {...}
        ...
      }
"""
ASKS = """
import asks "ext/NAMESPACE"
import "vela/builtin"
ask: asks.#Ask & {$params: name: "boat"}
say: builtin.#Message & {$params: message: ask.$returns.said}
"""


def test_a_package_of_the_users_own_is_asked(lab, server):
    server.answers["/ask"] = {"said": "ahoy"}
    lab.apply(PACKAGE.replace("SERVER", server.url))
    lab.apply(definition("asks", ASKS.replace("NAMESPACE", lab.namespace)))
    found = lab.deliver(app(settings("a"), steps=[step("ask", "asks"), apply_step("a")]))
    assert record(found, "ask")["message"] == "ahoy"
    assert server.asked == [("POST", "/ask", {"name": "boat"})]
    lab.settle()
    lab.plane.restart()
    lab.patch("ConfigMap", "a", {"data": {"x": "1"}})
    lab.settle()
    assert lab.status()["status"] == "running"
    assert len(server.asked) == 1
