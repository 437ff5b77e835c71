"""Helm charts as components: what is delivered, upgraded, kept and cleaned up."""

from __future__ import annotations

from typing import Any

import pytest

from tests.controllers.apps import app, configmap
from tests.controllers.charts import CRD, chart, message, written
from tests.controllers.laboratory import steps
from tests.sources import packing

SUBCHART = {
    "charts/small/Chart.yaml": "apiVersion: v2\nname: small\nversion: 0.1.0\n",
    "charts/small/values.yaml": "size: 1\n",
    "charts/small/templates/a.yaml": packing.CONFIG.replace("-config", "-small").replace(
        ".Values.greeting", ".Values.size"
    ),
    "charts/words/Chart.yaml": "apiVersion: v2\nname: words\nversion: 0.1.0\ntype: library\n",
    "charts/words/templates/_words.tpl": '{{ define "words.hello" }}hello from afar{{ end }}',
}
NEEDS = """\
dependencies:
- {name: small, version: ~0.1.0, condition: small.enabled}
- {name: words, version: 0.1.0}
"""


def test_a_chart_is_delivered_upgraded_and_removed(lab, tmp_path):
    source = written(tmp_path / "demo", packing.chart())
    found = lab.deliver(app(chart(source, values={"greeting": "first"})))
    assert lab.get("ConfigMap", "web-config")["data"] == {"greeting": "first", "revision": "1"}
    record = lab.get("ConfigMap", "web-helm-release")["data"]
    assert (record["release"], record["event"], record["resolvedVersion"]) == (
        "1",
        "install",
        "1.0.0",
    )
    assert found["status"]["services"][0]["message"] == "Deployed 1.0.0, release 1"
    lab.deliver(app(chart(source, values={"greeting": "second"})))
    assert lab.get("ConfigMap", "web-config")["data"] == {"greeting": "second", "revision": "2"}
    assert lab.get("ConfigMap", "web-helm-release")["data"]["event"] == "upgrade"
    lab.delete("Application", "shop")
    lab.gone()
    assert lab.find("ConfigMap", "web-config") is None


def test_drift_is_put_back_and_what_the_chart_leaves_out_goes(lab, tmp_path):
    more = configmap_template("more")
    source = written(tmp_path / "demo", packing.chart() | {"templates/more.yaml": more})
    lab.deliver(app(chart(source)))
    lab.patch("ConfigMap", "web-config", {"data": {"greeting": "drift"}})
    lab.eventually(
        "repaired", lambda: lab.get("ConfigMap", "web-config")["data"]["greeting"] == "hello"
    )
    (tmp_path / "demo/templates/more.yaml").unlink()
    lab.deliver(app(chart(source, values={"greeting": "without"})))
    lab.eventually("collected", lambda: lab.find("ConfigMap", "more") is None)
    assert lab.find("ConfigMap", "web-config")


def test_nothing_is_released_again_after_a_restart(lab, tmp_path):
    source = written(tmp_path / "demo", packing.chart())
    lab.deliver(app(chart(source)))
    lab.settle()
    before = lab.get("ConfigMap", "web-config")["metadata"]["resourceVersion"]
    lab.plane.restart()
    lab.patch("ConfigMap", "web-helm-release", {"data": {"release": "9"}})
    lab.eventually(
        "repaired", lambda: lab.get("ConfigMap", "web-helm-release")["data"]["release"] == "1"
    )
    assert lab.get("ConfigMap", "web-config")["metadata"]["resourceVersion"] == before


def test_dependencies_and_library_charts(lab, tmp_path):
    files = {
        **packing.chart(extra=NEEDS),
        **SUBCHART,
        "values.yaml": "greeting: x\nsmall: {enabled: true, size: 7}\n",
        "templates/config.yaml": packing.CONFIG.replace(
            ".Values.greeting", '(include "words.hello" .)'
        ),
    }
    source = written(tmp_path / "demo", files)
    lab.deliver(app(chart(source)))
    assert lab.get("ConfigMap", "web-config")["data"]["greeting"] == "hello from afar"
    assert lab.get("ConfigMap", "web-small")["data"]["greeting"] == "7"
    lab.deliver(app(chart(source, values={"small": {"enabled": False}})))
    lab.eventually("collected", lambda: lab.find("ConfigMap", "web-small") is None)


def test_values_from_objects_and_their_order(lab, tmp_path):
    source = written(tmp_path / "demo", packing.chart())
    lab.apply(configmap("base", **{"values.yaml": "greeting: base\n"}))
    secret = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "own"}}
    lab.apply({**secret, "stringData": {"mine": "greeting: secret\n"}})
    given = [
        {"kind": "ConfigMap", "name": "base"},
        {"kind": "Secret", "name": "own", "key": "mine"},
        {"kind": "ConfigMap", "name": "nobody", "optional": True},
    ]
    lab.deliver(app(chart(source, valuesFrom=given)))
    assert lab.get("ConfigMap", "web-config")["data"]["greeting"] == "secret"
    lab.deliver(app(chart(source, valuesFrom=given, values={"greeting": "inline"})))
    assert lab.get("ConfigMap", "web-config")["data"]["greeting"] == "inline"


def test_a_chart_looks_up_what_is_in_the_cluster(lab, tmp_path):
    lab.apply(configmap("there", word="found"))
    template = packing.CONFIG.replace(
        ".Values.greeting", '(lookup "v1" "ConfigMap" .Release.Namespace "there").data.word'
    )
    files = packing.chart() | {"templates/config.yaml": template}
    lab.deliver(app(chart(written(tmp_path / "demo", files))))
    assert lab.get("ConfigMap", "web-config")["data"]["greeting"] == "found"


def test_what_a_template_makes_up_stays(lab, tmp_path):
    template = packing.CONFIG.replace(".Values.greeting", "(randAlphaNum 12)")
    files = packing.chart() | {"templates/config.yaml": template}
    source = written(tmp_path / "demo", files)
    other = {"name": "other", "type": "k8s-objects", "properties": {"objects": [configmap("x")]}}
    lab.deliver(app(chart(source)))
    before = lab.get("ConfigMap", "web-config")["data"]
    lab.deliver(app(chart(source), other))
    assert lab.get("ConfigMap", "web-config")["data"] == before


def test_custom_resources_after_their_definition(lab, tmp_path):
    group = f"{lab.namespace}.example.com"
    files = packing.chart() | {
        "crds/lamps.yaml": CRD.replace("GROUP", group),
        "templates/lamp.yaml": LAMP.replace("GROUP", group),
    }
    annotations = {"lateen.dev/delete-data": "true"}
    source = written(tmp_path / "demo", files)
    lab.deliver(app(chart(source), annotations=annotations))
    owned = {each["metadata"]["name"] for each in lab.list("CustomResourceDefinition")}
    assert f"lamps.{group}" in owned


def test_a_namespace_of_its_own(lab, tmp_path):
    source = written(tmp_path / "demo", packing.chart())
    there = f"{lab.namespace}-there"
    annotations = {"lateen.dev/delete-data": "true"}
    release = {"name": "far", "namespace": there}
    lab.deliver(app(chart(source, release=release), annotations=annotations))
    [found] = [e for e in lab.list("Namespace") if e["metadata"]["name"] == there]
    assert found["metadata"]["labels"]["app.oam.dev/name"] == "shop"


def test_a_repository_that_comes_back(lab, pages):
    pages.publish(packing.chart())
    pages.down = True
    lab.apply(app(chart("demo", repoURL=pages.url, version="^1.0.0")))
    found = lab.until("refused", lambda found: "answers 503" in message(found))
    assert steps(found) == {"web": "running"}
    pages.down = False
    lab.running()
    assert lab.get("ConfigMap", "web-helm-release")["data"]["revision"] == "1.0.0"


def test_an_upgrade_that_cannot_be_fetched_leaves_what_is_there(lab, pages):
    pages.publish(packing.chart())
    lab.deliver(app(chart("demo", repoURL=pages.url, version="1.0.0")))
    lab.apply(app(chart("demo", repoURL=pages.url, version="2.0.0")))
    lab.until("refused", lambda found: "no version is 2.0.0" in message(found))
    assert lab.get("ConfigMap", "web-config")["data"]["revision"] == "1"
    pages.publish(packing.chart(version="2.0.0"))
    lab.running()
    assert lab.get("ConfigMap", "web-config")["data"]["revision"] == "2"


def test_values_that_are_refused_leave_what_is_there(lab, tmp_path):
    schema = '{"properties": {"greeting": {"type": "string"}}}'
    source = written(tmp_path / "demo", packing.chart() | {"values.schema.json": schema})
    lab.deliver(app(chart(source)))
    lab.apply(app(chart(source, values={"greeting": 3})))
    lab.until("refused", lambda found: "got number, want string" in message(found))
    assert lab.get("ConfigMap", "web-config")["data"]["greeting"] == "hello"
    lab.apply(app(chart(source, values={"greeting": "hi"})))
    lab.running()
    assert lab.get("ConfigMap", "web-config")["data"]["greeting"] == "hi"


def test_credentials_of_a_registry(lab, registry):
    registry.user = "ann:pw"
    registry.push("charts/demo", "1.0.0", packing.archive(packing.chart()))
    secret = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "key"}}
    lab.apply({**secret, "stringData": {"username": "ann", "password": "wrong"}})
    given: dict[str, Any] = {"version": "1.0.0", "auth": {"secretRef": {"name": "key"}}}
    lab.apply(app(chart(registry.url("charts/demo"), **given)))
    found = lab.until("refused", lambda found: "does not accept these" in message(found))
    assert "wrong" not in str(found["status"])
    lab.apply({**secret, "stringData": {"username": "ann", "password": "pw"}})
    lab.running()


@pytest.mark.parametrize(
    ("files", "given", "said"),
    [
        pytest.param(
            {"templates/config.yaml": "a: {{ .Values.x.y }}"},
            {},
            "demo/templates/config.yaml:1: ",
            id="a value that is not there",
        ),
        pytest.param(
            {"templates/config.yaml": "a:\n  {{ if }}"},
            {},
            "demo/templates/config.yaml:2: missing value for if",
            id="no template",
        ),
        pytest.param(
            {"templates/config.yaml": 'a: {{ fail "greet somebody" }}'},
            {},
            "demo/templates/config.yaml:1: greet somebody",
            id="what its author says",
        ),
        pytest.param(
            {"templates/config.yaml": "kind: ConfigMap\napiVersion: v1\n  x: y"},
            {},
            "demo/templates/config.yaml renders no YAML",
            id="no YAML",
        ),
        pytest.param(
            {"templates/config.yaml": "some: thing"},
            {},
            "demo/templates/config.yaml: a Kubernetes object needs apiVersion and kind",
            id="no object",
        ),
        pytest.param(
            {"values.schema.json": '{"properties": {"greeting": {"type": "string"}}}'},
            {"greeting": 5},
            "got number, want string",
            id="bad values",
        ),
        pytest.param({"Chart.yaml": "name: demo"}, {}, "chart.metadata", id="half a Chart.yaml"),
        pytest.param(
            {"Chart.yaml": packing.chart(extra=NEEDS)["Chart.yaml"]},
            {},
            "the chart lacks what it depends on: small ~0.1.0, words 0.1.0",
            id="dependencies that are not there",
        ),
        pytest.param(
            {"Chart.yaml": packing.chart(extra="kubeVersion: '>=9.0.0'\n")["Chart.yaml"]},
            {},
            "the chart wants Kubernetes >=9.0.0",
            id="another Kubernetes",
        ),
    ],
)
def test_a_bad_chart_says_where(lab, tmp_path, files, given, said):
    source = written(tmp_path / "demo", packing.chart() | files)
    lab.apply(app(chart(source, values=given)))
    lab.until("told", lambda found: said in message(found))
    assert lab.owned("ConfigMap") == set()


def configmap_template(name: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n"


LAMP = """\
apiVersion: GROUP/v1
kind: Lamp
metadata: {name: bright}
"""


def test_a_chart_that_leaves_to_others_what_it_needs(lab, pages, tmp_path):
    small = packing.CONFIG.replace("-config", "-small")
    pages.publish(packing.chart("small") | {"templates/config.yaml": small})
    needs = f"dependencies:\n- {{name: small, version: ^1.0.0, repository: {pages.url}}}\n"
    source = written(tmp_path / "demo", packing.chart(extra=needs))
    lab.deliver(app(chart(source)))
    assert lab.owned("ConfigMap") == {"web-config", "web-small", "web-helm-release"}
    pages.publish(packing.chart("small", "1.1.0"))
    lab.plane.restart()
    lab.patch("ConfigMap", "web-small", {"data": {"greeting": "drift"}})
    lab.eventually(
        "repaired", lambda: lab.get("ConfigMap", "web-small")["data"]["greeting"] == "hello"
    )
    assert lab.get("ConfigMap", "web-helm-release")["data"]["release"] == "1"


def test_options_that_restart_pods_and_write_objects_whole(lab, tmp_path):
    deployment = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 0
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec: {containers: [{name: it, image: x}]}
"""
    source = written(tmp_path / "demo", packing.chart() | {"templates/web.yaml": deployment})
    options = {"force": True, "recreatePods": True}

    def started_by() -> str:
        template = lab.get("Deployment", "web")["spec"]["template"]
        return str(template["metadata"]["annotations"]["lateen.dev/release"])

    lab.deliver(app(chart(source, options=options)))
    assert started_by() == "1"
    lab.patch("ConfigMap", "web-config", {"data": {"stranger": "here"}})
    lab.deliver(app(chart(source, options=options, values={"greeting": "again"})))
    assert started_by() == "2"
    assert lab.get("ConfigMap", "web-config")["data"] == {"greeting": "again", "revision": "2"}
