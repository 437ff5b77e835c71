"""`lateen adopt` by what a user writes in CUE, and from where Helm keeps its releases."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from ruamel.yaml import YAML

from lateen.api.manifest import Manifest
from lateen.cli.exits import Exit
from tests.controllers.adoptions import (
    DEPLOYMENT,
    SECRET,
    brought,
    lateen,
    printed,
    running,
    said,
    service,
    workload,
)
from tests.controllers.apps import configmap
from tests.sources import helming

# as one who adopts for KubeVela writes it
TEMPLATE = """\
import "strings"

#Resource: {
	apiVersion: string
	kind:       string
	metadata: {name: string, namespace?: string, ...}
	...
}

#Adopt: {
	$args: {
		mode:         *"read-only" | "take-over"
		type:         *"native" | "helm" | string
		appName:      string
		appNamespace: string
		resources: [...#Resource]
		...
	}
	$returns: {
		apiVersion: "core.oam.dev/v1beta1"
		kind:       "Application"
		metadata: name: $args.appName + "-" + $args.type
		spec: components: [for r in $args.resources {
			name: strings.ToLower("\\(r.kind)-\\(r.metadata.name)")
			type: "k8s-objects"
			properties: objects: [r]
		}]
		spec: policies: [{
			name: $args.mode
			type: $args.mode
			properties: rules: [{selector: componentNames: [for c in spec.components {c.name}]}]
		}]
	}
}
"""
RULES = """\
rules: [
	{group: "", resource: "configMap", peerResources: [{
		group:    ""
		resource: "secret"
		selectors: name: context.data.data.uses
	}]},
	{group: "apps", resource: "deployment", peerResources: peers},
]
peers: [
	{group: "", resource: "configMap", selectors: name: ["\\(own.name)-words", "gone"]},
	{group: "", resource: "secret", selectors: labels: of: own.name},
	{group: "", resource: "service", selectors: builtin: "service"},
]
own: context.data.metadata
"""


def file(tmp_path, text: str) -> str:
    (tmp_path / "given.cue").write_text(text)
    return str(tmp_path / "given.cue")


def test_a_template_makes_the_application(lab, tmp_path):
    brought(lab, "kubectl-create", DEPLOYMENT, configmap("words", a="b"), SECRET)
    before = running(lab)
    named = ["deploy/web", "configmap/words", "secret/keys", "--mode", "take-over"]
    arguments = [*named, "--adopt-template", file(tmp_path, TEMPLATE)]
    shown = lateen(lab, *arguments)
    found = printed(shown)
    assert found["metadata"] == {"name": "web-native", "namespace": lab.namespace}
    names = [each["name"] for each in found["spec"]["components"]]
    assert names == ["deployment-web", "configmap-words", "secret-keys"]
    assert "cHJpdmF0ZQ" not in shown.stdout
    done = lateen(lab, *arguments, "--apply")
    assert done.exit_code == Exit.OK, done.output
    assert running(lab) == before
    assert lab.owned("ConfigMap", "web-native") == {"words"}
    assert lab.get("Secret", "keys")["data"] == {"password": "cHJpdmF0ZQ=="}


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        pytest.param("#Adopt: {", 1, "expected '}'", id="no CUE"),
        pytest.param("adopted: 1", 1, "has no field #Adopt", id="no #Adopt"),
        pytest.param("#Adopt: $args: {...}", 1, "$returns", id="no $returns"),
        pytest.param(
            TEMPLATE.replace('"Application"', '"Deployment"'),
            21,
            'makes the text "Deployment", not an Application',
            id="another kind",
        ),
        pytest.param(
            TEMPLATE.replace('"k8s-objects"', "5"),
            25,
            "$returns.spec.components[0].type",
            id="a field of another type",
        ),
        pytest.param(
            TEMPLATE.replace("r.metadata.name)", "r.metadata.title)"),
            24,
            "$returns.spec.components[0].name needs a value that is not there",
            id="a field that an object does not have",
        ),
    ],
)
def test_what_is_wrong_with_a_template_has_a_place(lab, tmp_path, text, line, told):
    brought(lab, "kubectl-create", configmap("words", a="b"))
    path = file(tmp_path, text)
    done = lateen(lab, "configmap/words", "--adopt-template", path)
    assert done.exit_code == Exit.INPUT, done.output
    assert told in said(done)
    assert f"{path}:{line}:" in done.stderr.replace("\n", "")


def test_what_a_template_forgets_of_a_joined_cluster(lab, fleet, tmp_path):
    east, _ = fleet
    east.join()
    lab.eventually("known", lambda: "seen" in str(east.secret()))
    made = configmap("words", a="b")
    made["metadata"]["namespace"] = lab.namespace
    lab.plane.call(east.neighbour.client.create, made)
    arguments = ["configmap/words", "--cluster", east.name, "--adopt-template"]
    lost = lateen(lab, *arguments, file(tmp_path, TEMPLATE))
    assert lost.exit_code == Exit.INPUT, lost.output
    assert f"says nothing of cluster {east.name}" in said(lost)
    policy = """{
			name: "where"
			type: "topology"
			properties: clusters: [for r in $args.resources {
				r.metadata.annotations["app.oam.dev/cluster"]
			}]
		}, {
			name: $args.mode"""
    found = printed(
        lateen(
            lab, *arguments, file(tmp_path, TEMPLATE.replace("{\n\t\t\tname: $args.mode", policy))
        )
    )
    assert found["spec"]["policies"][0]["properties"] == {"clusters": [east.name]}


def labelled(made: Manifest, **labels: str) -> Manifest:
    return {**made, "metadata": {**made["metadata"], "labels": labels}}


def proposed(done: Any) -> dict[str, set[str]]:
    """The names of objects in each application that is printed."""
    return {
        app["metadata"]["name"]: {
            each["metadata"]["name"]
            for component in app["spec"]["components"]
            for each in component["properties"]["objects"]
        }
        for app in YAML(typ="safe", pure=True).load_all(done.stdout)
    }


def test_rules_say_what_belongs_to_a_workload(lab, tmp_path):
    brought(
        lab,
        "kubectl-create",
        workload(lab, "web", "settings"),
        workload(lab, "api"),
        service("front", "web"),
        labelled(SECRET, of="web"),
        *(configmap(name, a="b") for name in ("web-words", "api-words", "settings")),
    )
    done = lateen(lab, "--all", "--resource-topology-rule", file(tmp_path, RULES))
    assert done.exit_code == Exit.OK, done.output
    assert proposed(done) == {
        "web": {"web", "web-words", "keys", "front"},
        "api": {"api", "api-words"},
    }
    here = lab.namespace
    told = f"left alone: ConfigMap {here}/gone: Deployment {here}/web should have it, but it is not"
    assert told in said(done)
    # an object for which a rule does not work holds up no other
    odd = RULES.replace("(own.name)", "(own.labels.app)").replace(
        '"gone"', "if true {for x in [] {x}}"
    )
    lab.patch("Deployment", "api", {"metadata": {"labels": {"app": None}}})
    some = lateen(lab, "--all", "--resource-topology-rule", file(tmp_path, odd))
    assert some.exit_code == Exit.INPUT, some.output
    assert proposed(some) == {"web": {"web", "web-words", "keys", "front"}}
    assert f"cannot be adopted: Deployment {here}/api" in said(some)
    # a template is given what rules find
    both = ["--resource-topology-rule", file(tmp_path, RULES), "--adopt-template"]
    (tmp_path / "template.cue").write_text(TEMPLATE)
    made = lateen(lab, "deployment", "--all", *both, str(tmp_path / "template.cue"))
    assert proposed(made)["web-native"] == {"web", "web-words", "keys", "front"}


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        pytest.param("rule: []", 1, "has no list `rules`", id="no rules"),
        pytest.param(
            RULES.replace('builtin: "service"', 'builtin: "gateway"'), 12, "builtin", id="builtin"
        ),
        pytest.param(RULES.replace("labels: of", "label: of"), 11, "label", id="a selector"),
        pytest.param(
            RULES.replace('"deployment"', '"deploymint"'),
            7,
            'did you mean "deployment"',
            id="a kind",
        ),
        pytest.param(
            RULES.replace("(own.name)", "(own.title)"),
            10,
            "title",
            id="a field",
        ),
    ],
)
def test_what_is_wrong_with_rules_has_a_place(lab, tmp_path, text, line, told):
    brought(lab, "kubectl-create", workload(lab, "web"))
    path = file(tmp_path, text)
    done = lateen(lab, "--all", "--resource-topology-rule", path)
    assert done.exit_code == Exit.INPUT, done.output
    assert told in said(done)
    assert f"{path}:{line}:" in done.stderr.replace("\n", "")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(["web", "-t", "helm", "-d", "sql"], "a database are not read", id="sql"),
        pytest.param(["web", "-t", "helm", "-d", "memory"], "forgets releases", id="memory"),
        pytest.param(["web", "-t", "helm", "-d", "etcd"], "no driver etcd", id="none of Helm's"),
        pytest.param(["deploy/web", "-d", "secret"], "add --type helm", id="no release"),
        pytest.param(["deploy/web", "--resource-topology-rule", "x"], "add --all", id="one object"),
        pytest.param(["deploy/web", "--adopt-template", "."], ". is a directory", id="a directory"),
        pytest.param(["deploy/web", "--adopt-template", "x.cue"], "no file x.cue", id="no file"),
    ],
)
def test_what_does_not_go_together(lab, arguments, told):
    done = lateen(lab, *arguments)
    assert (done.exit_code, told in " ".join(said(done).replace("│", "").split())) == (
        Exit.INPUT,
        True,
    ), done.output


def kept(name: str, text: str, **given: Any) -> Manifest:
    """A revision of a release as Helm keeps it with HELM_DRIVER=configmap."""
    secret = helming.stored(name, text, **given)
    packed = base64.b64decode(secret["data"]["release"]).decode()
    meta = {
        **secret["metadata"],
        "name": secret["metadata"]["name"].removeprefix("sh.helm.release.v1."),
    }
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"release": packed}}


def test_a_release_that_helm_keeps_in_a_configmap(lab, monkeypatch):
    text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: web-config}, data: {a: b}}"
    brought(lab, "helm", configmap("web-config", a="b"), kept("web", text, number=3))
    assert lateen(lab, "web", "--type", "helm").exit_code == Exit.NOT_FOUND
    monkeypatch.setenv("HELM_DRIVER", "configmaps")
    every = lateen(lab, "--all", "--type", "helm")
    assert proposed(every) == {"web": {"web-config"}}
    monkeypatch.delenv("HELM_DRIVER")
    arguments = ["web", "--type", "helm", "--driver", "configmap", "--mode", "take-over"]
    done = lateen(lab, *arguments, "--apply", "--recycle")
    assert done.exit_code == Exit.OK, done.output
    assert lab.owned("ConfigMap", "web") == {"web-config"}
    assert lab.names("ConfigMap", owner="helm") == set()
