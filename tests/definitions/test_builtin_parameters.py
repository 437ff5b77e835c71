"""The built-in components and traits take what KubeVela's take, and say the same of themselves.

Source: inventory 2.1, 2.2.
"""

from __future__ import annotations

from importlib import resources

import pytest

from lateen.api.definition import Definition, DefinitionKind
from lateen.cue.engine import Engine
from lateen.cue.reports import Field
from lateen.definitions import templates

pytestmark = pytest.mark.anyio

PODS = "image imagePullPolicy imagePullSecrets cmd env cpu memory volumes"
PROBES = "livenessProbe readinessProbe"
SERVICE = (
    f"{PODS} {PROBES} ports port exposeType addRevisionLabel volumeMounts hostAliases labels "
    "annotations"
)
SCALED = "min max targetAPIVersion targetKind"
SELF = "name image cmd args env"
PROBE = "initialDelaySeconds periodSeconds timeoutSeconds successThreshold failureThreshold"

COMPONENTS = {
    "webservice": f"{SERVICE} args limit",
    "worker": f"{PODS} {PROBES} volumeMounts",
    "statefulset": f"{SERVICE} args",
    "daemon": SERVICE,
    "task": f"{PODS} {PROBES} count restart labels annotations",
    "cron-task": f"{PODS} {PROBES} count restart labels annotations volumeMounts hostAliases "
    "schedule startingDeadlineSeconds suspend concurrencyPolicy successfulJobsHistoryLimit "
    "failedJobsHistoryLimit ttlSecondsAfterFinished activeDeadlineSeconds backoffLimit",
    "k8s-objects": "objects",
    "ref-objects": "objects urls",
    "helmchart": "chart release values valuesFrom healthStatus options",
    "helm": "repoType pullInterval interval url secretRef timeout installTimeout sourceName git "
    "oss helmrepository valuesFiles chart version targetNamespace releaseName retries values "
    "valuesFrom upgradeCRD",
    "kustomize": "repoType imageRepository pullInterval url version secretRef timeout git oss path "
    "prune suspend force targetNamespace",
    "raw": "apiVersion kind",
    "process": f"command args env port workingDir init terminationGracePeriodSeconds cpu memory "
    f"{PROBES}",
}
TRAITS = {
    "scaler": "replicas",
    "cpuscaler": f"{SCALED} cpuUtil",
    "hpa": f"{SCALED} cpu mem podCustomMetrics",
    "env": "containerName replace env unset containers",
    "command": "containerName command args addArgs delArgs containers",
    "container-image": "containerName image imagePullPolicy containers",
    "container-ports": "containerName ports containers",
    "resource": "cpu memory requests limits",
    "labels": "",
    "annotations": "",
    "storage": "pvc configMap secret emptyDir hostPath",
    "sidecar": f"{SELF} volumes {PROBES}",
    "init-container": f"{SELF} imagePullPolicy mountName appMountPath initMountPath "
    "extraVolumeMounts",
    "startup-probe": f"containerName {PROBE} terminationGracePeriodSeconds exec httpGet grpc "
    "tcpSocket probes",
    "lifecycle": "postStart preStop",
    "hostalias": "hostAliases",
    "affinity": "podAffinity podAntiAffinity nodeAffinity tolerations",
    "topologyspreadconstraints": "constraints",
    "securitycontext": "containerName addCapabilities allowPrivilegeEscalation dropCapabilities "
    "privileged readOnlyRootFilesystem runAsNonRoot runAsUser runAsGroup containers",
    "podsecuritycontext": "appArmorProfile fsGroup runAsGroup runAsUser runAsNonRoot "
    "seccompProfile",
    "service-account": "name create privileges",
    "k8s-update-strategy": "targetAPIVersion targetKind strategy",
    "json-patch": "operations",
    "json-merge-patch": "",
    "kustomize-patch": "patches",
    "kustomize-json-patch": "patchesJson",
    "kustomize-strategy-merge": "patchesStrategicMerge",
    "service-binding": "envMappings",
    "nocalhost": "port serviceType gitUrl image shell workDir storageClass command debug "
    "hotReload sync env portForward persistentVolumeDirs resources",
    "expose": "ports port type annotations matchLabels",
    "gateway": "domain http class classInSpec secretName gatewayHost name pathType annotations "
    "labels existingServiceName",
    "pure-ingress": "domain http",
    "ingress": "domain http",
    "ingress-1-20": "domain http class",
    "node-affinity": "affinity tolerations",
    "configmap": "volumes",
    "pvc": "claimName volumeMode volumeName accessModes storageClassName resources dataSourceRef "
    "dataSource selector volumesToMount",
    "volumes": "volumes",
}
PARAMETERS = COMPONENTS | TRAITS
# of the fluxcd addon's type: given for Flux, and told to do nothing here
IDLE = "interval timeout helmrepository retries upgradeCRD"
REQUIRED = {
    "webservice": "image",
    "worker": "image",
    "statefulset": "image",
    "daemon": "image",
    "task": "image",
    "cron-task": "image schedule",
    "helmchart": "chart",
    "helm": "url chart",
    "kustomize": "url path",
    "process": "command",
    "raw": "apiVersion kind",
    "sidecar": "name image",
    "container-image": "image",
    "init-container": "name image appMountPath initMountPath",
    "service-account": "name",
    "pure-ingress": "domain",
    "ingress": "domain",
    "ingress-1-20": "domain",
    "pvc": "claimName resources",
    "nocalhost": "port image",
}
# labels of KubeVela's own user interface, and how other tools find the types
LABELS = {
    "ui-hidden": "worker ref-objects affinity json-patch json-merge-patch service-binding "
    "nocalhost pure-ingress kustomize-patch kustomize-json-patch kustomize-strategy-merge "
    "node-affinity",
    "deprecated": "pure-ingress ingress ingress-1-20 node-affinity configmap pvc volumes raw",
    "category": "helmchart helm kustomize",
}
DISRUPTIVE = (
    "labels annotations sidecar container-image container-ports resource storage init-container "
    "startup-probe lifecycle affinity topologyspreadconstraints securitycontext podsecuritycontext "
    "json-patch json-merge-patch nocalhost node-affinity configmap pvc volumes"
)
# deployments.apps, statefulsets.apps, daemonsets.apps, jobs.batch, cronjobs.batch: how far it goes
APPLIES = {
    "scaler": 2,
    "cpuscaler": 2,
    "hpa": 2,
    "expose": 2,
    "gateway": 2,
    "k8s-update-strategy": 3,
    "resource": 5,
    "labels": 0,
    "kustomize-patch": 0,
    "kustomize-json-patch": 0,
    "kustomize-strategy-merge": 0,
    "annotations": 0,
    "json-patch": 0,
    "json-merge-patch": 0,
    "pure-ingress": 0,
    "ingress": 0,
    "ingress-1-20": 0,
    "node-affinity": 0,
    "configmap": 0,
    "pvc": 1,
    "volumes": 1,
}
WORKLOADS = [
    *("deployments.apps", "statefulsets.apps", "daemonsets.apps"),
    *("jobs.batch", "cronjobs.batch"),
]


async def test_what_there_is(builtins: dict[str, Definition]):
    found = {kind: {d.name for d in builtins.values() if d.kind is kind} for kind in DefinitionKind}
    assert found[DefinitionKind.COMPONENT] == set(COMPONENTS)
    assert found[DefinitionKind.TRAIT] == set(TRAITS)
    assert len(COMPONENTS) == 9 + 1 + 2 + 1, "KubeVela's, raw, those of its fluxcd addon, process"
    assert len(TRAITS) == 29 + 6 + 3, "KubeVela's, its deprecated ones, those of its fluxcd addon"
    assert len(found[DefinitionKind.POLICY]) == 9 + 1, "and rollback"
    assert {d.raw["metadata"]["namespace"] for d in builtins.values()} == {"vela-system"}


@pytest.mark.parametrize("name", sorted(TRAITS))
async def test_what_a_trait_applies_to(builtins: dict[str, Definition], name: str):
    spec = builtins[name].spec
    count = APPLIES.get(name, 4)
    assert spec["appliesToWorkloads"] == (WORKLOADS[:count] if count else ["*"])
    assert bool(spec.get("podDisruptive")) == (name in DISRUPTIVE.split())
    assert builtins[name].stage == ("PostDispatch" if name == "expose" else "DefaultDispatch")
    assert not spec.get("conflictsWith")
    assert not spec.get("manageWorkload")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("webservice worker", ("deployments.apps", "apps/v1", "Deployment")),
        ("statefulset", ("statefulsets.apps", "apps/v1", "StatefulSet")),
        ("daemon", ("daemonsets.apps", "apps/v1", "DaemonSet")),
        ("task", ("jobs.batch", "batch/v1", "Job")),
        ("cron-task k8s-objects ref-objects helmchart raw", ("autodetects.core.oam.dev", "", "")),
    ],
)
async def test_the_workload_of_a_component(
    builtins: dict[str, Definition], names: str, expected: tuple[str, str, str]
):
    for name in names.split():
        workload = builtins[name].workload
        given = builtins[name].spec["workload"]["type"]
        assert (given, workload["apiVersion"], workload["kind"]) == expected


@pytest.mark.parametrize("name", sorted(PARAMETERS))
async def test_labels(builtins: dict[str, Definition], name: str):
    found = builtins[name].raw["metadata"].get("labels", {})
    prefix = "custom.definition.oam.dev/"
    assert set(found) == {prefix + key for key, names in LABELS.items() if name in names.split()}


async def parameter(engine: Engine, definition: Definition) -> Field:
    return await templates.Shelf(engine).schema(definition)


@pytest.mark.parametrize("name", sorted(PARAMETERS))
async def test_parameters(engine: Engine, builtins: dict[str, Definition], name: str):
    described = await parameter(engine, builtins[name])
    fields = {f.name: f for shape in (described, *described.choices[::-1]) for f in shape.fields}
    assert set(fields) == set(PARAMETERS[name].split())
    required = {field.name for field in fields.values() if field.required}
    assert required == set(REQUIRED.get(name, "").split())


async def test_marks(engine: Engine, builtins: dict[str, Definition]):
    found = set()
    for name in PARAMETERS:
        for field in (await parameter(engine, builtins[name])).fields:
            found |= {(name, field.name, key) for key in field.marks if key != "usage"}
    services = ("webservice", "statefulset", "daemon")
    hidden = {(name, field, "ignore") for name in services for field in ("port", "exposeType")}
    assert found == {
        *hidden,
        *((name, "addRevisionLabel", "ignore") for name in services),
        *((name, "port", "short") for name in services),
        *((name, "image", "short") for name in (*services, "worker", "task", "cron-task")),
        *((name, "count", "short") for name in ("task", "cron-task")),
        ("process", "command", "short"),
        ("process", "port", "short"),
        *(("helm", name, "idle") for name in IDLE.split()),
    }


@pytest.mark.parametrize("name", sorted(PARAMETERS))
async def test_the_stored_form_compiles(engine: Engine, builtins: dict[str, Definition], name: str):
    stored = Definition.of(builtins[name].raw)
    assert await templates.Shelf(engine).schema(stored)
    for expression in stored.status.values():
        await engine.compile(f"context: _\nparameter: _\n{expression}", source=stored.source)


async def test_files_are_formatted(engine: Engine):
    folder = resources.files("lateen.definitions") / "builtin"
    for file in (each for each in folder.iterdir() if each.name.endswith(".cue")):
        content = file.read_text("utf-8")
        assert await engine.format(content, source=file.name) == content, file.name
