"""`lateen def impact` and `def apply --impact`: what publishing would do, before it is done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lateen.api.manifest import Key
from lateen.cli.exits import Exit
from lateen.definitions import files
from tests.controllers.charts import written
from tests.sources import packing

VAULT = """\
vault: {
	type: "component"
	attributes: workload: definition: {apiVersion: "apps/v1", kind: "Deployment"}
}
template: {
	output: {
		apiVersion: "apps/v1"
		kind: "Deployment"
		spec: {
			replicas: 1
			selector: matchLabels: app: context.name
			template: {
				metadata: labels: app: context.name
				spec: containers: [{name: "main", image: parameter.image}]
			}
		}
	}
	outputs: secret: {
		apiVersion: "v1"
		kind: "Secret"
		metadata: name: "vault-\\(context.name)"
		stringData: password: "hunter2"
	}
	parameter: image: string
}
"""
APP = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: %s}
spec:
  components:
    - name: %s
      type: vault
      properties: {image: nginx}
"""


@pytest.fixture
def run(shell, namespace):
    def called(*arguments):
        return shell.run("def", *arguments, "-n", namespace)

    return called


@pytest.fixture
def file(shell, run, namespace):
    """The file of a published type that two applications use."""
    path = shell.write(VAULT, "vault.cue")
    result = run("apply", path)
    assert result.exit_code == Exit.OK, result.output
    for name in ("one", "two"):
        app = shell.write(APP % (name, name), f"{name}.yaml")
        result = shell.run("up", "-f", app, "-n", namespace, "--no-wait")
        assert result.exit_code == Exit.OK, result.output
    return path


def change(shell, *replacements):
    text = VAULT
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    shell.write(text, "vault.cue")


IMAGE = ("parameter.image}", '"reg/\\(parameter.image)"}')
REPLICAS = ("replicas: 1", "replicas: 2")
PASSWORD = ("hunter2", "hunter3")


def test_what_would_change(shell, run, file, namespace):
    change(shell, IMAGE, REPLICAS, PASSWORD)
    result = run("impact", file)
    assert result.exit_code == Exit.OK, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == f"{namespace}/one"
    assert f"  ~ Deployment {namespace}/one  restarts its pods" in lines
    assert "      spec.replicas: 1 -> 2" in lines
    assert ('      spec.template.spec.containers[0].image: "nginx" -> "reg/nginx"') in lines
    assert lines[-1] == (
        "2 applications concerned: 2 would change, in 4 objects, of which 2 restart or end pods"
    )
    assert "hunter" not in result.output


def test_as_data(shell, run, file, namespace):
    change(shell, REPLICAS)
    found = json.loads(run("impact", file, "-o", "json").stdout)
    assert [(each["namespace"], each["name"]) for each in found] == [
        (namespace, "one"),
        (namespace, "two"),
    ]
    [changed] = found[0]["changes"]
    assert (changed["kind"], changed["effect"]) == ("Deployment", "")
    assert changed["fields"] == [{"path": "spec.replicas", "before": 1, "after": 2}]


@pytest.mark.parametrize(
    ("edits", "gate", "code"),
    [
        pytest.param([REPLICAS], "restart", Exit.OK, id="scaling restarts nothing"),
        pytest.param([REPLICAS], "change", Exit.FAILED, id="but changes something"),
        pytest.param([IMAGE], "restart", Exit.FAILED, id="an image restarts"),
        pytest.param([], "change", Exit.OK, id="nothing changes"),
        pytest.param(
            [("parameter: image: string", "parameter: {image: string, port: int}")],
            *("restart", Exit.FAILED),
            id="what could not be delivered is worse",
        ),
    ],
)
def test_the_gate(plane, shell, run, file, namespace, edits, gate, code):
    change(shell, *edits)
    assert run("impact", file, "--fail-on", gate).exit_code == code
    key = Key("core.oam.dev", "ComponentDefinition", namespace, "vault", "v1beta1")
    before = plane.call(plane.client.get, key)["metadata"]["resourceVersion"]
    applied = run("apply", file, "--fail-on", gate)
    assert applied.exit_code == code
    after = plane.call(plane.client.get, key)["metadata"]["resourceVersion"]
    published = code == Exit.OK and bool(edits)
    assert (after != before) is published
    assert ("Nothing was published." in applied.stderr) is (code != Exit.OK)


def test_apply_shows_it_first(shell, run, file, namespace):
    change(shell, REPLICAS)
    result = run("apply", file, "--impact")
    assert result.exit_code == Exit.OK
    assert f"~ Deployment {namespace}/one" in result.stderr
    assert result.stdout == f"ComponentDefinition vault updated in namespace {namespace}\n"


def test_what_nobody_uses(shell, run):
    path = shell.write(VAULT, "vault.cue")
    assert run("impact", path).stdout == "No application uses it.\n"


def test_a_wrong_file_has_no_impact(shell, run):
    path = shell.write(VAULT.replace("parameter.image", "parmeter.image"), "vault.cue")
    result = run("impact", path)
    assert result.exit_code == Exit.INPUT
    assert "vault.cue:14:" in result.stderr


def test_an_application_with_a_chart(shell, run, namespace, tmp_path):
    source = written(tmp_path / "demo", packing.chart())
    component = f"{{name: web, type: helmchart, properties: {{chart: {{source: {source}}}}}}}"
    text = APP.partition("  components:")[0] % "charted" + f"  components: [{component}]\n"
    done = shell.run("up", "-f", shell.write(text), "-n", namespace, "--no-wait")
    assert done.exit_code == Exit.OK, done.output
    builtin = Path(files.__file__).parent.joinpath("builtin", "helmchart.cue").read_text()
    changed = builtin.replace("\t\tdata: {\n", '\t\tdata: {\n\t\t\tword: "new"\n', 1)
    result = run("impact", shell.write(changed, "helmchart.cue"))
    assert result.exit_code == Exit.OK, result.output
    lines = result.stdout.splitlines()
    assert f"  ~ ConfigMap {namespace}/web-helm-release" in lines, result.output
    assert '      data.word: "new" (new)' in lines
