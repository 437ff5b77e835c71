"""Where Services, Ingresses and HTTPRoutes are reached."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.providers import endpoints


def service(kind: str, *ports: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "n"},
        "spec": {"type": kind, "ports": list(ports)},
        **more,
    }


HTTP = {"name": "http", "port": 80, "protocol": "TCP", "nodePort": 30080}
BALANCED = {"status": {"loadBalancer": {"ingress": [{"ip": "5.6.7.8"}, {"hostname": "lb"}]}}}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(service("ClusterIP", HTTP), [("web.n", 80, True)], id="inside the cluster"),
        pytest.param(service("NodePort", HTTP), [("1.2.3.4", 30080, False)], id="on every node"),
        pytest.param(
            service("LoadBalancer", HTTP, **BALANCED),
            [("5.6.7.8", 80, False), ("lb", 80, False)],
            id="at its balancer",
        ),
        pytest.param(service("LoadBalancer", HTTP), [], id="no balancer yet"),
    ],
)
def test_services(given: dict[str, Any], expected: list[tuple[str, int, bool]]) -> None:
    found = endpoints.of_service(given, "1.2.3.4")
    assert [(e["host"], e["port"], e.get("inner", False)) for e in found] == expected
    assert all(e["appProtocol"] == "http" and e["portName"] == "http" for e in found)


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        pytest.param({"port": 3306}, "mysql", id="by its number"),
        pytest.param({"port": 9999}, "", id="unknown"),
        pytest.param({"port": 9999, "appProtocol": "grpc"}, "grpc", id="as it says"),
    ],
)
def test_what_is_spoken(port: dict[str, Any], expected: str) -> None:
    [found] = endpoints.of_service(service("ClusterIP", port), "")
    assert found["appProtocol"] == expected


def ingress(tls: list[Any], **annotations: str) -> dict[str, Any]:
    paths = [{"path": "/a"}, {"path": "/b"}]
    return {
        "metadata": {"annotations": {k.replace("_", "/", 1): v for k, v in annotations.items()}},
        "spec": {"tls": tls, "rules": [{"host": "shop", "http": {"paths": paths}}]},
    }


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(ingress([]), ("http", "shop", 80), id="plain"),
        pytest.param(ingress([{"hosts": ["shop"]}]), ("https", "shop", 443), id="its host secured"),
        pytest.param(ingress([{"hosts": ["x"]}]), ("http", "shop", 80), id="another's"),
        pytest.param(ingress([{}]), ("https", "shop", 443), id="all secured"),
        pytest.param(
            ingress([], **{"ingress.controller_http-port": "8000"}),
            ("http", "shop", 8000),
            id="the controller's port",
        ),
    ],
)
def test_ingresses(given: dict[str, Any], expected: tuple[str, str, int]) -> None:
    found = endpoints.of_ingress(given)
    assert [e["path"] for e in found] == ["/a", "/b"]
    assert {(e["appProtocol"], e["host"], e["port"]) for e in found} == {expected}


def test_a_rule_without_a_host_is_reached_at_the_controller() -> None:
    given = ingress([], **{"ingress.controller_host": "9.9.9.9"})
    del given["spec"]["rules"][0]["host"]
    assert {e["host"] for e in endpoints.of_ingress(given)} == {"9.9.9.9"}


ROUTE = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": {"name": "r", "namespace": "n"},
    "spec": {
        "parentRefs": [{"name": "g", "sectionName": "secure"}],
        "hostnames": ["shop"],
        "rules": [
            {"matches": [{"path": {"type": "PathPrefix", "value": "/a"}}]},
            {"matches": [{"path": {"type": "Exact", "value": "/b"}}]},
        ],
    },
}


def test_routes_hang_from_gateways() -> None:
    [(key, section)] = endpoints.gateways_of(ROUTE)
    assert (key.kind, key.namespace, key.name, key.version) == ("Gateway", "n", "g", "v1")
    listeners = [
        {"name": "plain", "port": 8000, "protocol": "HTTP"},
        {"name": "secure", "port": 8443, "protocol": "HTTPS"},
    ]
    gateway = {
        "metadata": {"annotations": {"ports-mapping": "8000:80,8443:443"}},
        "spec": {"listeners": listeners},
    }
    found = endpoints.of_route(ROUTE, [(gateway, section)])
    assert [(e["appProtocol"], e["host"], e["port"], e.get("path")) for e in found] == [
        ("https", "shop", 443, "/a"),
        ("https", "shop", 443, None),
    ]


def test_a_route_whose_gateway_is_not_there() -> None:
    assert {e["port"] for e in endpoints.of_route(ROUTE, [])} == {80}


def node(label: str = "", **addresses: str) -> dict[str, Any]:
    listed = [{"type": kind, "address": address} for kind, address in addresses.items()]
    return {
        "metadata": {"labels": {f"node-role.kubernetes.io/{label}": ""} if label else {}},
        "status": {"addresses": listed},
    }


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        pytest.param([], "", id="no nodes"),
        pytest.param([node(InternalIP="10.0.0.1")], "10.0.0.1", id="inner, for want of another"),
        pytest.param(
            [node(InternalIP="10.0.0.1"), node(ExternalIP="5.5.5.5")], "5.5.5.5", id="outer first"
        ),
        pytest.param(
            [node(ExternalIP="5.5.5.5"), node("gateway", InternalIP="10.0.0.2")],
            "10.0.0.2",
            id="the gateway before all",
        ),
    ],
)
def test_the_address_of_a_cluster(nodes: list[dict[str, Any]], expected: str) -> None:
    assert endpoints.address_of(nodes) == expected
