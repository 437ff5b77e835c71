"""Who set a field: `lateen blame` and `dry-run --blame` of files, without a control plane."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from lateen.base import documents
from lateen.cli import main

APP = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata:
  name: shop
  labels: {team: blue}
spec:
  components:
    - name: web
      type: thing
      properties:
        image: nginx:1.25
        ports:
          - port: 80
        password: hunter2
      traits:
        - type: size
          properties:
            replicas: 3
        - type: tune
          properties:
            mode: fast
  policies:
    - name: prod
      type: override
      properties:
        components:
          - name: web
            properties:
              image: nginx:1.27
            traits:
              - type: size
                properties:
                  replicas: 5
    - name: here
      type: topology
      properties: {clusters: [local], namespace: production}
"""
THING = """\
thing: {
	type: "component"
	attributes: workload: definition: {apiVersion: "apps/v1", kind: "Deployment"}
}
template: {
	output: {
		apiVersion: "apps/v1"
		kind:       "Deployment"
		spec: {
			paused:   false
			replicas: *1 | int
			template: spec: containers: [{
				name:  context.name
				image: parameter.image
				ports: [for p in parameter.ports {containerPort: p.port, protocol: p.protocol}]
				env: [{name: "MODE", value: "slow"}, {name: "APP", value: "\\(context.appName)-x"}]
			}]
		}
	}
	outputs: secret: {
		apiVersion: "v1"
		kind:       "Secret"
		stringData: password: parameter.password
	}
	parameter: {
		image: string
		ports: [...{port: int, protocol: *"TCP" | string}]
		password: string
	}
}
"""
SIZE = """\
size: {type: "trait", attributes: {}}
template: {
	patch: spec: replicas: parameter.replicas
	parameter: replicas: *2 | int
}
"""
TUNE = """\
tune: {type: "trait", attributes: {}}
template: {
	patch: spec: template: spec: {
		// +patchKey=name
		containers: [{
			name: context.name
			// +patchStrategy=retainKeys
			// +patchKey=name
			env: [{name: "MODE", value: parameter.mode}]
		}]
	}
	parameter: mode: string
}
"""
CONTAINER = "spec.template.spec.containers[0]"
OVERRIDDEN = "spec.policies[0].properties.components[0]"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in {
        "app.yaml": APP,
        "thing.cue": THING,
        "size.cue": SIZE,
        "tune.cue": TUNE,
    }.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(command: str, *words: str) -> Result:
    given = [
        part for name in ("thing.cue", "size.cue", "tune.cue") for part in ("--definitions", name)
    ]
    return CliRunner().invoke(
        main.build(), [command, *words, "--offline", "-f", "app.yaml", *given]
    )


def blamed(path: str, which: str = "Deployment/web") -> list[tuple[str, str, str]]:
    """Kind, where (line and column left to the place) and path of each cause of one field."""
    result = run("blame", which, path, "-o", "json")
    assert result.exit_code == 0, result.output
    [told] = json.loads(result.stdout)
    assert told["field"] == path
    return [
        (
            cause["kind"],
            " ".join(f"{place['file']}:{place['line']}" for place in cause["places"]),
            cause.get("path", ""),
        )
        for cause in told["causes"]
    ]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param(
            f"{CONTAINER}.image",
            [
                ("parameter", "app.yaml:11", "spec.components[0].properties.image"),
                ("override", "app.yaml:29", f"{OVERRIDDEN}.properties.image"),
                ("template", "thing.cue:14 app.yaml:8", "spec.components[0]"),
            ],
            id="a parameter that a policy overrides",
        ),
        pytest.param(
            "spec.replicas",
            [
                ("default", "thing.cue:11 app.yaml:8", "spec.components[0]"),
                ("default", "size.cue:4", ""),
                ("parameter", "app.yaml:18", "spec.components[0].traits[0].properties.replicas"),
                ("override", "app.yaml:33", f"{OVERRIDDEN}.traits[0].properties.replicas"),
                ("trait", "size.cue:3 app.yaml:16", "spec.components[0].traits[0]"),
            ],
            id="a default, and the patch of a trait whose parameter a policy overrides",
        ),
        pytest.param(
            f"{CONTAINER}.env[0].value",
            [
                ("template", "thing.cue:16 app.yaml:8", "spec.components[0]"),
                ("parameter", "app.yaml:21", "spec.components[0].traits[1].properties.mode"),
                ("trait", "tune.cue:9 app.yaml:19", "spec.components[0].traits[1]"),
            ],
            id="a patch of an item that is found by its key",
        ),
        pytest.param(
            f"{CONTAINER}.ports[0].containerPort",
            [
                ("parameter", "app.yaml:13", "spec.components[0].properties.ports[0].port"),
                ("template", "thing.cue:15 app.yaml:8", "spec.components[0]"),
            ],
            id="through the variable of a loop",
        ),
        pytest.param(
            f"{CONTAINER}.ports[0].protocol",
            [
                ("default", "thing.cue:27", ""),
                ("template", "thing.cue:15 app.yaml:8", "spec.components[0]"),
            ],
            id="a default that nobody changed",
        ),
        pytest.param(
            f"{CONTAINER}.env[1].value",
            [
                ("context", "app.yaml:4", "metadata.name"),
                ("template", "thing.cue:16 app.yaml:8", "spec.components[0]"),
            ],
            id="what a template reads from its context",
        ),
        pytest.param(
            "spec.paused",
            [("template", "thing.cue:10 app.yaml:8", "spec.components[0]")],
            id="a constant",
        ),
        pytest.param(
            "metadata.labels.team",
            [("stamp", "app.yaml:5", "metadata.labels.team")],
            id="a label of the application",
        ),
        pytest.param(
            'metadata.labels["app.oam.dev/name"]', [("stamp", "", "")], id="a label of ours"
        ),
        pytest.param(
            "metadata.namespace",
            [("stamp", "app.yaml:36", "spec.policies[1].properties.namespace")],
            id="the namespace a topology names",
        ),
        pytest.param(
            "metadata.name",
            [("stamp", "app.yaml:8", "spec.components[0].name")],
            id="the name of the component",
        ),
    ],
)
def test_the_causes_of_a_field_in_order(path: str, expected: list[tuple[str, str, str]]) -> None:
    assert blamed(path) == expected


@pytest.mark.usefixtures("folder")
def test_a_field_is_told_on_numbered_lines_with_the_last_writer_last() -> None:
    result = run("blame", "deployment/web", f".{CONTAINER}.image")
    first, *lines = result.stdout.splitlines()
    assert first == f'Deployment/web on cluster local  {CONTAINER}.image = "nginx:1.27"'
    found = [re.split(r"\s{2,}", line.strip(), maxsplit=3) for line in lines]
    image = "properties.image = "
    assert found == [
        ["1", "parameter", "app.yaml:11:9", f'spec.components[0].{image}"nginx:1.25"'],
        ["2", 'override policy "prod"', "app.yaml:29:15", f'{OVERRIDDEN}.{image}"nginx:1.27"'],
        ["3", 'template component "thing"', "thing.cue:14:5, app.yaml:8:7", '= "nginx:1.27"'],
    ]


@pytest.mark.usefixtures("folder")
def test_a_whole_object_is_told_beside_its_lines_and_stays_what_it_is() -> None:
    plain = run("dry-run", "-o", "json")
    result = run("dry-run", "--blame")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    [image] = [line for line in lines if "image:" in line]
    assert image.endswith("# parameter app.yaml:11 > override app.yaml:29 > template thing.cue:14")
    [replicas] = [line for line in lines if "replicas:" in line]
    assert replicas.endswith("> override app.yaml:33 > trait size.cue:3")
    read = [document.data for document in documents.load(result.stdout, "blamed")]
    expected = json.loads(plain.stdout)
    for manifest in expected:
        if manifest["kind"] == "Secret":
            manifest["stringData"]["password"] = "(hidden)"
    assert read == expected


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("output", ["table", "json", "yaml"])
def test_the_values_of_a_secret_are_hidden(output: str) -> None:
    name = next(
        each["metadata"]["name"]
        for each in json.loads(run("dry-run", "-o", "json").stdout)
        if each["kind"] == "Secret"
    )
    for words in ((f"Secret/{name}",), (f"Secret/{name}", "stringData"), ()):
        result = run("blame", *words, "-o", output)
        assert result.exit_code == 0, result.output
        assert "hunter2" not in result.output
        assert "(hidden)" in result.output


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        pytest.param(
            ("Deployment/wep",), "there is no Deployment/wep", 'did you mean "Deployment/web"?'
        ),
        pytest.param(
            ("Deployment/web", "spec.replica"),
            "Deployment/web on cluster local has no field spec.replica",
            'did you mean "replicas"?',
        ),
        pytest.param(
            ("Deployment/web", f"{CONTAINER[:-3]}[4].image"),
            f"has no field {CONTAINER[:-3]}[4].image",
            "spec.template.spec.containers has: [0]",
        ),
    ],
)
def test_what_is_not_there(words: tuple[str, ...], message: str, hint: str) -> None:
    result = run("blame", *words)
    assert result.exit_code == 2
    assert message in result.stderr
    assert hint in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        pytest.param((), id="nothing"),
        pytest.param(("-f", "app.yaml", "web"), id="no kind"),
        pytest.param(("-f", "app.yaml", "Deployment/web", "spec[", "x"), id="too much"),
        pytest.param(("shop", "--offline"), id="a live one offline"),
    ],
)
def test_wrong_use(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main.build(), ["blame", *words])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Usage" in result.stderr


@pytest.mark.usefixtures("folder")
def test_yaml_and_json_say_the_same() -> None:
    asked = ("blame", "Deployment/web", "spec.replicas", "-o")
    told: list[Any] = json.loads(run(*asked, "json").stdout)
    [document] = documents.load(run(*asked, "yaml").stdout, "blamed")
    assert document.data == told
    assert told[0]["object"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "namespace": "production",
        "name": "web",
        "cluster": "local",
    }
