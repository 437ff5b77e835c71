"""What is wrong is told with file, line, column, field and what to do; nothing is applied.

Each case goes through `lateen up` on a control plane and through `lateen dry-run --offline`.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.planes import Plane

START = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: bad}
spec:
"""
WEB = """\
  components:
    - name: web
      type: process
      properties: {command: [sleep, "60"]}
"""
APP = START + WEB


def trait(kind: str, properties: str) -> str:
    return f"{APP}      traits:\n        - type: {kind}\n          properties: {properties}\n"


def policy(kind: str, properties: str, more: str = "") -> str:
    entry = f"    - name: mine\n      type: {kind}\n      properties: {properties}\n"
    return f"{APP}  policies:\n{entry}{more}"


def steps(*entries: str) -> str:
    return "  workflow:\n    steps:\n" + "".join(f"      - {entry}\n" for entry in entries)


def step(name: str, more: str = "", kind: str = "apply-component", p: str = "component: web") -> str:
    return f"{{name: {name}, type: {kind}, properties: {{{p}}}{more}}}"


@dataclass(frozen=True)
class Case:
    """`at` is where the first mark goes, with the field after it: `7:7  spec.components[0].type`."""

    text: str
    message: str
    at: str
    hint: str


CASES = {
    # YAML
    "open bracket": Case(
        APP.replace("]}", "}"), "expected ',' or ']', but got '}'", "8:41", "check the indentation"
    ),
    "open quote": Case(
        APP.replace('60"', "60"),
        "found unexpected end of stream while scanning a quoted scalar",
        "8:37",
        "close the quote that begins here",
    ),
    "tab": Case(
        START + "  components:\n\t- name: web\n", r"found character '\t'", "6:1", "with spaces"
    ),
    "indentation": Case(
        APP.replace("      type:", "       type:"),
        "mapping values are not allowed here",
        "7:12",
        "indent it as the line above",
    ),
    "duplicate key": Case(
        APP.replace("      type:", "      type: worker\n      type:"),
        'found duplicate key "type"',
        "8:7",
        "give each key once",
    ),
    # the form
    "a list": Case("- a\n- b\n", "expected a map, found a list", "1:1", "an application starts"),
    "a text": Case("hello\n", 'expected a map, found the text "hello"', "1:1", "an application"),
    "not Kubernetes": Case(
        "replicas: 2\n", "apiVersion is missing", "1:1  apiVersion", "core.oam.dev/v1beta1"
    ),
    "unknown kind": Case(
        APP.replace("Application", "Aplication"),
        "core.oam.dev has no kind Aplication",
        "2:1  kind",
        'did you mean "Application"?',
    ),
    "old version": Case(
        APP.replace("v1beta1", "v1alpha2"),
        "Application has no version core.oam.dev/v1alpha2",
        "1:1  apiVersion",
        "write `apiVersion: core.oam.dev/v1beta1`",
    ),
    "invalid name": Case(
        APP.replace("name: bad", "name: My_App"),
        '"My_App" is not a name',
        "3:12  metadata.name",
        'for example "my-app"',
    ),
    "no name": Case(
        APP.replace("{name: bad}", "{labels: {}}"), "name is missing", "3:1  metadata.name", "add `"
    ),
    "unknown field": Case(
        APP + "      trait: []\n",
        "there is no field trait here",
        "9:7  spec.components[0].trait",
        'did you mean "traits"?',
    ),
    "parameter outside properties": Case(
        APP + "      command: [sleep]\n",
        "there is no field command here",
        "9:7  spec.components[0].command",
        'parameters of the type go under "properties"',
    ),
    "field of the wrong type": Case(
        APP.replace("type: process", "type: [process]"),
        "expected text, found a list",
        "7:7  spec.components[0].type",
        "",
    ),
    # types
    "unknown component type": Case(
        APP.replace("process", "proces"),
        'there is no component type "proces"',
        "7:7  spec.components[0].type",
        'did you mean "process"? there are: ',
    ),
    "unknown trait": Case(
        trait("scalar", "{replicas: 2}"),
        'there is no trait type "scalar"',
        "10:11  spec.components[0].traits[0].type",
        'did you mean "scaler"?',
    ),
    "unknown policy type": Case(
        policy("topologi", "{clusters: [local]}"),
        'there is no policy type "topologi"',
        "11:7  spec.policies[0].type",
        'did you mean "topology"?',
    ),
    "unknown step type": Case(
        APP + steps(step("one", kind="aply-component")),
        'there is no workflow step type "aply-component"',
        "11:21  spec.workflow.steps[0].type",
        'did you mean "apply-component"?',
    ),
    # parameters
    "text for a number": Case(
        trait("scaler", "{replicas: two}"),
        'expected int, found string "two"',
        "11:24  spec.components[0].traits[0].properties.replicas",
        "",
    ),
    "number in quotes": Case(
        trait("scaler", '{replicas: "2"}'),
        'expected int, found string "2"',
        "11:24  spec.components[0].traits[0].properties.replicas",
        "write it without quotes: 2",
    ),
    "number for text": Case(
        APP.replace('{command: [sleep, "60"]}', "{command: [a], workingDir: 7}"),
        "expected string, found number 7",
        "8:34  spec.components[0].properties.workingDir",
        'put it in quotes: "7"',
    ),
    "text for a list": Case(
        APP.replace('[sleep, "60"]', "sleep 60"),
        'expected list, found string "sleep 60"',
        "8:20  spec.components[0].properties.command",
        'write a list: ["sleep 60"]',
    ),
    "missing parameter": Case(
        APP.replace('command: [sleep, "60"]', "port: 80"),
        'required parameter "command" is not set',
        "8:7  spec.components[0].properties.command",
        "add command (list): The program",
    ),
    "no properties": Case(
        APP.replace('      properties: {command: [sleep, "60"]}\n', ""),
        'required parameter "command" is not set',
        "6:7  spec.components[0].properties.command",
        "add command (list): The program",
    ),
    "mistyped parameter": Case(
        APP.replace("command:", "comand:"),
        'required parameter "command" is not set',
        "8:7  spec.components[0].properties.command",
        'is it what was meant by "comand"?',
    ),
    "parameter within another": Case(
        APP.replace('"60"]', '"60"], readinessProbe: {httpGet: {path: /}}'),
        'required parameter "port" is not set',
        "8:61  spec.components[0].properties.readinessProbe.httpGet.port",
        "add port (int): Port of the request",
    ),
    "what a template refuses": Case(
        APP.replace('[sleep, "60"]', "[]"),
        "command must name a program",
        "6:7  spec.components[0]",
        "",
    ),
    # components
    "two of a name": Case(
        APP + WEB.partition("\n")[2],
        'the name "web" is taken by spec.components[0]',
        "9:7  spec.components[1].name",
        "give each component a name of its own",
    ),
    "components in a circle": Case(
        APP
        + "      dependsOn: [db]\n"
        + WEB.partition("\n")[2].replace("web", "db")
        + "      dependsOn: [web]\n",
        "components wait for each other: web -> db -> web",
        "9:7  spec.components[0].dependsOn",
        "remove one of these dependencies",
    ),
    "unknown dependency": Case(
        APP + "      dependsOn: [wob]\n",
        "component wob not found, which is depended by web",
        "9:19  spec.components[0].dependsOn[0]",
        "components are web",
    ),
    # the workflow
    "steps in a circle": Case(
        APP + steps(step("one", ", dependsOn: [two]"), step("two", ", dependsOn: [one]")),
        "steps wait for each other: one -> two -> one",
        "11:9  spec.workflow.steps[0]",
        "remove one of these dependencies",
    ),
    "unknown step": Case(
        APP + steps(step("one"), step("two", ", dependsOn: [onne]")),
        "step onne not found, which is depended by two",
        "12:86  spec.workflow.steps[1].dependsOn[0]",
        'did you mean "one"?',
    ),
    "two steps of a name": Case(
        APP + steps(step("one"), step("one")),
        'the step name "one" is taken by spec.workflow.steps[0]',
        "12:10  spec.workflow.steps[1].name",
        "give each step a name of its own",
    ),
    "step for no component": Case(
        APP + steps(step("one", p="component: wob")),
        "component wob not found",
        "11:57  spec.workflow.steps[0].properties.component",
        'did you mean "web"?',
    ),
    "timeout in words": Case(
        APP + steps(step("one", ", timeout: soon")),
        '"soon" is not a duration: write 30s, 5m or 1h30m',
        "11:74  spec.workflow.steps[0].timeout",
        "",
    ),
    # policies
    "unknown cluster": Case(
        policy("topology", "{clusters: [prod]}"),
        'there is no cluster "prod"',
        "12:31  spec.policies[0].properties.clusters[0]",
        "known clusters: local",
    ),
    "topology with an unknown field": Case(
        policy("topology", "{cluster: [local]}"),
        'topology policy mine has no field "cluster"',
        "12:20  spec.policies[0].properties.cluster",
        'did you mean "clusters"?',
    ),
    "override with an unknown field": Case(
        policy("override", "{components: [{name: web, propertis: {port: 80}}]}"),
        'an overridden component has no field "propertis"',
        "12:45  spec.policies[0].properties.components[0].propertis",
        'did you mean "properties"?',
    ),
    "override of no component": Case(
        policy("override", "{components: [{name: wob}]}", steps(step("go", "", "deploy", "policies: [mine]"))),
        'no component matches "wob"',
        "12:34  spec.policies[0].properties.components[0].name",
        'did you mean "web"?',
    ),
    "deploy with an unknown policy": Case(
        policy("topology", "{clusters: [local]}", steps(step("go", "", "deploy", "policies: [mime]"))),
        "external policy mime not found",
        "15:58  spec.workflow.steps[0].properties.policies[0]",
        'did you mean "mine"?',
    ),
}


@pytest.fixture(scope="module")
def namespace(plane: Plane) -> Iterator[str]:
    """A namespace for all cases: nothing ever comes into it."""
    name = plane.new_namespace()
    yield name
    plane.drop_namespace(name)


@pytest.fixture
def refused(plane: Plane, namespace: str, tmp_path: Path) -> Iterator[Path]:
    """A directory to run a command in; what the command reads must not be applied."""
    yield tmp_path
    assert plane.names("Application", namespace, "core.oam.dev", "v1beta1") == []
    assert plane.names("Deployment", namespace, "apps") == []
    assert plane.names("ConfigMap", namespace) in ([], ["kube-root-ca.crt"])


@pytest.mark.parametrize("name", CASES)
def test_a_file_that_is_wrong(plane: Plane, namespace: str, refused: Path, name: str) -> None:
    case = CASES[name]
    (refused / "app.yaml").write_text(case.text)
    file = ("-f", "app.yaml", "-n", namespace)
    with ThreadPoolExecutor(2) as both:
        up = both.submit(plane.run, "up", *file, expect=2, cwd=refused)
        rehearsal = both.submit(plane.run, "dry-run", "--offline", *file, expect=2, cwd=refused)
    line = case.text.splitlines()[int(case.at.partition(":")[0]) - 1].replace("\t", " ")
    for said in (up.result(), rehearsal.result()):
        assert said.out == ""
        assert said.err.startswith("error: ")
        assert case.message in said.err.splitlines()[0]
        assert f"--> app.yaml:{case.at}" in said.err
        assert f" | {line}\n" in said.err
        assert case.hint in said.err
