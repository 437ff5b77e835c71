"""The built-in traits that change or go with a workload, each with everything it takes, as goldens.

Tested as a definition of anybody's would be, with `lateen.testing`.
"""

from __future__ import annotations

from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from lateen import testing
from lateen.base import documents

WORKLOAD: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "spec": {
        "replicas": 2,
        "strategy": {"type": "Recreate"},
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "serviceAccountName": "old",
                "containers": [
                    {
                        "name": "web",
                        "image": "nginx",
                        "command": ["serve"],
                        "args": ["-v", "--port=80"],
                        "env": [{"name": "MODE", "value": "fast"}],
                        "ports": [{"containerPort": 80, "protocol": "TCP", "name": "http"}],
                        "resources": {"limits": {"cpu": "4"}},
                        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
                    },
                    {"name": "helper", "image": "busybox"},
                ],
                "volumes": [{"name": "tmp", "emptyDir": {}}],
                "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["db"]}],
            },
        },
    },
}
HTTP = {
    "httpGet": {
        "path": "/healthz",
        "port": 80,
        "host": "web.local",
        "scheme": "HTTPS",
        "httpHeaders": [{"name": "X-Probe", "value": "1"}],
    }
}
SELECTOR = {
    "matchLabels": {"app": "web"},
    "matchExpressions": [
        {"key": "tier", "values": ["front"]},
        {"key": "old", "operator": "Exists"},
    ],
}
PODS = {
    "required": [
        {
            "labelSelector": SELECTOR,
            "namespace": "shop",
            "namespaces": ["blue"],
            "topologyKey": "zone",
            "namespaceSelector": SELECTOR,
        }
    ],
    "preferred": [{"weight": 50, "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname"}}],
}
NODES = {
    "matchExpressions": [{"key": "disk", "values": ["ssd"]}],
    "matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": ["node-1"]}],
}
REFERENCE = {"name": "snap", "kind": "VolumeSnapshot", "apiGroup": "snapshot.storage.k8s.io"}
ITEMS = [{"key": "a", "path": "a.txt"}, {"key": "b", "path": "b.txt", "mode": 256}]
STORAGE = {
    "pvc": [
        {"name": "data", "mountPath": "/data", "subPath": "web"},
        {"name": "there", "mountPath": "/there", "mountOnly": True},
        {
            "name": "raw",
            "mountPath": "/dev/raw",
            "volumeMode": "Block",
            "volumeName": "disk-1",
            "accessModes": ["ReadWriteMany"],
            "storageClassName": "fast",
            "resources": {"requests": {"storage": "1Gi"}, "limits": {"storage": "2Gi"}},
            "dataSourceRef": REFERENCE,
            "dataSource": REFERENCE,
            "selector": {
                "matchLabels": {"disk": "ssd"},
                "matchExpressions": {"key": "zone", "operator": "In", "values": ["a"]},
            },
        },
    ],
    "configMap": [
        {"name": "conf", "mountPath": "/conf", "data": {"a": "1"}, "items": ITEMS},
        {
            "name": "flags",
            "mountToEnv": {"envName": "FLAG", "configMapKey": "flag"},
            "mountToEnvs": [{"envName": "OTHER", "configMapKey": "other"}],
            "data": {"flag": "on"},
        },
    ],
    "secret": [
        {"name": "keys", "mountPath": "/keys", "stringData": {"a": "1"}, "data": {"b": "Mg=="}},
        {
            "name": "there",
            "mountOnly": True,
            "mountPath": "/secret",
            "defaultMode": 256,
            "items": ITEMS,
            "mountToEnv": {"envName": "KEY", "secretKey": "key"},
            "mountToEnvs": [{"envName": "MORE", "secretKey": "more"}],
        },
    ],
    "emptyDir": [
        {"name": "cache", "mountPath": "/cache", "medium": "Memory"},
        {"name": "cache", "mountPath": "/cache2", "subPath": "two"},
    ],
    "hostPath": [{"name": "logs", "path": "/var/log", "mountPath": "/logs", "type": "File"}],
}
SECURITY = {
    "addCapabilities": ["NET_ADMIN"],
    "dropCapabilities": ["ALL"],
    "allowPrivilegeEscalation": True,
    "privileged": True,
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": False,
    "runAsUser": 1,
    "runAsGroup": 2,
}
PRIVILEGES = [
    {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["a"]},
    {"verbs": ["get"], "nonResourceURLs": ["/healthz"], "scope": "cluster"},
]
ROLLING = {"maxSurge": "50%", "maxUnavailable": 0, "partition": 3}

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "cpuscaler": ("cpuscaler", {}),
    "cpuscaler-full": (
        "cpuscaler",
        {
            "min": 2,
            "max": 4,
            "cpuUtil": 70,
            "targetAPIVersion": "apps/v1",
            "targetKind": "StatefulSet",
        },
    ),
    "hpa": ("hpa", {}),
    "hpa-full": (
        "hpa",
        {
            "min": 2,
            "max": 4,
            "targetAPIVersion": "apps/v1",
            "targetKind": "StatefulSet",
            "cpu": {"type": "AverageValue", "value": 3},
            "mem": {"value": 70},
            "podCustomMetrics": [{"name": "requests", "value": "100"}],
        },
    ),
    "ingress": ("ingress", {"domain": "shop.example", "http": {"/": 80, "/api": 81}}),
    "ingress-1-20": ("ingress-1-20", {"domain": "shop.example", "http": {"/": 80}}),
    "node-affinity": (
        "node-affinity",
        {"affinity": {"disk": ["ssd", "nvme"]}, "tolerations": {"dedicated": "shop"}},
    ),
    "configmap": (
        "configmap",
        {
            "volumes": [
                {"name": "given", "mountPath": "/given", "readOnly": True},
                {"name": "made", "mountPath": "/made", "data": {"mode": "fast"}},
            ]
        },
    ),
    "pvc": (
        "pvc",
        {
            "claimName": "uploads",
            "accessModes": ["ReadWriteOnce"],
            "volumeName": "pv-1",
            "storageClassName": "fast",
            "resources": {"requests": {"storage": "1Gi"}, "limits": {"storage": "2Gi"}},
            "dataSource": {"name": "old", "kind": "VolumeSnapshot", "apiGroup": "snapshot.x.io"},
            "dataSourceRef": {"name": "old", "kind": "VolumeSnapshot", "apiGroup": "snapshot.x.io"},
            "selector": {"matchLabels": {"disk": "ssd"}},
            "volumesToMount": [{"name": "uploads", "mountPath": "/uploads"}],
        },
    ),
    "pvc-block": (
        "pvc",
        {
            "claimName": "raw",
            "volumeMode": "Block",
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
            "volumesToMount": [{"name": "raw", "devicePath": "/dev/raw"}],
        },
    ),
    "volumes": (
        "volumes",
        {
            "volumes": [
                {"name": "tmp"},
                {"name": "fast", "type": "emptyDir", "medium": "Memory"},
                {"name": "claim", "type": "pvc", "claimName": "uploads"},
                {"name": "settings", "type": "configMap", "cmName": "settings"},
                {
                    "name": "keys",
                    "type": "secret",
                    "secretName": "keys",
                    "items": [{"key": "a", "path": "a.key"}],
                },
            ]
        },
    ),
    "pure-ingress": ("pure-ingress", {"domain": "shop.example", "http": {"/": 80, "/api": 81}}),
    "command": ("command", {"command": ["run"], "addArgs": ["-x", "-v"], "delArgs": ["--port=80"]}),
    "command-containers": (
        "command",
        {
            "containers": [
                {"containerName": "helper", "command": ["sh"]},
                {"containerName": "web", "args": ["-q"]},
            ]
        },
    ),
    "container-image": ("container-image", {"image": "nginx:1.27", "imagePullPolicy": "Always"}),
    "container-image-containers": (
        "container-image",
        {
            "containers": [
                {"containerName": "helper", "image": "alpine"},
                {"containerName": "web", "image": "caddy", "imagePullPolicy": "Never"},
            ]
        },
    ),
    "container-ports": (
        "container-ports",
        {
            "ports": [
                {"containerPort": 80, "hostPort": 8080, "hostIP": "127.0.0.1"},
                {"containerPort": 53, "protocol": "UDP", "hostPort": 53, "hostIP": "127.0.0.1"},
                {"containerPort": 80, "protocol": "UDP"},
            ]
        },
    ),
    "container-ports-containers": (
        "container-ports",
        {"containers": [{"containerName": "helper", "ports": [{"containerPort": 90}]}]},
    ),
    "resource": ("resource", {"cpu": "500m", "memory": "1Gi"}),
    "resource-apart": ("resource", {"requests": {"cpu": 0.5}, "limits": {"memory": "4Gi"}}),
    "storage": ("storage", STORAGE),
    "storage-little": ("storage", {"emptyDir": [{"name": "cache", "mountPath": "/cache"}]}),
    "init-container": (
        "init-container",
        {
            "name": "fill",
            "image": "busybox",
            "imagePullPolicy": "Always",
            "cmd": ["fill"],
            "args": ["--all"],
            "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
            "mountName": "pages",
            "appMountPath": "/pages",
            "initMountPath": "/work",
            "extraVolumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
        },
    ),
    "startup-probe": (
        "startup-probe",
        {**HTTP, "failureThreshold": 30, "terminationGracePeriodSeconds": 5},
    ),
    "startup-probe-containers": (
        "startup-probe",
        {
            "probes": [
                {"containerName": "helper", "grpc": {"port": 90, "service": "x"}},
                {"containerName": "web", "exec": {"command": ["true"]}, "periodSeconds": 1},
            ]
        },
    ),
    "lifecycle": (
        "lifecycle",
        {"postStart": HTTP, "preStop": {"tcpSocket": {"port": 80, "host": "web.local"}}},
    ),
    "hostalias": (
        "hostalias",
        {
            "hostAliases": [
                {"ip": "10.0.0.1", "hostnames": ["db"]},
                {"ip": "10.0.0.2", "hostnames": ["x"]},
            ]
        },
    ),
    "affinity": (
        "affinity",
        {
            "podAffinity": PODS,
            "podAntiAffinity": PODS,
            "nodeAffinity": {
                "required": {"nodeSelectorTerms": [NODES]},
                "preferred": [{"weight": 1, "preference": NODES}],
            },
            "tolerations": [
                {"key": "a", "value": "b", "effect": "NoExecute", "tolerationSeconds": 60},
                {"operator": "Exists"},
            ],
        },
    ),
    "topologyspreadconstraints": (
        "topologyspreadconstraints",
        {
            "constraints": [
                {
                    "maxSkew": 1,
                    "topologyKey": "zone",
                    "labelSelector": SELECTOR,
                    "minDomains": 2,
                    "matchLabelKeys": ["version"],
                    "nodeAffinityPolicy": "Ignore",
                    "nodeTaintsPolicy": "Honor",
                },
                {
                    "maxSkew": 2,
                    "topologyKey": "node",
                    "whenUnsatisfiable": "ScheduleAnyway",
                    "labelSelector": {},
                },
            ]
        },
    ),
    "securitycontext": ("securitycontext", {}),
    "securitycontext-containers": (
        "securitycontext",
        {"containers": [{"containerName": "helper", **SECURITY}]},
    ),
    "podsecuritycontext": (
        "podsecuritycontext",
        {
            "appArmorProfile": {"type": "Localhost", "localhostProfile": "web"},
            "fsGroup": 1,
            "runAsGroup": 2,
            "runAsUser": 3,
            "runAsNonRoot": False,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    ),
    "service-account": ("service-account", {"name": "robot"}),
    "service-account-rights": (
        "service-account",
        {"name": "robot", "create": True, "privileges": PRIVILEGES},
    ),
    "k8s-update-strategy": (
        "k8s-update-strategy",
        {"targetKind": "Deployment", "strategy": {"rollingStrategy": ROLLING}},
    ),
    "k8s-update-strategy-statefulset": (
        "k8s-update-strategy",
        {"targetKind": "StatefulSet", "strategy": {"rollingStrategy": ROLLING}},
    ),
    "k8s-update-strategy-daemonset": (
        "k8s-update-strategy",
        {"targetKind": "DaemonSet", "strategy": {"type": "OnDelete"}},
    ),
    "json-patch": (
        "json-patch",
        {
            "operations": [
                {"op": "replace", "path": "/spec/replicas", "value": 5},
                {"op": "remove", "path": "/spec/template/spec/containers/1"},
            ]
        },
    ),
    "json-merge-patch": ("json-merge-patch", {"spec": {"replicas": 5, "strategy": None}}),
    "service-binding": (
        "service-binding",
        {"envMappings": {"HOST": {"secret": "db", "key": "host"}, "PASSWORD": {"secret": "db"}}},
    ),
    "nocalhost": ("nocalhost", {"port": 80, "image": "go"}),
    "nocalhost-full": (
        "nocalhost",
        {
            "port": 80,
            "image": "example.com/dev",
            "serviceType": "statefulset",
            "gitUrl": "https://example.com/shop.git",
            "shell": "sh",
            "workDir": "/src",
            "storageClass": "fast",
            "command": {"run": ["run"], "debug": ["debug"]},
            "debug": {"remoteDebugPort": 9009},
            "hotReload": False,
            "sync": {"type": "both", "filePattern": ["a"], "ignoreFilePattern": ["b"]},
            "env": [{"name": "A", "value": "1"}],
            "portForward": ["8080:80"],
            "persistentVolumeDirs": [{"path": "/data", "capacity": "1Gi"}],
            "resources": {"limits": {"cpu": "1"}, "requests": {"memory": "1Gi"}},
        },
    ),
}


@pytest.mark.parametrize("case", sorted(CASES))
def test_a_trait_renders(golden: SnapshotAssertion, case: str):
    name, parameters = CASES[case]
    rendering = testing.builtin(name).render(parameters, on=WORKLOAD, strict=True)
    assert documents.dump({"workload": rendering.workload, **rendering.outputs}) == golden
