"""What is wrong is told with file, line, column, field and what to do; nothing is applied.

Each case goes through `lateen up` on a control plane and through `lateen dry-run --offline`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.planes import Plane, Shell

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


def step(
    name: str, more: str = "", kind: str = "apply-component", p: str = "component: web"
) -> str:
    return f"{{name: {name}, type: {kind}, properties: {{{p}}}{more}}}"


@dataclass(frozen=True)
class Case:
    """`at` is where the mark goes, with the field after it: `7:7  spec.components[0].type`."""

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
    "an input that nothing sets": Case(
        APP + steps(step("one", ", inputs: [{from: adress, parameterKey: port}]")),
        'one would wait for ever: nothing puts out "adress"',
        "11:84  spec.workflow.steps[0].inputs[0].from",
        "no step and no component has outputs",
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
        policy(
            "override",
            "{components: [{name: wob}]}",
            steps(step("go", "", "deploy", "policies: [mine]")),
        ),
        'no component matches "wob"',
        "12:34  spec.policies[0].properties.components[0].name",
        'did you mean "web"?',
    ),
    "deploy with an unknown policy": Case(
        policy(
            "topology", "{clusters: [local]}", steps(step("go", "", "deploy", "policies: [mime]"))
        ),
        "external policy mime not found",
        "15:58  spec.workflow.steps[0].properties.policies[0]",
        'did you mean "mine"?',
    ),
}


# without a control plane, what is named is taken to be there
THERE_ONLY = {"unknown cluster"}


@pytest.fixture(scope="module")
def namespace(plane: Plane) -> Iterator[str]:
    """A namespace for all cases: nothing ever comes into it."""
    name = plane.new_namespace()
    yield name
    plane.drop_namespace(name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of each case."""
    made = tmp_path_factory.mktemp("bad")
    for name, case in CASES.items():
        (made / file_of(name)).write_text(case.text)
    return made


def file_of(name: str) -> str:
    return f"{name.replace(' ', '-')}.yaml"


def told(case: Case, file: str, said: str) -> bool:
    """Whether the problem of a case is told whole, among others or alone."""
    line = case.text.splitlines()[int(case.at.partition(":")[0]) - 1].replace("\t", " ")
    for block in said.split("\n\n"):
        if f"--> {file}:{case.at}" in block:
            head = block.splitlines()[0]
            whole = head.startswith("error: ") and case.message in head
            return whole and f" | {line}\n" in block and case.hint in block
    return False


@pytest.mark.parametrize("name", CASES)
def test_up_refuses_a_file_that_is_wrong(
    plane: Plane, namespace: str, folder: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    said = plane.run_here("up", "-f", file_of(name), "-n", namespace)
    assert (said.code, said.out) == (2, "")
    assert told(CASES[name], file_of(name), said.err), said.err


def test_nothing_of_them_was_applied(plane: Plane, namespace: str) -> None:
    assert plane.names("Application", namespace, "core.oam.dev", "v1beta1") == []
    assert plane.names("Deployment", namespace, "apps") == []
    assert plane.names("ConfigMap", namespace) in ([], ["kube-root-ca.crt"])


def test_a_dry_run_without_a_control_plane_tells_all_of_them(stranger: Shell, folder: Path) -> None:
    """One after the other as far as the text is concerned, then everything there is at once."""
    names = [name for name in CASES if name not in THERE_ONLY]
    while names:
        files = [option for name in names for option in ("-f", file_of(name))]
        said = stranger.run("dry-run", "--offline", *files, expect=2, cwd=folder)
        assert said.out == ""
        found = [name for name in names if told(CASES[name], file_of(name), said.err)]
        assert found, said.err
        names = [name for name in names if name not in found]


@pytest.mark.parametrize(
    ("text", "message", "at", "hint"),
    [
        pytest.param(
            APP.replace('"60"]', '"60"], prot: 80'),
            'unknown parameter "prot", it has no effect',
            "8:44  spec.components[0].properties.prot",
            'did you mean "port"?',
            id="a parameter the type does not have",
        ),
        pytest.param(
            APP + steps(step("one", ", if: status.one.phase ==")),
            "step one is skipped: invalid if value",
            "11:74  spec.workflow.steps[0].if",
            "",
            id="a condition that is none",
        ),
    ],
)
def test_what_is_allowed_but_hardly_meant_is_a_warning(
    stranger: Shell, tmp_path: Path, text: str, message: str, at: str, hint: str
) -> None:
    (tmp_path / "app.yaml").write_text(text)
    said = stranger.run("dry-run", "--offline", "-f", "app.yaml", cwd=tmp_path)
    assert said.err.startswith(f"warning: {message}")
    assert f"--> app.yaml:{at}\n" in said.err
    assert hint in said.err
