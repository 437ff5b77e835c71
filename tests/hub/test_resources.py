"""Kinds are found by discovery, also those that come later."""

from __future__ import annotations

import uuid
from typing import Any

import anyio
import pytest

from lateen import hub
from lateen.api.manifest import Key
from lateen.base.problem import Problem
from tests.hub import servers

pytestmark = pytest.mark.anyio

PLAIN: dict[str, Any] = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {
        "kind": "APIGroupList",
        "groups": [
            {
                "name": "apps",
                "versions": [{"version": "v1beta1"}, {"version": "v1"}],
                "preferredVersion": {"version": "v1"},
            }
        ],
    },
    "/api/v1": {
        "resources": [
            {"name": "nodes", "kind": "Node", "namespaced": False, "verbs": ["get"]},
            {"name": "nodes/status", "kind": "Node", "namespaced": False, "verbs": ["patch"]},
        ]
    },
    "/apis/apps/v1": {
        "resources": [{"name": "deployments", "kind": "Deployment", "namespaced": True}]
    },
    "/apis/apps/v1beta1": {
        "resources": [{"name": "deployments", "kind": "Deployment", "namespaced": True}]
    },
}


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        pytest.param(("", "v1", "Pod"), "/api/v1/namespaces/n/pods/x", id="core"),
        pytest.param(
            ("apps", "v1", "Deployment"), "/apis/apps/v1/namespaces/n/deployments/x", id="a group"
        ),
        pytest.param(("", "v1", "Node"), "/api/v1/nodes/x", id="no namespaces"),
        pytest.param(("", "v1", "Endpoints"), "/api/v1/namespaces/n/endpoints/x", id="odd plural"),
        pytest.param(
            ("autoscaling", "", "HorizontalPodAutoscaler"),
            "/apis/autoscaling/v2/namespaces/n/horizontalpodautoscalers/x",
            id="the preferred version",
        ),
    ],
)
async def test_paths_of_a_real_server(kube, wanted, path):
    async with hub.connect(kube.kubeconfig) as client:
        found = await client.resources.find(*wanted)
        assert found.path("n", "x") == path
        assert sum(client.counts.values()) == 2


async def test_names_are_escaped():
    async with servers.client_of(servers.Script(servers.sleeps)) as client:
        found = await client.resources.find("", "v1", "ConfigMap")
    assert found.path("n", "system:a/b c") == "/api/v1/namespaces/n/configmaps/system:a%2Fb%20c"


async def test_subresources_of_a_real_server(kube):
    async with hub.connect(kube.kubeconfig) as client:
        found = await client.resources.find("apps", "v1", "Deployment")
    assert {"scale", "status"} <= found.subresources
    assert {"list", "watch", "patch"} <= found.verbs


async def test_a_server_without_aggregated_discovery():
    script = servers.Script(servers.sleeps, discovery=PLAIN)
    async with servers.client_of(script) as client:
        node = await client.resources.find("", "v1", "Node")
        assert node.path("", "x") == "/api/v1/nodes/x"
        assert node.subresources == frozenset({"status"})
        assert (await client.resources.find("apps", "", "Deployment")).version == "v1"
        assert (await client.resources.find("apps", "v1beta1", "Deployment")).namespaced


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [
        pytest.param(("apps", "v1", "Deploymnet"), 'did you mean "Deployment"?', id="a typo"),
        pytest.param(("", "v1", "Deployment"), "Deployment is served in apps/v1", id="elsewhere"),
        pytest.param(
            ("a.dev", "v1", "Zzz"), "is its CustomResourceDefinition installed?", id="no idea"
        ),
    ],
)
async def test_unknown_kinds(kube, wanted, hint):
    async with hub.connect(kube.kubeconfig) as client:
        with pytest.raises(Problem) as caught:
            await client.resources.find(*wanted)
    assert caught.value.code == "hub.unknown-kind"
    assert caught.value.hint == hint


READY: dict[str, object] = {"/readyz": {}}


async def test_many_misses_at_once_ask_once():
    script = servers.Script(servers.sleeps, discovery={**servers.DISCOVERY, **READY})
    async with servers.client_of(script) as client:

        async def miss():
            with pytest.raises(Problem):
                await client.resources.find("", "v1", "Nothing")

        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(miss)
    # there is none only where the server is ready to say so
    assert script.discovered == ["/api", "/apis", "/readyz", "/api", "/apis"]


def _group(name, *resources, freshness="Current"):
    versions = [{"version": "v1", "freshness": freshness, "resources": list(resources)}]
    return {"metadata": {"name": name}, "versions": versions}


BOAT = {
    "resource": "boats",
    "responseKind": {"kind": "Boat"},
    "scope": "Namespaced",
    "verbs": ["get"],
}
GROUPS = {"kind": "APIGroupDiscoveryList", "items": [_group("sea.dev", BOAT)]}
NONE = {"kind": "APIGroupDiscoveryList", "items": []}
SILENT = {"kind": "APIGroupDiscoveryList", "items": [_group("sea.dev", freshness="Stale")]}


@pytest.mark.parametrize(
    ("groups", "ready", "code"),
    [
        pytest.param(NONE, servers.says(200, {}), "hub.unknown-kind", id="it is gone"),
        pytest.param(NONE, servers.refuses(403), "hub.unknown-kind", id="it tells nobody"),
        pytest.param(NONE, servers.says(500, {}), "hub.unserved", id="the server starts"),
        pytest.param(NONE, servers.drops, "hub.unserved", id="the server is going"),
        pytest.param(SILENT, servers.says(200, {}), "hub.unserved", id="nobody serves the group"),
    ],
)
async def test_a_kind_that_was_there(groups, ready, code):
    script = servers.Script(ready, discovery={**servers.DISCOVERY, "/apis": GROUPS})
    async with servers.client_of(script) as client:
        await client.resources.find("sea.dev", "v1", "Boat")
        script.discovery["/apis"] = groups
        client.resources.forget()
        with pytest.raises(Problem) as caught:
            await client.resources.find("sea.dev", "v1", "Boat")
        assert caught.value.code == code
        assert caught.value.retry
        script.discovery["/apis"] = GROUPS
        client.resources.expire()
        assert (await client.resources.find("sea.dev", "v1", "Boat")).plural == "boats"


async def test_one_group_that_nobody_serves_takes_no_other_along():
    """As old servers tell it, which ask the servers behind them for each."""
    groups = [*PLAIN["/apis"]["groups"], {"name": "sea.dev", "versions": [{"version": "v1"}]}]
    plain = {**PLAIN, "/apis": {"kind": "APIGroupList", "groups": groups}}
    script = servers.Script(servers.refuses(503), discovery=plain)
    async with servers.client_of(script) as client:
        assert (await client.resources.find("apps", "v1", "Deployment")).plural == "deployments"
        with pytest.raises(Problem) as caught:
            await client.resources.find("sea.dev", "v1", "Boat")
        assert caught.value.code == "hub.unserved"


async def test_a_version_that_is_no_longer_served():
    script = servers.Script(servers.says(404, {}), discovery=PLAIN)
    async with servers.client_of(script) as client:
        key = Key("apps", "Deployment", "n", "web", "v1beta1")
        with pytest.raises(hub.ApiError) as caught:
            await client.get(key)
        assert not caught.value.not_found
        script.discovery = {
            **PLAIN,
            "/apis": {
                "kind": "APIGroupList",
                "groups": [{"name": "apps", "versions": [{"version": "v1"}]}],
            },
        }
        with pytest.raises(Problem) as missing:
            await client.get(key)
        assert missing.value.hint == "Deployment is served in apps/v1"
        assert (await client.resources.nearest("apps", "v1beta1", "Deployment")).version == "v1"


async def test_what_people_call_a_kind_is_asked_for_again_where_it_is_not_known():
    script = servers.Script(servers.sleeps)
    async with servers.client_of(script) as client:
        for _ in range(2):
            with pytest.raises(Problem):
                await client.resources.named("boat")
            client.resources.expire()
    assert script.discovered == ["/api", "/apis"] * 2


async def test_what_is_served_is_read_anew_once_a_definition_was_applied():
    script = servers.Script(servers.sleeps)
    async with servers.client_of(script) as client:
        await client.resources.served()
        await client.resources.served()
        assert script.discovered == ["/api", "/apis"]
        client.resources.expire()
        await client.resources.served()
        assert script.discovered == ["/api", "/apis"] * 2


async def test_a_kind_that_comes_later_is_found(kube):
    group = f"{uuid.uuid4().hex[:8]}.test.dev"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"boats.{group}"},
        "spec": {
            "group": group,
            "scope": "Cluster",
            "names": {"kind": "Boat", "plural": "boats", "singular": "boat"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }
    async with hub.connect(kube.kubeconfig) as client:
        with pytest.raises(Problem):
            await client.resources.find(group, "v1", "Boat")
        await client.apply(definition)
        found = await client.resources.wait(group, "v1", "Boat", timeout=60)
        assert (found.plural, found.namespaced) == ("boats", False)
        boat = {"apiVersion": f"{group}/v1", "kind": "Boat", "metadata": {"name": "dhow"}}
        assert (await client.apply(boat))["metadata"]["name"] == "dhow"
        await client.delete(
            Key("apiextensions.k8s.io", "CustomResourceDefinition", "", f"boats.{group}", "v1")
        )
