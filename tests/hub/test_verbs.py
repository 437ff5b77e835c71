"""The verbs against a real API server."""

from __future__ import annotations

from contextlib import aclosing

import anyio
import pytest

from lateen import hub
from lateen.api.manifest import Key
from lateen.base.problem import Problem

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(kube):
    async with hub.connect(kube.kubeconfig) as connected:
        yield connected


@pytest.fixture
def key(namespace):
    return Key("", "ConfigMap", namespace, "settings", "v1")


def config_map(key, **data):
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": key.name, "namespace": key.namespace},
        "data": data,
    }


def deployment(namespace, replicas=1):
    labels = {"app": "web"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": "web"}]},
            },
        },
    }


async def test_apply_creates_then_updates(client, key):
    await client.apply(config_map(key, a="1", b="1"))
    changed = await client.apply(config_map(key, a="2"))
    assert changed["data"] == {"a": "2"}, "what we no longer apply, we no longer own"
    assert await client.get(key) == changed
    assert {f["manager"] for f in changed["metadata"]["managedFields"]} == {"lateen"}


async def test_applying_what_was_read_needs_no_cleaning(client, key):
    found = await client.apply(config_map(key, a="1"))
    again = await client.apply(found)
    assert again["metadata"]["resourceVersion"] == found["metadata"]["resourceVersion"]


async def test_fields_of_another_manager_are_a_conflict_unless_forced(kube, client, namespace):
    async with hub.connect(kube.kubeconfig) as other:
        scaler = hub.Client(other.connection, manager="autoscaler")
        await scaler.apply(deployment(namespace, replicas=3))
    with pytest.raises(hub.ApiError) as caught:
        await client.apply(deployment(namespace, replicas=1))
    assert caught.value.conflict
    assert caught.value.owned_fields == {"spec.replicas": "autoscaler"}
    forced = await client.apply(deployment(namespace, replicas=1), force=True)
    assert forced["spec"]["replicas"] == 1


async def test_a_dry_run_changes_nothing(client, key):
    shown = await client.apply(config_map(key, a="1"), dry_run=True)
    assert shown["data"] == {"a": "1"}
    with pytest.raises(hub.ApiError) as caught:
        await client.get(key)
    assert caught.value.not_found
    assert caught.value.key == key


async def test_creating_twice(client, key):
    await client.create(config_map(key, a="1"))
    with pytest.raises(hub.ApiError) as caught:
        await client.create(config_map(key, a="2"))
    assert caught.value.already_exists
    assert not caught.value.conflict


async def test_replacing_what_has_changed_since(client, key):
    old = await client.create(config_map(key, a="1"))
    await client.replace({**old, "data": {"a": "2"}})
    with pytest.raises(hub.ApiError) as caught:
        await client.replace({**old, "data": {"a": "3"}})
    assert caught.value.conflict
    assert caught.value.owned_fields == {}


async def test_the_status_is_written_apart(client, namespace):
    live = await client.apply(deployment(namespace))
    del live["metadata"]["resourceVersion"]  # another one after its controller has seen it
    live["spec"]["replicas"] = 9
    live["status"]["conditions"] = [{"type": "Odd", "status": "True"}]
    found = await client.replace(live, subresource="status")
    assert found["spec"]["replicas"] == 1
    assert found["status"]["conditions"][0]["type"] == "Odd"
    assert client.counts[("replace", "deployments/status")] == 1


async def test_patches(client, key):
    await client.apply(config_map(key, a="1", b="1"))
    merged = await client.patch(key, {"data": {"a": None, "c": "1"}})
    assert merged["data"] == {"b": "1", "c": "1"}
    listed = await client.patch(key, [{"op": "remove", "path": "/data/b"}])
    assert listed["data"] == {"c": "1"}


async def test_deleting(client, key):
    made = await client.apply(config_map(key))
    with pytest.raises(hub.ApiError) as caught:
        await client.delete(key, uid="another")
    assert caught.value.conflict, "the name was taken by another object since"
    assert await client.delete(key, uid=made["metadata"]["uid"]) is None
    assert await client.delete(key) is None, "already gone"


async def test_deleting_what_a_finalizer_holds(client, key):
    held = config_map(key)
    held["metadata"]["finalizers"] = ["test.dev/held"]
    await client.apply(held)
    left = await client.delete(key)
    assert left is not None
    assert left["metadata"]["deletionTimestamp"]
    await client.patch(key, {"metadata": {"finalizers": None}})
    assert await client.delete(key) is None


async def test_lists_are_complete_manifests(client, key, namespace):
    await client.apply(config_map(key))
    found, version = await client.list(
        "", "v1", "ConfigMap", namespace=namespace, field_selector="metadata.name=settings"
    )
    assert [m["metadata"]["name"] for m in found] == ["settings"]
    assert (found[0]["apiVersion"], found[0]["kind"]) == ("v1", "ConfigMap")
    async with aclosing(
        client.watch("", "v1", "ConfigMap", namespace=namespace, resource_version=version)
    ) as events:
        await client.patch(key, {"data": {"a": "1"}})
        with anyio.fail_after(30):
            kind, manifest = await anext(events)
    assert (kind, manifest["data"]) == ("MODIFIED", {"a": "1"})


async def test_an_identity_is_what_the_server_sees(client, key):
    author = hub.Identity("mary", ("developers", "system:authenticated"))
    with pytest.raises(hub.ApiError) as caught:
        await client.apply(config_map(key), identity=author)
    assert caught.value.forbidden
    assert '"mary"' in caught.value.message
    review = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "SelfSubjectReview",
        "metadata": {"name": ""},
    }
    seen = (await client.create(review, identity=author))["status"]["userInfo"]
    assert seen["username"] == "mary"
    assert set(seen["groups"]) == {"developers", "system:authenticated"}


async def test_refused_fields_are_named(client, namespace):
    wrong = deployment(namespace)
    wrong["spec"]["template"]["spec"]["containers"][0]["name"] = "Not A Name"
    with pytest.raises(hub.ApiError) as caught:
        await client.apply(wrong)
    assert caught.value.unprocessable
    [problem] = caught.value.problems()
    assert problem.code == "hub.invalid"
    assert problem.path == "spec.template.spec.containers[0].name"
    assert not problem.retry


async def test_a_namespace_is_not_guessed(client):
    with pytest.raises(Problem) as caught:
        await client.get(Key("", "ConfigMap", "", "settings", "v1"))
    assert caught.value.code == "hub.namespace-missing"


async def test_requests_are_counted(client, key):
    await client.apply(config_map(key), dry_run=True)
    await client.apply(config_map(key))
    await client.get(key)
    del client.counts[("get", "api")], client.counts[("get", "apis")]  # discovery
    assert dict(client.counts) == {
        ("apply?dryRun", "configmaps"): 1,
        ("apply", "configmaps"): 1,
        ("get", "configmaps"): 1,
    }


async def test_text_and_streams(client):
    assert await client.read_text("/livez") == "ok"
    async with aclosing(client.stream("/readyz", {"verbose": "true"})) as lines:
        found = [line async for line in lines]
    assert found[-1] == b"readyz check passed"
    with pytest.raises(hub.ApiError) as caught:
        await client.read_text("/api/v1/namespaces/default/pods/none/log", follow="true")
    assert caught.value.not_found


async def test_the_server_is_there(client):
    assert await client.ready()
    assert (await client.version())["major"] == "1" or "gitVersion" in await client.version()
