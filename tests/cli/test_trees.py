"""Objects, what they made, and the addresses at which that answers."""

from __future__ import annotations

import pytest

from lateen.api.manifest import Key
from lateen.cli import endpoints, trees
from lateen.cli.endpoints import Endpoint


def made(kind, name, owner="", api="v1", namespace="n", labels=None, annotations=None, **rest):
    meta = {"name": name, "namespace": namespace, "uid": name, "labels": labels or {}}
    meta["annotations"] = annotations or {}
    if owner:
        meta["ownerReferences"] = [{"uid": owner}]
    return {"apiVersion": api, "kind": kind, "metadata": meta, **rest}


def pod(name, owner="", *, ready=True, ip="10.0.0.1", ports=(), **rest):
    status = {
        "phase": "Running",
        "podIP": ip,
        "conditions": [{"type": "Ready", "status": str(ready)}],
    }
    spec = {"containers": [{"name": "main", "ports": list(ports)}]}
    return made("Pod", name, owner, status=status, spec=spec, **rest)


DEPLOYMENT = {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "n", "name": "web"}
KEY = Key("apps", "Deployment", "n", "web", "v1")
HERE = ("local", KEY)


def test_a_tree_follows_owners_and_leaves_out_the_past():
    live = made("Deployment", "web", api="apps/v1", labels={"app.oam.dev/component": "front"})
    others = [
        made("ReplicaSet", "old", "web", "apps/v1", spec={"replicas": 0}, status={"replicas": 0}),
        made(
            "ReplicaSet",
            "new",
            "web",
            "apps/v1",
            spec={"replicas": 1},
            status={"availableReplicas": 1},
        ),
        pod("web-1", "new"),
        pod("stranger", "somebody"),
    ]
    [node] = trees.build([DEPLOYMENT], {HERE: live}, others)
    assert [each.key.name for each in node.walk()] == ["web", "new", "web-1"]
    assert node.healthy
    assert {each.component for each in node.walk()} == {"front"}
    assert [each.key.name for each in trees.pods([node])] == ["web-1"]


def test_what_is_below_decides_the_health_of_what_is_above():
    live = made("Deployment", "web", api="apps/v1")
    [node] = trees.build([DEPLOYMENT], {HERE: live}, [pod("web-1", "web", ready=False)])
    assert not node.healthy
    assert node.children[0].message == "not ready"


def test_what_is_gone_and_what_cannot_be_asked_for():
    elsewhere = {**DEPLOYMENT, "cluster": "east", "name": "far"}
    away = {"east": "cluster east does not answer"}
    gone, far = trees.build([DEPLOYMENT, elsewhere], {HERE: None}, [], away)
    assert (gone.healthy, gone.message) == (False, "not there")
    assert (far.healthy, far.cluster) == (False, "east")
    assert far.to_map() == {
        "cluster": "east",
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "namespace": "n",
        "name": "far",
        "healthy": False,
        "message": "cluster east does not answer",
    }


def service(ports, selector, **rest):
    labels = {"app.oam.dev/component": "front"}
    return made(
        "Service", "web", labels=labels, spec={"selector": selector, "ports": ports}, **rest
    )


PORT = {"name": "http", "containerPort": 8080}


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        pytest.param({"port": 80, "targetPort": 8080}, ["10.0.0.1:8080"], id="a number"),
        pytest.param({"port": 80, "targetPort": "http"}, ["10.0.0.1:8080"], id="a name"),
        pytest.param({"port": 80, "targetPort": "nope"}, [], id="a name no pod has"),
        pytest.param({"port": 8080}, ["10.0.0.1:8080"], id="none: the Service's own"),
    ],
)
def test_a_service_leads_to_the_port_of_its_pods(port, expected):
    target = pod("web-1", labels={"app": "web"}, ports=[PORT])
    found = endpoints.resolve([service([port], {"app": "web"})], [], [target])
    assert [endpoint.address for endpoint in found] == expected


def test_ports_that_only_root_may_have_are_found_where_the_node_has_them():
    target = pod("web-1", labels={"app": "web"}, ip="127.64.0.2")
    served = service(
        [{"port": 80}], {"app": "web"}, annotations={"lateen.dev/address": "127.128.0.2"}
    )
    node = made("Node", "here", annotations={"lateen.dev/lowest-port": "1024"})
    found = endpoints.resolve([served], [], [target], [node])
    assert [each.address for each in found] == ["127.128.0.2:61080", "127.64.0.2:61080"]
    found = endpoints.resolve([served], [], [target], [made("Node", "roots")])
    assert [each.address for each in found] == ["127.128.0.2:80", "127.64.0.2:80"]


def test_only_ready_pods_of_the_namespace_that_are_selected_are_led_to():
    candidates = [
        pod("ready", labels={"app": "web", "more": "labels"}),
        pod("busy", labels={"app": "web"}, ready=False, ip="10.0.0.2"),
        pod("other", labels={"app": "other"}, ip="10.0.0.3"),
        pod("far", labels={"app": "web"}, namespace="m", ip="10.0.0.4"),
        pod("early", labels={"app": "web"}, ip=""),
    ]
    [found] = endpoints.resolve([service([{"port": 80}], {"app": "web"})], [], candidates)
    assert found == Endpoint("front", "web", "10.0.0.1", 80)


def test_a_service_without_a_selector_leads_nowhere():
    assert endpoints.resolve([service([{"port": 80}], {})], [], [pod("a")]) == []


def test_pods_without_a_service_are_found_by_their_ports():
    own = pod("web-1", ports=[PORT], labels={"app.oam.dev/component": "front"}, ip="fd00::1")
    [found] = endpoints.resolve([], [own], [own])
    assert (found.component, found.service, found.address) == ("front", "", "[fd00::1]:8080")


def test_an_address_is_named_once():
    own = pod("web-1", labels={"app": "web"}, ports=[PORT])
    web = service([{"port": 80, "targetPort": 8080}], {"app": "web"})
    assert len(endpoints.resolve([web], [own], [own])) == 1


@pytest.mark.parametrize(
    ("probe", "expected"),
    [
        pytest.param({"httpGet": {"port": 8080}}, "http", id="a number"),
        pytest.param({"httpGet": {"port": "http", "scheme": "HTTPS"}}, "https", id="a name"),
        pytest.param({"httpGet": {"port": 9090}}, "", id="another port"),
        pytest.param({"tcpSocket": {"port": 8080}}, "", id="no HTTP"),
    ],
)
def test_a_probe_tells_what_is_spoken_at_a_port(probe, expected):
    own = pod("web-1", ports=[PORT])
    own["spec"]["containers"][0]["readinessProbe"] = probe
    [found] = endpoints.resolve([], [own], [own])
    assert found.scheme == expected


def test_causes_are_those_of_the_pods_that_are_not_well():
    waiting = {"name": "main", "state": {"waiting": {"reason": "NoNetwork", "message": "no cable"}}}
    sick = pod("sick", "web", ready=False)
    sick["status"]["containerStatuses"] = [waiting]
    live = made("Deployment", "web", api="apps/v1")
    nodes = trees.build([DEPLOYMENT], {HERE: live}, [pod("well", "web"), sick])
    assert trees.causes(nodes) == ["pod sick: main: NoNetwork: no cable"]
