"""The component `helm`: the parameters of the fluxcd addon, and what is followed by it."""

from __future__ import annotations

from typing import Any

from lateen.api.manifest import Manifest
from tests.controllers.apps import app, configmap
from tests.sources import packing


def release(url: str, chart: str = "demo", **properties: Any) -> Manifest:
    given = {"url": url, "chart": chart, "pullInterval": "1s", **properties}
    return {"name": "web", "type": "helm", "properties": given}


def greeting(lab, name: str = "web-config") -> str:
    found = lab.find("ConfigMap", name)
    return str(found["data"]["greeting"]) if found else ""


def test_a_range_is_followed_and_a_published_version_is_not(lab, pages):
    pages.publish(packing.chart(version="1.0.0"))
    found = lab.deliver(app(release(pages.url, version="^1.0.0")))
    assert found["status"]["services"][0]["message"] == "Release 1 of web, version 1.0.0"
    newer = packing.chart(version="1.1.0") | {"values.yaml": "greeting: newer\n"}
    pages.publish(newer)
    pages.publish(packing.chart(version="2.0.0") | {"values.yaml": "greeting: too new\n"})
    lab.eventually("followed", lambda: greeting(lab) == "newer")
    assert lab.get("ConfigMap", "web-config")["data"]["revision"] == "2"


def test_values_that_change_elsewhere_are_taken_in(lab, pages):
    pages.publish(packing.chart())
    lab.apply(configmap("more", text="one"))
    given = {"kind": "ConfigMap", "name": "more", "valuesKey": "text", "targetPath": "greeting"}
    lab.deliver(app(release(pages.url, version="1.0.0", valuesFrom=[given])))
    assert greeting(lab) == "one"
    lab.apply(configmap("more", text="two"))
    lab.eventually("taken in", lambda: greeting(lab) == "two")


def test_a_chart_in_git_with_values_files(lab, repository):
    files = packing.chart() | {"prod.yaml": "greeting: from git\n"}
    repository.commit({f"charts/demo/{name}": text for name, text in files.items()}, tag="v1.0.0")
    given = {"git": {"tag": "v1.0.0"}, "valuesFiles": ["prod.yaml"], "releaseName": "mine"}
    lab.deliver(app(release(repository.url, "charts/demo", repoType="git", **given)))
    assert greeting(lab, "mine-config") == "from git"


def test_a_registry_with_credentials(lab, registry):
    registry.user = "ann:pw"
    registry.push("charts/demo", "1.0.0", packing.archive(packing.chart()))
    secret = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "key"}}
    lab.apply({**secret, "stringData": {"username": "ann", "password": "pw"}})
    url = registry.url("charts")
    lab.deliver(app(release(url, repoType="oci", secretRef="key")))
    assert greeting(lab) == "hello"


def test_what_needs_flux_is_refused(lab, pages):
    lab.apply(app(release(pages.url, sourceName="mine", repoType="oss")))
    found = lab.until("refused", lambda found: "sourceName is a source of Flux" in str(found))
    assert "which bucket: give oss.bucketName" in str(found["status"])
