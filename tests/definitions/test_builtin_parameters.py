"""The built-in definitions have the parameters of KubeVela's (inventory 2), each one explained."""

from __future__ import annotations

from importlib import resources

import pytest

from lateen.api.definition import Definition, DefinitionKind
from lateen.cue.engine import Engine
from lateen.cue.reports import Field

pytestmark = pytest.mark.anyio

PODS = "image imagePullPolicy imagePullSecrets cmd env cpu memory volumes"
PROBES = "livenessProbe readinessProbe"

PARAMETERS = {
    "webservice": f"{PODS} {PROBES} ports port exposeType addRevisionLabel args limit volumeMounts "
    "hostAliases labels annotations",
    "worker": f"{PODS} {PROBES} volumeMounts",
    "task": f"{PODS} {PROBES} count restart labels annotations",
    "k8s-objects": "objects",
    "process": f"command args env port workingDir init terminationGracePeriodSeconds cpu memory "
    f"{PROBES}",
    "scaler": "replicas",
    "env": "containerName replace env unset containers",
    "labels": "",
    "annotations": "",
    "sidecar": f"name image cmd args env volumes {PROBES}",
    "expose": "ports port type annotations matchLabels",
    "gateway": "domain http class classInSpec secretName gatewayHost name pathType annotations "
    "labels existingServiceName",
    "topology": "clusters clusterLabelSelector clusterSelector allowEmpty namespace",
    "override": "components selector",
    "apply-component": "component cluster namespace",
    "deploy": "auto policies parallelism ignoreTerraformComponent",
    "suspend": "duration message",
    "step-group": "",
}
REQUIRED = {
    "webservice": "image",
    "worker": "image",
    "task": "image",
    "process": "command",
    "sidecar": "name image",
    "apply-component": "component",
}
OURS = {"process"}  # what KubeVela does not have
KINDS = {
    DefinitionKind.COMPONENT: "webservice worker task k8s-objects process",
    DefinitionKind.TRAIT: "scaler env labels annotations sidecar expose gateway",
    DefinitionKind.POLICY: "topology override",
    DefinitionKind.STEP: "apply-component deploy suspend step-group",
}


async def test_what_there_is(builtins: dict[str, Definition]):
    found = {kind: {d.name for d in builtins.values() if d.kind is kind} for kind in DefinitionKind}
    assert found == {kind: set(listed.split()) for kind, listed in KINDS.items()}
    assert {d.raw["metadata"]["namespace"] for d in builtins.values()} == {"vela-system"}
    assert builtins["expose"].stage == "PostDispatch"
    assert builtins["webservice"].workload == {"apiVersion": "apps/v1", "kind": "Deployment"}


async def parameter(engine: Engine, definition: Definition) -> Field:
    template = await engine.compile(f"{definition.text}\ncontext: _\n", source=definition.source)
    return await template.describe("parameter")


@pytest.mark.parametrize("name", sorted(PARAMETERS))
async def test_parameters(engine: Engine, builtins: dict[str, Definition], name: str):
    described = await parameter(engine, builtins[name])
    assert {field.name for field in described.fields} == set(PARAMETERS[name].split())
    required = {field.name for field in described.fields if field.required}
    assert required == set(REQUIRED.get(name, "").split())


@pytest.mark.parametrize("name", sorted(PARAMETERS))
async def test_every_parameter_is_explained(
    engine: Engine, builtins: dict[str, Definition], name: str
):
    def walk(field: Field, path: str) -> list[str]:
        bare = [] if field.usage else [path]
        below = [*field.fields, *(field.items.fields if field.items else ())]
        return bare + [p for inner in below for p in walk(inner, f"{path}.{inner.name}")]

    described = await parameter(engine, builtins[name])
    assert [p for inner in described.fields for p in walk(inner, inner.name)] == []


@pytest.mark.parametrize("name", sorted(PARAMETERS))
async def test_the_stored_form_compiles(engine: Engine, builtins: dict[str, Definition], name: str):
    stored = Definition.of(builtins[name].raw)
    await engine.compile(f"{stored.text}\ncontext: _\n", source=stored.source)
    for expression in stored.status.values():
        await engine.compile(f"context: _\nparameter: _\n{expression}", source=stored.source)


async def test_files_are_formatted(engine: Engine):
    folder = resources.files("lateen.definitions") / "builtin"
    for file in folder.iterdir():
        content = file.read_text("utf-8")
        assert await engine.format(content, source=file.name) == content, file.name
