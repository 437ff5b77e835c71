"""The CustomResourceDefinitions, as files and on a real API server."""

from __future__ import annotations

import anyio
import pytest

from lateen import hub
from lateen.api import checking, schemas
from lateen.api.manifest import Key

SHORT = {
    "Application": ["app", "velaapp"],
    "ApplicationRevision": ["apprev"],
    "ResourceTracker": ["rt"],
    "ComponentDefinition": ["comp"],
    "TraitDefinition": ["trait"],
    "PolicyDefinition": ["def-policy"],
    "WorkflowStepDefinition": ["workflowstep"],
    "WorkloadDefinition": ["workload"],
    "DefinitionRevision": ["defrev"],
    "Package": ["pkg", "cpkg", "cuepkg", "cuepackage"],
    "Policy": [],
    "Workflow": [],
    "WorkflowRun": ["wr"],
    "Provider": [],
    "Configuration": [],
}
# every field of an Application there is, once
FULL = {
    "components": [
        {
            "name": "web",
            "type": "webservice@v2",
            "properties": {"image": "nginx", "nested": {"list": [1, "two", {"three": 3.5}]}},
            "traits": [
                {"type": "scaler", "properties": {"replicas": 2}},
                {"type": "labels", "properties": {"a/b": None, "c": "d"}},
                {"type": "bare"},
            ],
            "dependsOn": ["db"],
            "inputs": [{"from": "pw", "parameterKey": "env[0].value"}, {"from": "context.name"}],
            "outputs": [{"name": "ip", "valueFrom": "output.status.podIP"}],
            "externalRevision": "web-7",
            "scopes": {"healthscopes.core.oam.dev": "h"},
        },
        {"name": "db", "type": "worker", "properties": None},
    ],
    "policies": [
        {"name": "here", "type": "topology", "properties": {"clusters": ["local"]}},
        {"type": "garbage-collect", "properties": {"keepLegacyResource": True}},
    ],
    "workflow": {
        "mode": {"steps": "DAG", "subSteps": "StepByStep"},
        "steps": [
            {
                "name": "group",
                "type": "step-group",
                "if": "always",
                "timeout": "1h30m",
                "mode": "StepByStep",
                "meta": {"alias": "Group"},
                "dependsOn": ["first"],
                "inputs": [{"from": "a", "parameterKey": "b"}],
                "outputs": [{"name": "c", "valueFrom": "output.d"}],
                "subSteps": [
                    {
                        "name": "inner",
                        "type": "deploy",
                        "if": "status.first.succeeded",
                        "timeout": "5s",
                        "meta": {"alias": "Inner"},
                        "dependsOn": ["x"],
                        "inputs": [{"from": "a"}],
                        "outputs": [{"name": "c", "valueFrom": "output.d"}],
                        "properties": {"policies": ["here"], "auto": False},
                    }
                ],
            },
            {"type": "suspend", "properties": {"duration": "1s"}},
        ],
    },
}
STATUS = {
    "status": "running",
    "observedGeneration": 1,
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "reason": "Available",
            "message": "m",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
    ],
    "services": [
        {
            "name": "web",
            "namespace": "n",
            "cluster": "local",
            "env": "e",
            "workloadDefinition": {"apiVersion": "apps/v1", "kind": "Deployment"},
            "healthy": True,
            "workloadHealthy": True,
            "message": "Ready:1/1",
            "details": {"replicas": "1"},
            "traits": [
                {
                    "type": "scaler",
                    "healthy": False,
                    "pending": True,
                    "message": "m",
                    "details": {"a": "b"},
                }
            ],
        }
    ],
    "workflow": {
        "appRevision": "web-v1",
        "mode": "StepByStep-DAG",
        "status": "succeeded",
        "message": "m",
        "suspend": False,
        "suspendState": "s",
        "terminated": False,
        "finished": True,
        "contextBackend": {"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "u"},
        "steps": [
            {
                "id": "abc",
                "name": "s",
                "type": "step-group",
                "phase": "succeeded",
                "reason": "r",
                "message": "m",
                "firstExecuteTime": "2026-01-01T00:00:00Z",
                "lastExecuteTime": "2026-01-01T00:00:00Z",
                "subSteps": [{"id": "def", "name": "t", "type": "deploy", "phase": "failed"}],
            }
        ],
        "startTime": "2026-01-01T00:00:00Z",
        "endTime": "2026-01-01T00:00:00Z",
    },
    "latestRevision": {"name": "web-v1", "revision": 1, "revisionHash": "h"},
    "appliedResources": [
        {
            "cluster": "local",
            "creator": "workflow",
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "namespace": "n",
            "name": "web",
        }
    ],
    "workflowRestartScheduledAt": "2026-01-01T00:00:00Z",
    "appliedApplicationPolicies": [{"applied": True, "name": "p", "namespace": "n"}],
    "applicationPoliciesConfigMap": "application-policies-n-web",
}


@pytest.fixture(scope="session")
def installed(kube):
    """The API server with every definition of ours."""
    kube.call(_install, kube.client)
    return kube


async def _install(client):
    for manifest in schemas.crds():
        await client.apply(manifest)
    with anyio.fail_after(90):
        for manifest in schemas.crds():
            key = Key("apiextensions.k8s.io", "CustomResourceDefinition", "", "", "v1")
            key = Key(key.group, key.kind, "", manifest["metadata"]["name"], key.version)
            while not _established(await client.get(key)):
                await anyio.sleep(0.05)
        for kind, (version, _) in schemas.KINDS.items():
            group, _, version = version.partition("/")
            await client.resources.wait(group, version, kind, timeout=60)


def _established(manifest):
    conditions = {c["type"]: c["status"] for c in manifest.get("status", {}).get("conditions", [])}
    assert conditions.get("NonStructuralSchema") != "True", manifest["status"]
    return conditions.get("NamesAccepted") == conditions.get("Established") == "True"


@pytest.fixture
async def client(installed):
    async with hub.connect(installed.kubeconfig) as connected:
        yield connected


def test_files_and_table_of_kinds_agree():
    found = {
        m["spec"]["names"]["kind"]: (
            f"{m['spec']['group']}/{m['spec']['versions'][0]['name']}",
            m["spec"]["names"]["plural"],
        )
        for m in schemas.crds()
    }
    assert found == schemas.KINDS
    assert list(found)[-1] == "Application", "what applications need is there before them"


def test_short_names_are_those_people_type():
    found = {
        m["spec"]["names"]["kind"]: m["spec"]["names"].get("shortNames", []) for m in schemas.crds()
    }
    assert found == SHORT


def test_what_the_caller_changes_is_its_own():
    schemas.crds()[0]["spec"]["names"]["kind"] = "Other"
    assert schemas.crds()[0]["spec"]["names"]["kind"] == "ComponentDefinition"


def test_steps_are_the_same_inside_and_outside_of_an_application():
    inside = schemas.openapi("Application")["properties"]["spec"]["properties"]["workflow"]
    outside = schemas.openapi("Workflow")["properties"]
    assert inside["properties"]["steps"] == outside["steps"]
    assert inside["properties"]["mode"] == outside["mode"]


def test_all_definitions_have_the_same_schematic_and_status():
    kinds = [kind for kind in schemas.KINDS if kind.endswith("Definition")]
    parts = [schemas.openapi(kind)["properties"] for kind in kinds]
    assert len(kinds) == 5
    for part in parts[1:]:
        assert (
            part["spec"]["properties"]["schematic"] == parts[0]["spec"]["properties"]["schematic"]
        )
        assert part["status"] == parts[0]["status"]


def test_a_revision_keeps_the_same_workflow_status_as_its_application():
    app = schemas.openapi("Application")["properties"]["status"]["properties"]["workflow"]
    revision = schemas.openapi("ApplicationRevision")["properties"]["status"]["properties"]
    assert revision["workflow"] == app


def application(namespace, spec=FULL):
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": spec,
    }


@pytest.mark.anyio
async def test_nothing_of_an_application_is_lost(client, namespace):
    wanted = application(namespace)
    created = await client.create(wanted)
    assert created["spec"] == FULL
    key = Key("core.oam.dev", "Application", namespace, "web", "v1beta1")
    await client.patch(key, {"status": STATUS}, subresource="status")
    stored = await client.get(key)
    assert stored["spec"] == FULL
    assert stored["status"] == STATUS
    assert stored["metadata"]["generation"] == 1, "status is apart from the spec"


@pytest.mark.anyio
async def test_a_status_half_filled_is_accepted(client, namespace):
    """The control plane writes what it knows so far."""
    await client.create(application(namespace))
    key = Key("core.oam.dev", "Application", namespace, "web", "v1beta1")
    half = {"workflow": {"appRevision": "web-v1"}, "conditions": []}
    stored = await client.patch(key, {"status": half}, subresource="status")
    assert stored["status"] == half


@pytest.mark.anyio
async def test_the_smallest_application_is_accepted(client, namespace):
    spec: dict[str, list[str]] = {"components": []}
    assert (await client.apply(application(namespace, spec)))["spec"] == spec


@pytest.mark.anyio
async def test_what_was_left_empty_can_be_applied(client, namespace):
    component = {"name": "web", "type": "worker", "traits": None, "properties": None}
    written = application(namespace, {"components": [component], "policies": None})
    stored = await client.apply(checking.pruned(written))
    assert stored["spec"] == {"components": [{"name": "web", "type": "worker", "properties": None}]}


@pytest.mark.anyio
async def test_other_kinds_keep_what_is_free_form(client, namespace):
    embedded = {"metadata": {"name": "web"}, "spec": {"any": {"thing": [1]}}, "status": {}}
    free = {"application": embedded, "componentDefinitions": {"web": embedded}}
    for kind, spec in (
        ("ApplicationRevision", {**free, "referredObjects": [embedded]}),
        (
            "DefinitionRevision",
            {
                "revision": 1,
                "revisionHash": "h",
                "definitionType": "Component",
                "componentDefinition": embedded,
            },
        ),
        ("ComponentDefinition", {"workload": {"type": "t"}, "extension": {"template": "a"}}),
        ("TraitDefinition", {"schematic": {"cue": {"template": "patch: {}"}}, "stage": ""}),
    ):
        body = {
            "apiVersion": "core.oam.dev/v1beta1",
            "kind": kind,
            "metadata": {"name": "web", "namespace": namespace},
            "spec": spec,
        }
        assert (await client.create(body))["spec"] == spec, kind


@pytest.mark.anyio
async def test_a_tracker_belongs_to_no_namespace_and_keeps_manifests(client, namespace):
    spec = {
        "type": "versioned",
        "applicationGeneration": 1,
        "managedResources": [
            {
                "cluster": "local",
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "namespace": "n",
                "name": "c",
                "component": "web",
                "raw": {"data": {"a": "b"}, "deep": [{"x": None}]},
                "deleted": True,
                "skipGC": True,
            }
        ],
    }
    created = await client.create(
        {
            "apiVersion": "core.oam.dev/v1beta1",
            "kind": "ResourceTracker",
            "metadata": {"name": f"web-{namespace}"},
            "spec": spec,
        }
    )
    assert created["spec"] == spec
    await client.delete(Key("core.oam.dev", "ResourceTracker", "", f"web-{namespace}", "v1beta1"))


@pytest.mark.anyio
async def test_every_kind_is_explained(client):
    """`kubectl explain` reads these: each kind and what users write has a description."""
    for version in {version for version, _ in schemas.KINDS.values()}:
        served = await client.read_text(f"/openapi/v3/apis/{version}")
        for kind, (group_version, _) in schemas.KINDS.items():
            if group_version == version:
                assert schemas.openapi(kind)["description"] in served, kind
