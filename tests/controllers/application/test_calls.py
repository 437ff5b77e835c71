"""Webhooks: a call has the sources of an application looked at, whenever that would be due."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from lateen.controllers.insight import listening
from tests.controllers.apps import app
from tests.controllers.charts import chart, written
from tests.sources import packing

CALLED = {"lateen.dev/hook-secret": "caller"}


@pytest.fixture
def address(lab) -> Iterator[str]:
    """Where the controller of the laboratory takes calls about an application `shop`."""
    desk = listening.Desk(CollectorRegistry(), list, lab.plane.running.receiver())
    portal = lab.plane.kube.portal
    with portal.wrap_async_context_manager(listening.serve(desk, "127.0.0.1", 0)) as found:
        yield f"http://{found}/hooks/{lab.namespace}/shop"


def call(address: str, **headers: str) -> int:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(address, b"{}", given, method="POST")
    try:
        with opener.open(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def secret(lab) -> None:
    body: dict[str, Any] = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "caller"}}
    lab.apply({**body, "stringData": {"token": "open"}})


def greeting(lab) -> str:
    return str(lab.get("ConfigMap", "web-config")["data"]["greeting"])


def test_a_chart_in_a_range_is_looked_at_when_somebody_calls(lab, pages, address):
    secret(lab)
    pages.publish(packing.chart(version="1.0.0"))
    wanted = chart("demo", repoURL=pages.url, version="^1.0.0")
    lab.deliver(app(wanted, annotations=CALLED))
    lab.settle()
    pages.publish(packing.chart(version="1.1.0") | {"values.yaml": "greeting: newer\n"})
    assert call(address, X_Gitlab_Token="close") == 403
    assert call(address.replace("shop", "other"), X_Gitlab_Token="open") == 403
    assert greeting(lab) == "hello"
    assert call(address, X_Gitlab_Token="open") == 202
    lab.eventually("followed", lambda: greeting(lab) == "newer")


def test_a_directory_in_git_is(lab, repository, address):
    secret(lab)
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web-config}\ndata: {greeting: one}\n"
    repository.commit({"a.yaml": text})
    given = {"url": repository.url, "path": ".", "pullInterval": "24h"}
    component = {"name": "web", "type": "kustomize", "properties": given}
    lab.deliver(app(component, annotations=CALLED))
    lab.settle()
    repository.commit({"a.yaml": text.replace("one", "two")})
    assert call(address, Authorization="Bearer open") == 202
    lab.eventually("followed", lambda: greeting(lab) == "two")


def test_an_application_that_nobody_may_call_about(lab, tmp_path, address):
    source = written(tmp_path / "demo", packing.chart())
    lab.deliver(app(chart(source)))
    assert call(address, X_Gitlab_Token="open") == 403
    lab.apply(app(chart(source), annotations=CALLED))  # the Secret is not there
    lab.running()
    assert call(address, X_Gitlab_Token="") == 403
