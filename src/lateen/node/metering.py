"""What pods and the node use, as others ask for it: the kubelet's statistics, and the API
metrics.k8s.io that `kubectl top` and horizontal autoscalers read.

The API server passes questions for metrics.k8s.io on to the node, for which an APIService says so.
It is there while the node is: one that leads nowhere would hold up the deletion of namespaces.
"""

from __future__ import annotations

import base64
import logging
import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from lateen.api.manifest import Key, Manifest
from lateen.hub import ApiError, Client, Informer
from lateen.node import phases
from lateen.node.measuring import Measurements, Rate, Reading

_LOG = logging.getLogger(__name__)

_GROUP, _VERSION = "metrics.k8s.io", "v1beta1"
_NAMESPACE, _SERVICE = "kube-system", "lateen-metrics"
_API = f"/apis/{_GROUP}/{_VERSION}"
_NAME = f"{_VERSION}.{_GROUP}"
_KEY = Key("apiregistration.k8s.io", "APIService", "", _NAME, "v1")

RULES: list[Manifest] = [
    {
        "apiGroups": ["apiregistration.k8s.io"],
        "resources": ["apiservices"],
        "verbs": ["get", "create", "patch", "delete"],
    },
]
OBJECTS: list[Manifest] = [
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": _SERVICE, "namespace": _NAMESPACE},
        "spec": {"type": "ExternalName", "externalName": "localhost"},
    },
    {  # who may see pods may see what they use
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {
            "name": "lateen:metrics",
            "labels": {
                f"rbac.authorization.k8s.io/aggregate-to-{role}": "true"
                for role in ("admin", "edit", "view")
            },
        },
        "rules": [
            {
                "apiGroups": [_GROUP],
                "resources": ["pods", "nodes"],
                "verbs": ["get", "list", "watch"],
            }
        ],
    },
]


async def announce(client: Client, authority: Path, certificate: Path, port: int) -> bool:
    """Have the API server ask us; False when it is too old to know us by that name.

    Raises:
        ApiError: the server does not let us.
    """
    served = ssl.PEM_cert_to_DER_cert(certificate.read_text())
    if f"{_SERVICE}.{_NAMESPACE}.svc".encode() not in served:
        return False
    spec = {
        "group": _GROUP,
        "version": _VERSION,
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "service": {"namespace": _NAMESPACE, "name": _SERVICE, "port": port},
        "caBundle": base64.b64encode(authority.read_bytes()).decode(),
    }
    wanted = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": _NAME},
        "spec": spec,
    }
    try:
        await client.create(wanted)
    except ApiError as error:
        if not error.already_exists:
            raise
        await client.patch(_KEY, {"spec": spec})
    return True


async def withdraw(client: Client) -> None:
    """The node ends: nobody is to be asked any more."""
    try:
        await client.delete(_KEY)
    except ApiError as error:
        if not error.not_found:
            _LOG.warning("the API of metrics stays announced: %s", error)


class Meter:
    """The routes."""

    def __init__(
        self, client: Client, pods: Informer, measurements: Measurements, node: str
    ) -> None:
        self._client = client
        self._pods = pods
        self._measurements = measurements
        self._node = node

    def add_to(self, app: web.Application) -> None:
        add = app.router.add_get
        add("/stats/summary", self._summary)
        add("/metrics/resource", self._exposition)
        add("/openapi/v2", self._nothing_described)
        add(_API, self._resources)
        add(f"{_API}/nodes", self._nodes)
        add(f"{_API}/nodes/{{name}}", self._nodes)
        add(f"{_API}/pods", self._all)
        add(f"{_API}/namespaces/{{namespace}}/pods", self._all)
        add(f"{_API}/namespaces/{{namespace}}/pods/{{name}}", self._one)

    async def _resources(self, request: web.Request) -> web.Response:
        return _answer(
            {
                "kind": "APIResourceList",
                "apiVersion": "v1",
                "groupVersion": f"{_GROUP}/{_VERSION}",
                "resources": [
                    {
                        "name": name,
                        "singularName": "",
                        "namespaced": name == "pods",
                        "kind": kind,
                        "verbs": ["get", "list"],
                    }
                    for name, kind in (("nodes", "NodeMetrics"), ("pods", "PodMetrics"))
                ],
            }
        )

    async def _nothing_described(self, request: web.Request) -> web.Response:
        """The API server merges descriptions of all APIs, and complains of those without one."""
        about = {"title": _GROUP, "version": _VERSION}
        return _answer({"swagger": "2.0", "info": about, "paths": {}, "definitions": {}})

    async def _nodes(self, request: web.Request) -> web.Response:
        reading = await self._measurements.read()
        usage = _usage(reading.machine)
        found = _metrics("NodeMetrics", {"name": self._node}, reading) | {"usage": usage}
        name = request.match_info.get("name")
        if name is None:
            return _answer(_list("NodeMetricsList", [found]))
        return _answer(found) if name == self._node else _missing("nodes", name)

    async def _all(self, request: web.Request) -> web.Response:
        reading = await self._measurements.read()
        namespace = request.match_info.get("namespace", "")
        pods = self._pods.list(namespace)
        if selector := request.query.get("labelSelector"):
            chosen = await self._chosen(namespace, selector)
            pods = [pod for pod in pods if pod["metadata"]["uid"] in chosen]
        items = [_pod(pod, reading) for pod in pods if reading.pod(pod["metadata"]["uid"])]
        return _answer(_list("PodMetricsList", items))

    async def _chosen(self, namespace: str, selector: str) -> set[str]:
        ours = f"spec.nodeName={self._node}"
        found, _ = await self._client.list(
            "",
            "v1",
            "Pod",
            namespace=namespace,
            label_selector=selector,
            field_selector=ours,
        )
        return {str(pod["metadata"]["uid"]) for pod in found}

    async def _one(self, request: web.Request) -> web.Response:
        namespace, name = request.match_info["namespace"], request.match_info["name"]
        pod = self._pods.get(namespace, name)
        reading = await self._measurements.read()
        if pod is None or not reading.pod(pod["metadata"]["uid"]):
            return _missing("pods", name)
        return _answer(_pod(pod, reading))

    async def _summary(self, request: web.Request) -> web.Response:
        reading = await self._measurements.read()
        pods = []
        for pod in self._pods.list():
            meta, rates = pod["metadata"], reading.pod(pod["metadata"]["uid"])
            reference = {key: meta[key] for key in ("name", "namespace", "uid")}
            told = [{"name": name, **_statistics(rate, reading)} for name, rate in rates.items()]
            if told:
                whole = _statistics(_whole(rates.values()), reading)
                pods.append({"podRef": reference, "containers": told, **whole})
        machine = {"nodeName": self._node, **_statistics(reading.machine, reading)}
        return _answer({"node": machine, "pods": pods})

    async def _exposition(self, request: web.Request) -> web.Response:
        """Prometheus's text, with the kubelet's names."""
        reading = await self._measurements.read()
        lines = [*_exposed("node", [("", reading.machine)])]
        containers, pods = [], []
        for pod in self._pods.list():
            meta, rates = pod["metadata"], reading.pod(pod["metadata"]["uid"])
            named = f'namespace="{meta["namespace"]}",pod="{meta["name"]}"'
            containers += [(f'{{container="{c}",{named}}}', rate) for c, rate in rates.items()]
            if rates:
                pods.append((f"{{{named}}}", _whole(rates.values())))
        lines += [*_exposed("container", containers), *_exposed("pod", pods)]
        return web.Response(text="\n".join(lines) + "\n")


def _exposed(of: str, found: Iterable[tuple[str, Rate]]) -> Iterable[str]:
    found = list(found)
    yield f"# TYPE {of}_cpu_usage_seconds_total counter"
    for labels, rate in found:
        yield f"{of}_cpu_usage_seconds_total{labels} {rate.seconds:.6f}"
    yield f"# TYPE {of}_memory_working_set_bytes gauge"
    for labels, rate in found:
        yield f"{of}_memory_working_set_bytes{labels} {rate.memory}"


def _whole(rates: Iterable[Rate]) -> Rate:
    found = list(rates)
    return Rate(
        sum(rate.cores for rate in found),
        sum(rate.seconds for rate in found),
        sum(rate.memory for rate in found),
    )


def _statistics(rate: Rate, reading: Reading) -> dict[str, Any]:
    when = phases.moment(reading.when)
    return {
        "cpu": {
            "time": when,
            "usageNanoCores": int(rate.cores * 1e9),
            "usageCoreNanoSeconds": int(rate.seconds * 1e9),
        },
        "memory": {"time": when, "usageBytes": rate.memory, "workingSetBytes": rate.memory},
    }


def _pod(pod: Manifest, reading: Reading) -> dict[str, Any]:
    meta = pod["metadata"]
    named = {key: meta[key] for key in ("name", "namespace", "labels") if meta.get(key)}
    rates = reading.pod(meta["uid"])
    containers = [{"name": name, "usage": _usage(rate)} for name, rate in sorted(rates.items())]
    return _metrics("PodMetrics", named, reading) | {"containers": containers}


def _metrics(kind: str, meta: Mapping[str, Any], reading: Reading) -> dict[str, Any]:
    when = phases.moment(reading.when)
    return {
        "kind": kind,
        "apiVersion": f"{_GROUP}/{_VERSION}",
        "metadata": {**meta, "creationTimestamp": when},
        "timestamp": when,
        "window": f"{reading.window:.3f}s",
    }


def _usage(rate: Rate) -> dict[str, str]:
    return {"cpu": f"{int(rate.cores * 1e9)}n", "memory": f"{rate.memory // 1024}Ki"}


def _list(kind: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"kind": kind, "apiVersion": f"{_GROUP}/{_VERSION}", "metadata": {}, "items": items}


def _missing(resource: str, name: str) -> web.Response:
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": "NotFound",
        "code": 404,
        "message": f'{resource}.{_GROUP} "{name}" not found',
        "details": {"name": name, "group": _GROUP, "kind": resource},
    }
    return _answer(status, 404)


def _answer(body: Mapping[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")
