"""HTTPRoutes among the addresses of an application: where the listeners of their Gateways are."""

from __future__ import annotations

import json
import socket

import pytest

from lateen.api import names
from lateen.api.manifest import Key
from lateen.cli import passages
from lateen.cli.exits import Exit
from tests.cli import conftest

GROUP = "gateway.networking.k8s.io"
GATEWAY = Key(GROUP, "Gateway", "n", "edge", "v1")
PLAIN = {"name": "web", "port": 80, "protocol": "HTTP"}
SECURE = {"name": "tls", "port": 443, "protocol": "HTTPS", "hostname": "*.shop.io"}
OTHER = {"name": "raw", "port": 5432, "protocol": "TCP"}
HERE = ({"type": "IPAddress", "value": "127.0.0.1"},)


def route(*hosts, paths=("/",), to="web", parent=None, **status):
    match = [{"path": {"type": "PathPrefix", "value": path}} for path in paths]
    rule = {"matches": match, "backendRefs": [{"name": to, "port": 80}]}
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "way", "namespace": "n", "labels": {names.APP_COMPONENT: "front"}},
        "spec": {
            "parentRefs": [{"name": "edge", **(parent or {})}],
            "hostnames": list(hosts),
            "rules": [rule],
        },
        "status": status,
    }


def gateway(*listeners, addresses=HERE, **annotations):
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Gateway",
        "metadata": {"name": "edge", "namespace": "n", "annotations": annotations},
        "spec": {"gatewayClassName": "any", "listeners": list(listeners)},
        "status": {"addresses": list(addresses)},
    }


def refusal(status):
    condition = {"type": "Accepted", "status": status, "message": "not from this namespace"}
    return {"parents": [{"conditions": [condition]}]}


@pytest.mark.parametrize(
    ("made", "edge", "expected"),
    [
        pytest.param(
            route("shop.io", paths=("/api", "/")),
            gateway(PLAIN),
            ["http://shop.io/api", "http://shop.io/"],
            id="host and paths",
        ),
        pytest.param(
            route("eu.shop.io"),
            gateway(PLAIN, SECURE, OTHER),
            ["http://eu.shop.io/", "https://eu.shop.io/"],
            id="every listener that is for it, and speaks HTTP",
        ),
        pytest.param(
            route("eu.shop.io", parent={"sectionName": "tls"}),
            gateway(PLAIN, SECURE),
            ["https://eu.shop.io/"],
            id="the listener that is named",
        ),
        pytest.param(
            route("eu.shop.io", parent={"port": 443}),
            gateway(PLAIN, SECURE),
            ["https://eu.shop.io/"],
            id="the listener at a port",
        ),
        pytest.param(route("shop.org"), gateway(SECURE), [], id="hosts of somebody else"),
        pytest.param(
            route("*.io"),
            gateway({**SECURE, "hostname": "eu.shop.io"}),
            ["https://eu.shop.io/"],
            id="the narrower of two names",
        ),
        pytest.param(
            route(), gateway({**PLAIN, "port": 8080}), ["http://127.0.0.1:8080/"], id="any host"
        ),
        pytest.param(
            route("shop.io"),
            gateway({**PLAIN, "port": 8000}, **{"ports-mapping": "8000:80"}),
            ["http://shop.io/"],
            id="a port that leads to the listener's",
        ),
        pytest.param(
            route("shop.io"), gateway(PLAIN, addresses=()), ["http://shop.io/"], id="no address"
        ),
        pytest.param(route(), gateway(PLAIN, addresses=()), [], id="neither address nor host"),
        pytest.param(route("shop.io", to="idle"), gateway(PLAIN), [], id="no pod is ready"),
        pytest.param(route("shop.io", **refusal("False")), gateway(PLAIN), [], id="refused"),
        pytest.param(
            route("shop.io", **refusal("True")), gateway(PLAIN), ["http://shop.io/"], id="accepted"
        ),
    ],
)
def test_where_a_route_leads(made, edge, expected):
    found = passages.resolve([made], {GATEWAY: edge}, {("n", "idle")})
    assert [each.url(each.scheme) for each in found] == expected
    assert {(each.component, each.service) for each in found} <= {("front", "way")}


@pytest.mark.parametrize(
    ("made", "known", "told"),
    [
        pytest.param(route("a.io"), {}, "there is no Gateway n/edge", id="no Gateway"),
        pytest.param(
            route("a.io", parent={"kind": "Service"}), {}, "it names no Gateway", id="a mesh"
        ),
        pytest.param(
            route("a.io", **refusal("False")),
            {GATEWAY: gateway(PLAIN)},
            "not from this namespace",
            id="refused",
        ),
        pytest.param(
            route("a.io"), {GATEWAY: gateway(SECURE)}, "no listener of its Gateway", id="hosts"
        ),
        pytest.param(route("a.io"), {GATEWAY: gateway(PLAIN)}, "", id="served"),
    ],
)
def test_why_nobody_serves_a_route(made, known, told):
    why = passages.unserved(made, known)
    assert (told in why, bool(why)) == (True, bool(told))


@pytest.fixture
def gateways(plane):
    """A cluster that knows Gateways and HTTPRoutes, and has nobody who serves them."""
    kinds = {"Gateway": "gateways", "HTTPRoute": "httproutes"}
    open_ = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    keys = []
    for kind, plural in kinds.items():
        version = {
            "name": "v1",
            "served": True,
            "storage": True,
            "subresources": {"status": {}},
            "schema": {"openAPIV3Schema": open_},
        }
        crd = {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {
                "name": f"{plural}.{GROUP}",
                "annotations": {"api-approved.kubernetes.io": "unapproved, for tests"},
            },
            "spec": {
                "group": GROUP,
                "scope": "Namespaced",
                "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
                "versions": [version],
            },
        }
        plane.call(plane.client.apply, crd)
        keys.append(
            Key("apiextensions.k8s.io", "CustomResourceDefinition", "", f"{plural}.{GROUP}", "v1")
        )

    async def served():
        for kind in kinds:
            await plane.client.resources.wait(GROUP, "v1", kind, timeout=60)

    plane.call(served)
    yield plane
    for key in keys:
        plane.call(plane.client.delete, key)


def test_it_is_shown_once_its_gateway_says_where(shell, gateways, namespace):
    shell.run("up", "-f", shell.write(conftest.APP), "-n", namespace, "--no-wait")
    client = gateways.client
    meta = {"name": "way", "namespace": namespace}
    applied = {"apiVersion": f"{GROUP}/v1", "kind": "HTTPRoute", **meta}

    def tell(key, status):
        async def patch():
            await client.patch(key, {"status": status}, subresource="status")

        gateways.call(patch)

    gateways.call(client.create, {**route("shop.io", paths=["/api"]), "metadata": meta})
    app = Key(names.GROUP, "Application", namespace, "shop", "v1beta1")
    tell(app, {"status": "running", "appliedResources": [applied]})
    done = shell.run("status", "shop", "--endpoint", "-n", namespace)
    told = f"HTTPRoute {namespace}/way is not served: there is no Gateway {namespace}/edge"
    assert told in done.stderr, done.output

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        edge = gateway({**PLAIN, "port": port})
        edge["metadata"]["namespace"] = namespace
        gateways.call(client.create, edge)
        tell(Key(GROUP, "Gateway", namespace, "edge", "v1"), edge["status"])
        done = shell.run("status", "shop", "--endpoint", "-n", namespace)
        assert done.exit_code == Exit.OK, done.output
        assert f"http://shop.io:{port}/api (at 127.0.0.1:{port})" in done.stdout
        done = shell.run("status", "shop", "--endpoint", "-n", namespace, "-o", "json")
        [found] = json.loads(done.stdout)
        assert (found["service"], found["url"]) == ("way", f"http://shop.io:{port}/api")
