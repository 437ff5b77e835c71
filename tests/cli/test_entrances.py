"""Ingresses among the addresses of an application: host, path, and where that is reached."""

from __future__ import annotations

import json
import socket

import pytest

from lateen.api import names
from lateen.api.manifest import Key
from lateen.cli import endpoints
from lateen.cli.exits import Exit
from tests.cli import conftest

PODS = [
    {
        "metadata": {"name": "web-1", "namespace": "n", "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c"}]},
        "status": {"podIP": "10.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]},
    }
]


def service(name, app="web"):
    spec = {"selector": {"app": app} if app else {}, "ports": [{"port": 80}]}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "n"},
        "spec": spec,
    }


def ingress(*rules, told=({"ip": "127.0.0.1", "ports": [{"port": 8880}]},), **spec):
    """`rules` are host, path and Service each."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "web", "namespace": "n", "labels": {names.APP_COMPONENT: "front"}},
        "spec": {"rules": [rule(*each) for each in rules], **spec},
        "status": {"loadBalancer": {"ingress": list(told)}},
    }


def rule(host, path, backend):
    way = {"path": path, "pathType": "Prefix", "backend": {"service": {"name": backend}}}
    return {"host": host, "http": {"paths": [way]}}


NODE = {"ip": "127.0.0.1", "ports": [{"port": 8880}, {"port": 8943}]}


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        pytest.param(
            ingress(("shop.io", "/api", "web")), ["http://shop.io:8880/api"], id="host and path"
        ),
        pytest.param(ingress(("", "/", "web")), ["http://127.0.0.1:8880/"], id="any host"),
        pytest.param(
            ingress(("shop.io", "/", "web"), told=[{"ip": "1.2.3.4"}]),
            ["http://shop.io/"],
            id="a controller at the usual port",
        ),
        pytest.param(
            ingress(("shop.io", "/", "web"), told=[{"hostname": "lb.io"}], tls=[{}]),
            ["https://shop.io/"],
            id="TLS for all hosts",
        ),
        pytest.param(
            ingress(
                ("a.io", "/", "web"), ("b.io", "/", "web"), told=[NODE], tls=[{"hosts": ["a.io"]}]
            ),
            ["https://a.io:8943/", "http://b.io:8880/"],
            id="TLS for one of two hosts, on a standalone node",
        ),
        pytest.param(
            ingress(("a.io", "/", "web"), tls=[{"hosts": ["a.io"]}]),
            ["http://a.io:8880/"],
            id="a certificate that is not there yet",
        ),
        pytest.param(
            ingress(defaultBackend={"service": {"name": "web"}}),
            ["http://127.0.0.1:8880/"],
            id="what nothing else is for",
        ),
        pytest.param(ingress(("a.io", "/", "web"), told=[]), [], id="nobody serves it"),
        pytest.param(ingress(("a.io", "/", "idle")), [], id="no pod is ready"),
        pytest.param(
            ingress(("a.io", "/", "outside")), ["http://a.io:8880/"], id="no Service with pods"
        ),
        pytest.param(
            ingress(("a.io", "/", "foreign")), ["http://a.io:8880/"], id="somebody else's Service"
        ),
        pytest.param(
            ingress(("", "/", "web"), told=[{"ip": "fd00::1"}]),
            ["http://[fd00::1]:80/"],
            id="an IPv6 address",
        ),
    ],
)
def test_where_an_ingress_leads(made, expected):
    services = [service("web"), service("idle", "nobody"), service("outside", "")]
    found = endpoints.resolve(services, [], PODS, (), [made])
    shown = [each for each in found if each.path]
    assert [each.url(each.scheme) for each in shown] == expected
    assert {each.component for each in shown} <= {"front"}


def test_it_is_shown_for_the_cluster_that_it_is_in(shell, plane, namespace, member):
    shell.run("up", "-f", shell.write(conftest.APP), "-n", namespace, "--no-wait")
    made = ingress(("shop.io", "/api", "web"))
    meta = {"name": "web", "namespace": namespace}
    key = Key("networking.k8s.io", "Ingress", namespace, "web", "v1")
    applied = {
        "cluster": member.name,
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        **meta,
    }
    made["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["port"] = {"number": 80}

    def tell(key, status):
        async def patch():
            await plane.client.patch(key, {"status": status}, subresource="status")

        plane.call(patch)

    plane.call(plane.client.create, {**made, "metadata": meta})
    app = Key(names.GROUP, "Application", namespace, "shop", "v1beta1")
    tell(app, {"status": "running", "appliedResources": [applied]})
    done = shell.run("status", "shop", "--endpoint", "-n", namespace)
    assert f"Ingress {namespace}/web is not served" in done.stderr, done.output

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        told = [{"ip": "127.0.0.1", "ports": [{"port": port, "protocol": "TCP"}]}]
        tell(key, {"loadBalancer": {"ingress": told}})
        done = shell.run("status", "shop", "--endpoint", "-n", namespace)
        assert done.exit_code == Exit.OK, done.output
        assert f"http://shop.io:{port}/api (at 127.0.0.1:{port})" in done.stdout
        done = shell.run("status", "shop", "--endpoint", "-n", namespace, "-o", "json")
        [found] = json.loads(done.stdout)
        assert found == {
            "cluster": member.name,
            "component": "",
            "service": "web",
            "address": f"127.0.0.1:{port}",
            "url": f"http://shop.io:{port}/api",
        }
