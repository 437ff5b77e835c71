"""`lateen config` and `lateen config-template`: from a template to a copy in another namespace."""

from __future__ import annotations

import base64
import json
from functools import partial

import pytest
from typer.testing import CliRunner

from lateen.cli import main
from lateen.cli.exits import Exit
from tests.controllers.apps import configmap

TEMPLATE = """\
metadata: {
	name:        "registry"
	alias:       "Registry"
	description: "Where images are"
	scope:       "project"
}
template: {
	output: {
		apiVersion: "v1"
		kind:       "Secret"
		type:       "Opaque"
		stringData: address: parameter.address
	}
	outputs: notes: {
		apiVersion: "v1"
		kind:       "ConfigMap"
		metadata: name: context.name + "-notes"
		data: user: parameter.auth.user
	}
	parameter: {
		// +usage=Where it is
		address: string
		auth: {user: string, password: string}
		retries: *3 | int
	}
}
"""
GIVEN = ["address=r.example.com", "auth.user=ann", "auth.password=12345", "retries=5"]


@pytest.fixture
def lateen(lab, tmp_path, monkeypatch):
    """Runs a command in the namespace of the test, beside the file of the template."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "registry.cue").write_text(TEMPLATE)

    def run(*arguments):
        return CliRunner().invoke(
            main.build(),
            [*arguments, "-n", lab.namespace],
            env={"KUBECONFIG": str(lab.plane.kube.kubeconfig), "COLUMNS": "200"},
        )

    return run


@pytest.fixture
def made(lab, lateen):
    """The arguments that make a config by a template that is there."""
    done = lateen("config-template", "apply", "-f", "registry.cue")
    assert done.stdout == "config template registry created\n", done.output
    return ["config", "create", "hub", "-t", f"{lab.namespace}/registry"]


def told(done):
    assert done.exit_code == Exit.OK, done.output
    return json.loads(done.stdout)


def plain(secret):
    return {k: base64.b64decode(v).decode() for k, v in secret["data"].items()}


def secrets(lab, namespace):
    found, _ = lab.plane.call(partial(lab.plane.user.list, "", "v1", "Secret", namespace=namespace))
    return found


def test_a_template_says_what_its_configs_have(lateen, made):
    again = lateen("config-template", "apply", "-f", "registry.cue")
    assert again.stdout == "config template registry unchanged\n"
    [listed] = told(lateen("config-template", "list", "-o", "json"))
    assert (listed["name"], listed["alias"], listed["scope"]) == ("registry", "Registry", "project")
    shown = told(lateen("config-template", "show", "registry", "-o", "json"))
    names = [each["name"] for each in shown["properties"]]
    assert names == ["address", "auth", "auth.user", "auth.password", "retries"]
    assert "Where it is" in lateen("config-template", "show", "registry").stdout


def test_a_config_is_made_brought_elsewhere_and_goes_everywhere(lab, lateen, made):
    dry = lateen(*made, *GIVEN, "adress=x", "--dry-run")
    assert 'unknown parameter "adress"' in dry.stderr
    assert 'did you mean "address"?' in dry.stderr
    assert dry.exit_code == Exit.OK, dry.output
    assert "12345" not in dry.stdout
    assert lab.find("Secret", "hub") is None

    assert lateen(*made, *GIVEN, "--alias", "Hub").stdout == "config hub written\n"
    found = plain(lab.get("Secret", "hub"))
    auth = {"user": "ann", "password": "12345"}  # a string, as the template has it
    wanted = {"address": "r.example.com", "auth": auth, "retries": 5}
    assert json.loads(found["input-properties"]) == wanted
    assert lab.get("ConfigMap", "hub-notes")["data"] == {"user": "ann"}

    elsewhere = lab.another_namespace()
    done = lateen("config", "distribute", "hub", "--target", elsewhere)
    assert done.exit_code == Exit.OK, done.output
    [listed] = told(lateen("config", "list", "-o", "json"))
    assert listed["targets"] == [{"target": f"local/{elsewhere}", "status": "succeeded"}]
    assert (listed["alias"], listed["template"]) == ("Hub", f"{lab.namespace}/registry")
    [copy] = secrets(lab, elsewhere)
    assert plain(copy)["address"] == "r.example.com"
    assert copy["metadata"]["labels"]["config.oam.dev/catalog"] == "config-distribution"

    gone = lateen("config", "delete", "hub")
    assert gone.exit_code == Exit.OK, gone.output
    assert gone.stdout.endswith("config hub deleted\n")
    assert secrets(lab, elsewhere) == []
    assert (lab.find("Secret", "hub"), lab.find("ConfigMap", "hub-notes")) == (None, None)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(["auth.user=x"], Exit.INPUT, '"address" is not set', id="one is missing"),
        pytest.param([*GIVEN[:3], "retries=often"], Exit.INPUT, "24:3 retries", id="no number"),
        pytest.param(["address"], Exit.INPUT, "write KEY=VALUE", id="no value"),
        pytest.param([*GIVEN, "retries=6"], Exit.INPUT, "retries is given twice", id="twice"),
        pytest.param([*GIVEN, "auth=x"], Exit.INPUT, "cannot both be given", id="part and whole"),
        pytest.param(["-f", "p.yaml"], Exit.INPUT, "p.yaml:1:1", id="of a file, with its line"),
        pytest.param([*GIVEN, "-f", "p.yaml"], Exit.INPUT, "not both", id="both"),
        pytest.param(
            [*GIVEN, "-t", "nix"], Exit.NOT_FOUND, "no config template nix", id="template"
        ),
        pytest.param([*GIVEN, "--target", "a/b/c"], Exit.INPUT, "CLUSTER/NAMESPACE", id="target"),
    ],
)
def test_what_is_wrong_with_a_config(lab, lateen, made, tmp_path, arguments, code, message):
    (tmp_path / "p.yaml").write_text("address: 5\nauth: {user: a, password: b}\n")
    done = lateen(*made, *arguments)
    said = " ".join(done.stderr.replace("│", "").split())
    assert (done.exit_code, message in said) == (code, True), done.output
    assert lab.find("Secret", "hub") is None


def test_what_is_written_is_what_is_kept(lab, lateen):
    given = ["n=5", "b=true", "version=1.10", "note=a: b", "zip=0123", "ports=[80, 443]", "e="]
    assert lateen("config", "create", "free", *given).exit_code == Exit.OK
    found = json.loads(plain(lab.get("Secret", "free"))["input-properties"])
    texts = {"version": "1.10", "note": "a: b", "zip": "0123", "e": ""}
    assert found == {"n": 5, "b": True, "ports": [80, 443], **texts}


def test_what_is_no_config_is_left_alone(lab, lateen):
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hub"}}
    lab.apply({**secret, "stringData": {"mine": "precious"}})
    made = lateen("config", "create", "hub", "a=b")
    assert (made.exit_code, "somebody else's" in made.stderr) == (Exit.INPUT, True), made.output
    for command in ("delete", "distribute"):
        targets = ["--target", "default"] if command == "distribute" else []
        done = lateen("config", command, "hub", *targets)
        assert (done.exit_code, "is not a config" in done.stderr) == (Exit.INPUT, True), done.output
    assert plain(lab.get("Secret", "hub")) == {"mine": "precious"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("template: {", "t.cue:1:", id="no CUE"),
        pytest.param("template: parameter: {a: strin}", "t.cue:1:26", id="a reference"),
        pytest.param('metadata: name: "x"', "has no field template", id="no template"),
        pytest.param("template: parameter: {}", "has no name", id="no name"),
        pytest.param('metadata: name: "x"\ntemplate: {}', "does not say what", id="no parameter"),
    ],
)
def test_what_is_wrong_with_a_template(lateen, tmp_path, text, message):
    (tmp_path / "t.cue").write_text(text)
    done = lateen("config-template", "apply", "-f", "t.cue")
    assert (done.exit_code, message in done.stderr) == (Exit.INPUT, True), done.output


def test_what_is_no_template_is_left_alone(lab, lateen):
    lab.apply(configmap("config-template-registry", a="b"))
    done = lateen("config-template", "apply", "-f", "registry.cue")
    assert (done.exit_code, "is no config template" in done.stderr) == (Exit.INPUT, True)
    assert lab.get("ConfigMap", "config-template-registry")["data"] == {"a": "b"}
