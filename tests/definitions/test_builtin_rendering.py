"""What the built-in definitions render, as goldens: compared with KubeVela's by hand."""

from __future__ import annotations

from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from lateen.api.definition import Definition
from lateen.base import documents, problem
from lateen.cue.engine import Engine
from lateen.cue.templates import Evaluation, Fill
from lateen.definitions import patching

pytestmark = pytest.mark.anyio

CONTEXT = {
    "name": "web",
    "appName": "shop",
    "namespace": "default",
    "revision": "web-v1",
    "clusterVersion": {"major": "1", "minor": 30},
}
ENV = [
    {"name": "MODE", "value": "fast"},
    {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "api"}}},
]
HTTP = {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 5}
EXEC = {"exec": {"command": ["true"]}}
VOLUMES = [
    {"name": "data", "mountPath": "/data", "type": "pvc", "claimName": "disk"},
    {
        "name": "conf",
        "mountPath": "/conf",
        "type": "configMap",
        "cmName": "conf",
        "items": [{"key": "a", "path": "a.txt"}],
    },
    {"name": "keys", "mountPath": "/keys", "type": "secret", "secretName": "keys"},
    {"name": "tmp", "mountPath": "/tmp", "medium": "Memory"},
]
MOUNTS = {
    "pvc": [
        {"name": "data", "mountPath": "/data", "claimName": "disk", "subPath": "a"},
        {"name": "data", "mountPath": "/more", "claimName": "disk", "subPath": "b"},
    ],
    "configMap": [
        {
            "name": "conf",
            "mountPath": "/conf",
            "cmName": "conf",
            "items": [{"key": "a", "path": "a.txt"}],
        }
    ],
    "secret": [{"name": "keys", "mountPath": "/keys", "secretName": "keys", "defaultMode": 256}],
    "emptyDir": [{"name": "tmp", "mountPath": "/tmp"}],
    "hostPath": [{"name": "logs", "mountPath": "/logs", "path": "/var/log"}],
}
FULL = {
    "image": "nginx",
    "imagePullPolicy": "Always",
    "imagePullSecrets": ["registry"],
    "cmd": ["serve"],
    "env": ENV,
    "cpu": "500m",
    "memory": "256Mi",
    "livenessProbe": HTTP,
    "readinessProbe": EXEC,
}
META = {"labels": {"team": "blue"}, "annotations": {"note": "hello"}}

COMPONENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "webservice": ("webservice", {"image": "nginx"}),
    "webservice-full": (
        "webservice",
        {
            **FULL,
            **META,
            "args": ["-v"],
            "limit": {"memory": "1Gi"},
            "addRevisionLabel": True,
            "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["db"]}],
            "exposeType": "NodePort",
            "ports": [
                {"port": 80, "expose": True, "nodePort": 30080},
                {"port": 53, "containerPort": 5353, "protocol": "UDP", "expose": True},
                {"port": 9090, "name": "metrics"},
            ],
            "volumeMounts": MOUNTS,
        },
    ),
    "webservice-deprecated": ("webservice", {"image": "nginx", "port": 80, "volumes": VOLUMES}),
    "worker": ("worker", {"image": "busybox"}),
    "worker-full": ("worker", {**FULL, "volumeMounts": MOUNTS}),
    "statefulset": ("statefulset", {"image": "postgres"}),
    "statefulset-full": (
        "statefulset",
        {
            **FULL,
            **META,
            "args": ["-v"],
            "addRevisionLabel": True,
            "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["db"]}],
            "exposeType": "LoadBalancer",
            "ports": [
                {"port": 5432, "expose": True},
                {"port": 53, "containerPort": 5353, "protocol": "UDP", "expose": True},
            ],
            "volumeMounts": MOUNTS,
        },
    ),
    "daemon": ("daemon", {"image": "fluentd"}),
    "daemon-full": (
        "daemon",
        {
            **FULL,
            **META,
            "addRevisionLabel": True,
            "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["db"]}],
            "ports": [
                {"port": 80, "expose": True},
                {"port": 53, "protocol": "UDP", "expose": True},
                {"port": 9090, "name": "metrics"},
            ],
            "volumeMounts": MOUNTS,
        },
    ),
    "daemon-deprecated": ("daemon", {"image": "fluentd", "port": 80, "volumes": VOLUMES}),
    "cron-task": ("cron-task", {"image": "busybox", "schedule": "0 3 * * *"}),
    "cron-task-full": (
        "cron-task",
        {
            **FULL,
            **META,
            "schedule": "*/5 * * * *",
            "startingDeadlineSeconds": 60,
            "suspend": True,
            "concurrencyPolicy": "Replace",
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 2,
            "count": 2,
            "restart": "OnFailure",
            "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["db"]}],
            "volumeMounts": MOUNTS,
            "ttlSecondsAfterFinished": 600,
            "activeDeadlineSeconds": 300,
            "backoffLimit": 4,
        },
    ),
    "ref-objects": (
        "ref-objects",
        {
            "objects": [
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}},
                {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "b"}},
            ]
        },
    ),
    "task": ("task", {"image": "busybox"}),
    "task-full": (
        "task",
        {**FULL, **META, "count": 3, "restart": "OnFailure", "volumes": VOLUMES},
    ),
    "k8s-objects": (
        "k8s-objects",
        {
            "objects": [
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}},
                {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "b"}},
            ]
        },
    ),
    "process": ("process", {"command": ["sleep", "60"]}),
    "process-full": (
        "process",
        {
            "command": ["python3", "-m", "http.server"],
            "args": ["8000"],
            "env": ENV,
            "port": 8000,
            "workingDir": "/srv",
            "init": [{"name": "fill", "command": ["make"], "args": ["data"], "env": ENV[:1]}],
            "terminationGracePeriodSeconds": 5,
            "cpu": "500m",
            "memory": "256Mi",
            "livenessProbe": HTTP,
            "readinessProbe": {"tcpSocket": {"port": 8000}},
        },
    ),
    "process-own-port": (
        "process",
        {"command": ["serve"], "port": 80, "env": [{"name": "PORT", "value": "8080"}]},
    ),
}

WORKLOAD = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "labels": {"old": "1"}},
    "spec": {
        "replicas": 1,
        "template": {
            "metadata": {"labels": {"old": "1", "app": "web"}},
            "spec": {
                "containers": [
                    {"name": "web", "image": "nginx", "env": ENV},
                    {"name": "helper", "image": "busybox"},
                ]
            },
        },
    },
}

TRAITS: dict[str, tuple[str, dict[str, Any]]] = {
    "scaler": ("scaler", {"replicas": 3}),
    "labels": ("labels", {"team": "blue", "old": None}),
    "annotations": ("annotations", {"note": "hello"}),
    "env": ("env", {"env": {"MODE": "slow", "NEW": "1"}, "unset": ["KEY"]}),
    "env-replace": ("env", {"env": {"NEW": "1"}, "replace": True}),
    "env-containers": (
        "env",
        {
            "containers": [
                {"containerName": "helper", "env": {"A": "1"}},
                {"containerName": "web", "env": {"B": "2"}},
            ]
        },
    ),
    "sidecar": (
        "sidecar",
        {
            "name": "logs",
            "image": "fluentd",
            "cmd": ["ship"],
            "args": ["-v"],
            "env": [{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
            "volumes": [{"name": "logs", "path": "/logs"}],
            "livenessProbe": HTTP,
            "readinessProbe": EXEC,
        },
    ),
    "expose": (
        "expose",
        {
            "type": "NodePort",
            "annotations": {"note": "hello"},
            "ports": [
                {"port": 80, "nodePort": 30080},
                {"port": 53, "protocol": "UDP"},
                {"port": 9090, "name": "metrics"},
            ],
        },
    ),
    "expose-deprecated": ("expose", {"port": [80], "matchLabels": {"app": "other"}}),
    "gateway": ("gateway", {"domain": "shop.example", "http": {"/": 80, "/api": 8080}}),
    "gateway-full": (
        "gateway",
        {
            "name": "tls",
            "domain": "shop.example",
            "http": {"/": 80},
            "class": "traefik",
            "classInSpec": True,
            "secretName": "cert",
            "gatewayHost": "lb.example",
            "pathType": "Prefix",
            **META,
        },
    ),
    "gateway-existing-service": ("gateway", {"http": {"/": 80}, "existingServiceName": "web"}),
}


async def evaluate(
    engine: Engine, definition: Definition, parameter: Any, context: dict[str, Any]
) -> Evaluation:
    fills = [Fill("parameter", parameter, "parameter"), Fill("context", context, "context")]
    text = f"{definition.text}\ncontext: _\n"
    paths = ["output", "outputs", "patch", "errs"]
    return await engine.evaluate(
        text, fills, paths, source=definition.source, marks=["patch", "output"]
    )


@pytest.mark.parametrize("case", sorted(COMPONENTS))
async def test_components(
    engine: Engine, builtins: dict[str, Definition], golden: SnapshotAssertion, case: str
):
    name, properties = COMPONENTS[case]
    result = await evaluate(engine, builtins[name], properties, CONTEXT)
    problem.raise_any(result.problems)
    rendered = {k: v for k, v in result.values.items() if k != "errs"}
    assert documents.dump(rendered) == golden


@pytest.mark.parametrize("case", sorted(TRAITS))
async def test_traits(
    engine: Engine, builtins: dict[str, Definition], golden: SnapshotAssertion, case: str
):
    name, properties = TRAITS[case]
    result = await evaluate(engine, builtins[name], properties, {**CONTEXT, "output": WORKLOAD})
    problem.raise_any(result.problems)
    rendered = {k: v for k, v in result.values.items() if k == "outputs"}
    if "patch" in result.values:
        marks, soft = result.marks["patch"], result.soft["patch"]
        patched = patching.apply(WORKLOAD, result.values["patch"], marks, (), soft)
        rendered["output"] = patched.value
    assert rendered
    assert documents.dump(rendered) == golden


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        pytest.param(
            {"containerName": "nope", "env": {}}, ["container nope not found"], id="no container"
        ),
        pytest.param(
            {"containers": [{"env": {}}, {"containerName": "x", "env": {}}]},
            ["containerName must be set for containers", "container x not found"],
            id="several",
        ),
        pytest.param({"env": {"A": "1"}}, [], id="none"),
    ],
)
async def test_env_says_which_container_is_missing(
    engine: Engine, builtins: dict[str, Definition], properties: Any, expected: list[str]
):
    context = {**CONTEXT, "output": WORKLOAD}
    result = await evaluate(engine, builtins["env"], properties, context)
    assert result.values["errs"] == expected


@pytest.mark.parametrize("case", sorted(COMPONENTS))
async def test_a_component_renders_nothing_that_is_only_a_default_by_accident(
    engine: Engine, builtins: dict[str, Definition], case: str
):
    # what is soft in a component yields to a trait without a word, so only parameters may be
    name, properties = COMPONENTS[case]
    result = await evaluate(engine, builtins[name], properties, CONTEXT)
    parameters = ("protocol", "defaultMode", "mode", "medium", "restartPolicy", "parallelism")
    probe = ("initialDelaySeconds", "periodSeconds", "timeoutSeconds")
    job = ("completions", "backoffLimit", "JobsHistoryLimit", "suspend", "concurrencyPolicy")
    allowed = (*parameters, *probe, *job, "successThreshold", "failureThreshold")
    assert [path for path in result.soft["output"] if not path.endswith(allowed)] == []


@pytest.mark.parametrize(
    ("minor", "expected"),
    [
        pytest.param(24, "batch/v1beta1", id="before batch/v1"),
        pytest.param(25, "batch/v1", id="with batch/v1"),
        pytest.param(0, "batch/v1", id="an unknown version is a recent one"),
    ],
)
async def test_a_cron_task_on_an_old_cluster(
    engine: Engine, builtins: dict[str, Definition], minor: int, expected: str
):
    context = {**CONTEXT, "clusterVersion": {"minor": minor}}
    parameter = {"image": "busybox", "schedule": "0 3 * * *"}
    result = await evaluate(engine, builtins["cron-task"], parameter, context)
    assert result.values["output"]["apiVersion"] == expected


@pytest.mark.parametrize("name", ["k8s-objects", "ref-objects"])
async def test_no_objects_are_too_few(engine: Engine, builtins: dict[str, Definition], name: str):
    result = await evaluate(engine, builtins[name], {"objects": []}, CONTEXT)
    assert len(result.values["errs"]) == 1
    assert "output" not in result.values


@pytest.mark.parametrize(("command", "expected"), [([], 1), (["serve"], 0)])
async def test_process_wants_a_program(
    engine: Engine, builtins: dict[str, Definition], command: list[str], expected: int
):
    result = await evaluate(engine, builtins["process"], {"command": command}, CONTEXT)
    assert len(result.values["errs"]) == expected
