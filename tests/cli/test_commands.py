"""The commands against a real API server. The controllers' part is played by the tests."""

from __future__ import annotations

import json
import time

import pytest

from lateen import hub
from lateen.api.manifest import Key
from lateen.cli.exits import Exit
from tests.cli.conftest import APP

SERVICE = {"name": "web", "healthy": True, "message": "Ready:1/1"}
RUNNING = {
    "observedGeneration": 1,
    "status": "running",
    "services": [SERVICE],
    "workflow": {"steps": [{"id": "a", "name": "web", "phase": "succeeded"}]},
}


def key(namespace, name="shop"):
    return Key("core.oam.dev", "Application", namespace, name, "v1beta1")


def exists(plane, found):
    async def ask():
        try:
            return await plane.client.get(found)
        except hub.ApiError as error:
            if error.not_found:
                return None
            raise

    return plane.call(ask)


def test_up_says_what_it_did(shell, namespace):
    file = shell.write(APP)
    for text, word in ((APP, "created"), (APP, "unchanged"), (APP + "  policies: []\n", "updated")):
        shell.write(text)
        result = shell.run("up", "-f", file, "-n", namespace, "--no-wait")
        assert (result.exit_code, result.stdout) == (Exit.OK, f"application shop {word}\n")


def test_up_follows_the_delivery_until_it_is_healthy(shell, namespace, controller):
    step = {"id": "a", "name": "web", "phase": "running", "message": "wait healthy"}
    status = {"observedGeneration": 1, "status": "runningWorkflow", "workflow": {"steps": [step]}}
    controller(status)
    with shell.open("up", "-f", shell.write(APP), "-n", namespace) as process:
        said = [process.stdout.readline()]
        while said[-1] not in ("shop: step web running: wait healthy\n", ""):
            said.append(process.stdout.readline())
        controller(RUNNING)
        said += process.stdout.readlines()
        assert process.wait(90) == Exit.OK, said
    assert said[0] == "application shop created\n"
    assert "shop: step web succeeded\n" in said
    assert said[-1] == "✓ shop is healthy (1 component)\n"


def test_up_tells_why_a_delivery_failed(shell, namespace, controller):
    failed = {"id": "a", "name": "web", "phase": "failed", "message": "no such image"}
    controller(
        {"observedGeneration": 1, "status": "workflowFailed", "workflow": {"steps": [failed]}}
    )
    result = shell.run("up", "-f", shell.write(APP), "-n", namespace)
    assert result.exit_code == Exit.UNHEALTHY
    assert "shop failed (workflowFailed)" in result.stderr
    assert "step web failed: no such image" in result.stderr


async def report(plane, namespace, status):
    await plane.client.patch(key(namespace), {"status": status}, subresource="status")


def test_up_stops_waiting_when_the_time_is_up(shell, namespace, plane):
    service = {"name": "web", "healthy": False, "message": "Ready:0/1"}
    up = ("up", "-f", shell.write(APP), "-n", namespace)
    shell.run(*up, "--no-wait")
    status = {"observedGeneration": 1, "status": "unhealthy", "services": [service]}
    plane.call(report, plane, namespace, status)
    # how it is is told even if there is less time than asking for it takes
    result = shell.run(*up, "--timeout", "0.001s")
    assert result.exit_code == Exit.TIMEOUT
    assert "shop is not healthy after 0s (unhealthy)" in result.stderr
    assert "component web is not healthy: Ready:0/1" in result.stderr


def test_up_sends_nothing_when_anything_is_wrong(shell, namespace, plane):
    other = f"""\
apiVersion: v1
kind: ConfigMap
metadata: {{name: settings, namespace: {namespace}}}
---
"""
    file = shell.write(other + APP.replace("type: webservice", "type: webservic"))
    result = shell.run("up", "-f", file, "-n", namespace)
    assert result.exit_code == Exit.INPUT
    assert f"--> {file}:11:7  spec.components[0].type" in result.stderr
    assert 'did you mean "webservice"?' in result.stderr
    assert exists(plane, Key("", "ConfigMap", namespace, "settings", "v1")) is None
    assert exists(plane, key(namespace)) is None


def test_up_applies_what_an_application_needs_before_it(shell, namespace, plane):
    """The definition comes last in the file, and in the application's own namespace."""
    definition = """\
---
apiVersion: core.oam.dev/v1beta1
kind: ComponentDefinition
metadata: {name: settings}
spec:
  workload: {type: autodetects.core.oam.dev}
  schematic:
    cue:
      template: |
        output: {apiVersion: "v1", kind: "ConfigMap", data: parameter}
        parameter: [string]: string
"""
    app = APP.replace("type: webservice", "type: settings")
    result = shell.run("up", "-f", shell.write(app + definition), "-n", namespace, "--no-wait")
    assert result.exit_code == Exit.OK, result.output
    assert result.stdout.splitlines() == [
        "ComponentDefinition settings created",
        "application shop created",
    ]


def test_up_brings_a_kind_and_an_object_of_it(shell, namespace, plane):
    group = f"{namespace}.example.com"
    text = f"""\
apiVersion: {group}/v1
kind: Boat
metadata: {{name: one, namespace: {namespace}}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: boats.{group}}}
spec:
  group: {group}
  scope: Namespaced
  names: {{kind: Boat, plural: boats}}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {{openAPIV3Schema: {{type: object}}}}
"""
    result = shell.run("up", "-f", shell.write(text))
    assert result.exit_code == Exit.OK, result.output
    assert result.stdout.splitlines() == [
        f"CustomResourceDefinition boats.{group} created",
        "Boat one created",
    ]
    crd = Key("apiextensions.k8s.io", "CustomResourceDefinition", "", f"boats.{group}", "v1")
    plane.call(plane.client.delete, crd)


def test_up_of_a_kind_there_is_not(shell, namespace):
    text = f"apiVersion: apps/v1\nkind: Deploymet\nmetadata: {{name: a, namespace: {namespace}}}\n"
    file = shell.write(text)
    result = shell.run("up", "-f", file)
    assert result.exit_code == Exit.INPUT
    assert f"--> {file}:2:1  kind" in result.stderr
    assert 'did you mean "Deployment"?' in result.stderr


def test_up_into_a_namespace_there_is_not(shell):
    result = shell.run("up", "-f", shell.write(APP), "-n", "nowhere", "--no-wait")
    assert result.exit_code == Exit.INPUT
    assert "there is no namespace nowhere" in result.stderr
    assert "kubectl create namespace nowhere" in result.stderr


def test_up_does_not_choose_between_two_namespaces(shell, namespace):
    file = shell.write(APP.replace("{name: shop}", "{name: shop, namespace: other}"))
    result = shell.run("up", "-f", file, "-n", namespace, "--no-wait")
    assert result.exit_code == Exit.INPUT
    assert f"--> {file}:3:24  metadata.namespace" in result.stderr


def test_what_the_server_refuses_is_shown_in_the_file(shell, namespace):
    file = shell.write(
        f"apiVersion: v1\nkind: Service\nmetadata: {{name: s, namespace: {namespace}}}\n"
        "spec:\n  ports:\n    - port: 70000\n"
    )
    result = shell.run("up", "-f", file)
    assert result.exit_code == Exit.INPUT
    assert f"--> {file}:6:7  spec.ports[0].port" in result.stderr


def test_ls_is_plain_in_a_pipe(shell, namespace, controller, plane):
    text = APP + "      traits: [{type: scaler}, {type: labels}]\n"
    text += "    - {name: db, type: worker, properties: {image: db}}\n"
    shell.run("up", "-f", shell.write(text), "-n", namespace, "--no-wait")
    services = [SERVICE, {"name": "db", "healthy": False}]
    status = {**RUNNING, "services": services}
    plane.call(lambda: plane.client.patch(key(namespace), {"status": status}, subresource="status"))
    result = shell.run("ls", "-n", namespace)
    header, *rows = [line.split() for line in result.stdout.splitlines()]
    assert " ".join(header) == "NAME NAMESPACE COMPONENT TYPE TRAITS PHASE HEALTHY STATUS AGE"
    assert [row[:8] for row in rows] == [
        ["shop", namespace, "web", "webservice", "scaler,labels", "running", "true", "Ready:1/1"],
        ["shop", namespace, "db", "worker", "-", "running", "false", "-"],
    ]
    [found] = json.loads(shell.run("ls", "-n", namespace, "-o", "json").stdout)
    assert found["metadata"]["name"] == "shop"
    assert "managedFields" not in found["metadata"]


def test_ls_of_nothing(shell, namespace):
    result = shell.run("ls", "-n", namespace)
    assert (result.exit_code, result.stdout) == (Exit.OK, "")
    assert f"There is no application in namespace {namespace}." in result.stderr
    assert shell.run("ls", "-n", namespace, "-o", "json").stdout == "[]\n"


def test_ls_by_what_is_selected(shell, namespace):
    labelled = APP.replace("{name: shop}", "{name: shop, labels: {team: a}}")
    shell.run("up", "-f", shell.write(labelled), "-n", namespace, "--no-wait")

    def listed(*options):
        done = shell.run("ls", "-n", namespace, *options, "-o", "json")
        return [each["metadata"]["name"] for each in json.loads(done.stdout)]

    assert (listed("-l", "team=a"), listed("-l", "team!=a")) == (["shop"], [])
    assert listed("--field-selector", "metadata.name=other") == []
    nothing = shell.run("ls", "-n", namespace, "-l", "team=b")
    assert f"There is no application in namespace {namespace} that is selected." in nothing.stderr
    wrong = shell.run("ls", "-n", namespace, "-l", "team in b")
    assert wrong.exit_code == Exit.INPUT, wrong.output
    assert "found 'b' expected: '('" in wrong.stderr


def test_status_of_one_that_is_not_there(shell, namespace):
    shell.run("up", "-f", shell.write(APP), "-n", namespace, "--no-wait")
    near = shell.run("status", "shopp", "-n", namespace)
    assert near.exit_code == Exit.NOT_FOUND
    assert 'did you mean "shop"?' in near.stderr
    elsewhere = shell.run("status", "shop", "-n", "default")
    assert elsewhere.exit_code == Exit.NOT_FOUND
    assert "there is one in namespace" in elsewhere.stderr


def test_status_shows_components_steps_and_what_is_wrong(shell, namespace, plane):
    shell.run("up", "-f", shell.write(APP), "-n", namespace, "--no-wait")
    status = {
        **RUNNING,
        "status": "unhealthy",
        "services": [{"name": "web", "healthy": False, "message": "Ready:0/1"}],
    }
    plane.call(lambda: plane.client.patch(key(namespace), {"status": status}, subresource="status"))
    result = shell.run("status", "shop", "-n", namespace)
    assert result.exit_code == Exit.OK
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "Phase: unhealthy" in lines
    assert "web - false Ready:0/1" in lines
    assert "web - succeeded -" in lines
    assert "component web is not healthy: Ready:0/1" in result.stderr
    app = json.loads(shell.run("status", "shop", "-n", namespace, "-o", "json").stdout)
    assert app["status"] == status


@pytest.fixture
def deployed(shell, namespace, plane):
    """An application with a Deployment, whose pods wait for a node for ever."""
    shell.run("up", "-f", shell.write(APP), "-n", namespace, "--no-wait")
    labels = {"app": "web"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {"selector": {"matchLabels": labels}, "template": pod},
    }
    applied = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "namespace": namespace,
        "name": "web",
    }
    status = {**RUNNING, "appliedResources": [applied]}

    async def prepare():
        await plane.client.create(deployment)
        await plane.client.patch(key(namespace), {"status": status}, subresource="status")

    plane.call(prepare)


def test_the_tree_goes_down_to_the_pods(shell, namespace, deployed):
    def tree():
        found = json.loads(
            shell.run("status", "shop", "--tree", "-n", namespace, "-o", "json").stdout
        )
        chain = []
        while found:
            chain.append(found[0])
            found = found[0].get("children")
        return chain

    last = time.monotonic() + 60
    while len(chain := tree()) < 3 and time.monotonic() < last:
        time.sleep(0.05)
    assert [node["kind"] for node in chain] == ["Deployment", "ReplicaSet", "Pod"]
    assert not chain[0]["healthy"], "a pod that waits is no healthy application"
    drawn = shell.run("status", "shop", "--tree", "-n", namespace).stdout
    assert drawn.startswith("cluster local\n")
    assert "✗ Deployment web" in drawn


def test_endpoints_when_nobody_answers(shell, namespace, deployed):
    result = shell.run("status", "shop", "--endpoint", "-n", namespace)
    assert (result.exit_code, result.stdout) == (Exit.OK, "")
    assert "no pod with a port is ready" in result.stderr


def test_logs_of_what_has_not_started(shell, namespace, deployed):
    result = shell.run("logs", "shop", "-n", namespace)
    assert (result.exit_code, result.stdout) == (Exit.OK, "")
    assert "no container that has written yet" in result.stderr
    wrong = shell.run("logs", "shop", "-c", "nope", "-n", namespace)
    assert wrong.exit_code == Exit.NOT_FOUND
    assert "components are web" in wrong.stderr


def test_delete_says_what_goes_and_waits_until_it_is_gone(shell, namespace, deployed, plane):
    result = shell.run("delete", "shop", "-n", namespace)
    assert (result.exit_code, result.stdout) == (Exit.OK, "application shop deleted\n")
    assert f"Deployment {namespace}/web" in result.stderr
    assert exists(plane, key(namespace)) is None


def test_delete_tells_what_it_waits_for(shell, namespace, plane):
    held = APP.replace("{name: shop}", "{name: shop, finalizers: [tests.lateen.dev/held]}")
    shell.run("up", "-f", shell.write(held), "-n", namespace, "--no-wait")
    result = shell.run("delete", "shop", "-n", namespace, "--timeout", "1s")
    assert result.exit_code == Exit.TIMEOUT
    assert "not everything is gone after 1s" in result.stderr
    plane.call(lambda: plane.client.patch(key(namespace), {"metadata": {"finalizers": None}}))


def test_delete_of_several_is_all_or_nothing(shell, namespace, plane):
    shell.run("up", "-f", shell.write(APP), "-n", namespace, "--no-wait")
    result = shell.run("delete", "shop", "shopp", "-n", namespace)
    assert result.exit_code == Exit.NOT_FOUND
    assert exists(plane, key(namespace)) is not None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param([], "name applications, or give --all", id="nothing"),
        pytest.param(["shop", "--all"], "name applications, or give --all", id="one, and all"),
        pytest.param(["shop", "--orphan", "--with-data"], "one of the two", id="less, and more"),
    ],
)
def test_delete_of_what_is_not_said(shell, namespace, arguments, message):
    done = shell.run("delete", *arguments, "-n", namespace)
    assert (done.exit_code, message in done.stderr) == (Exit.INPUT, True), done.output


def test_delete_of_all_that_there_is(shell, namespace, plane):
    nothing = shell.run("delete", "--all", "-n", namespace)
    assert nothing.exit_code == Exit.OK, nothing.output
    assert f"There is no application in namespace {namespace}." in nothing.stderr
    shell.run("up", "-f", shell.write(APP), "-n", namespace, "--no-wait")
    assert shell.run("delete", "--all", "-n", namespace).stdout == "application shop deleted\n"
    assert exists(plane, key(namespace)) is None


def test_dry_run_uses_what_is_installed_and_changes_nothing(shell, namespace, plane):
    result = shell.run("dry-run", "-f", shell.write(APP), "-n", namespace, "-o", "json")
    assert result.exit_code == Exit.OK, result.output
    [deployment] = json.loads(result.stdout)
    assert (deployment["kind"], deployment["metadata"]["name"]) == ("Deployment", "web")
    assert exists(plane, key(namespace)) is None


def test_dry_run_knows_shared_policies(shell, namespace, plane):
    app = APP + "  workflow: {steps: [{type: deploy, name: go, properties: {policies: [more]}}]}\n"
    policy = f"""\
apiVersion: core.oam.dev/v1alpha1
kind: Policy
metadata: {{name: more, namespace: {namespace}}}
type: override
properties: {{components: [{{name: web, traits: [{{type: scaler, properties: {{replicas: 7}}}}]}}]}}
"""
    arguments = ("-n", namespace, "-o", "json")
    for text in (app + "---\n" + policy, app):  # from the file, then from the control plane
        result = shell.run("dry-run", "-f", shell.write(text), *arguments)
        assert result.exit_code == Exit.OK, result.output
        assert json.loads(result.stdout)[0]["spec"]["replicas"] == 7
        shell.run("up", "-f", shell.write(policy))


def test_version_of_both_sides(shell):
    found = json.loads(shell.run("version", "-o", "json").stdout)
    assert found["server"].startswith("v1.")


def test_the_control_plane_can_be_named_before_and_behind_the_command(shell, namespace):
    before = shell.run("--kubeconfig", "/nowhere", "ls", "-n", namespace)
    behind = shell.run("ls", "-n", namespace, "--kubeconfig", "/nowhere")
    assert (before.exit_code, behind.exit_code) == (Exit.UNREACHABLE, Exit.UNREACHABLE)
    nearer = shell.run("--kubeconfig", "/nowhere", "ls", "--kubeconfig", str(shell.kubeconfig))
    assert nearer.exit_code == Exit.OK
