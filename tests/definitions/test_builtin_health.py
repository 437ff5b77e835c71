"""The health and the messages of the built-in definitions (semantics B8)."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.api.definition import Definition
from lateen.base import problem
from lateen.cue.engine import Engine
from lateen.cue.templates import Fill

pytestmark = pytest.mark.anyio

READY = {"replicas": 2, "readyReplicas": 2, "updatedReplicas": 2, "observedGeneration": 1}
EXEMPT = {"app.oam.dev/disable-health-check": "true"}


async def judge(
    engine: Engine, definition: Definition, parameter: Any = None, **objects: Any
) -> tuple[bool, str]:
    """(isHealth, message), as the expressions of a definition give them."""
    fills = [
        Fill("parameter", parameter or {}, "parameter"),
        Fill("context", {"name": "web", **objects}, "context"),
    ]
    found = []
    for expression, path in (("healthPolicy", "isHealth"), ("customStatus", "message")):
        text = f"{definition.status[expression]}\nparameter: _\ncontext: _\n"
        result = await engine.evaluate(text, fills, [path], source=expression, require=[path])
        problem.raise_any(result.problems)
        found.append(result.values[path])
    return found[0], found[1]


def deployment(
    status: dict[str, int] | None, generation: int = 1, annotations: Any = None
) -> dict[str, Any]:
    metadata = {"generation": generation, **({"annotations": annotations} if annotations else {})}
    return {"metadata": metadata, "spec": {"replicas": 2}, **({"status": status} if status else {})}


@pytest.mark.parametrize("name", ["webservice", "worker", "process"])
@pytest.mark.parametrize(
    ("output", "expected"),
    [
        pytest.param(deployment(READY), (True, "Ready:2/2"), id="all there"),
        pytest.param(deployment(None), (False, "Ready:0/2"), id="no status yet"),
        pytest.param(deployment(READY, 2), (False, "Ready:2/2"), id="an older generation"),
        pytest.param(
            deployment({**READY, "observedGeneration": 3}, 2), (True, "Ready:2/2"), id="a later one"
        ),
        pytest.param(
            deployment({**READY, "readyReplicas": 1}), (False, "Ready:1/2"), id="one not ready"
        ),
        pytest.param(
            deployment({**READY, "updatedReplicas": 1}), (False, "Ready:2/2"), id="one not updated"
        ),
        pytest.param(
            deployment({**READY, "replicas": 3}), (False, "Ready:2/2"), id="an old one still there"
        ),
        pytest.param(
            deployment(None, 1, {"a": "b"}), (False, "Ready:0/2"), id="another annotation"
        ),
    ],
)
async def test_deployments(
    engine: Engine, builtins: dict[str, Definition], name: str, output: Any, expected: Any
):
    assert await judge(engine, builtins[name], output=output) == expected


@pytest.mark.parametrize(("name", "healthy"), [("webservice", True), ("worker", False)])
async def test_the_annotation_that_exempts(
    engine: Engine, builtins: dict[str, Definition], name: str, healthy: bool
):
    output = deployment(None, 1, EXEMPT)
    assert await judge(engine, builtins[name], output=output) == (healthy, "Ready:0/2")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, (False, "Active/Failed/Succeeded:0/0/0")),
        ({"active": 2, "failed": 1}, (False, "Active/Failed/Succeeded:2/1/0")),
        ({"succeeded": 2}, (True, "Active/Failed/Succeeded:0/0/2")),
    ],
)
async def test_task(
    engine: Engine, builtins: dict[str, Definition], status: dict[str, int], expected: Any
):
    job = {"spec": {"parallelism": 2}, "status": status}
    assert await judge(engine, builtins["task"], output=job) == expected


def balanced(*ingress: dict[str, str]) -> dict[str, Any]:
    return {
        "spec": {"type": "LoadBalancer"},
        **({"status": {"loadBalancer": {"ingress": list(ingress)}}} if ingress else {}),
    }


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        pytest.param(
            {"spec": {"type": "ClusterIP", "clusterIP": "10.0.0.1"}},
            (True, "ClusterIP: 10.0.0.1"),
            id="cluster",
        ),
        pytest.param({"spec": {"type": "NodePort"}}, (True, ""), id="node port"),
        pytest.param(balanced(), (False, "ExternalIP: Pending"), id="no address yet"),
        pytest.param(
            {**balanced(), "status": {"loadBalancer": {}}}, (False, "ExternalIP: Pending"), id="{}"
        ),
        pytest.param(balanced({"ip": "1.2.3.4"}), (True, "ExternalIP: 1.2.3.4"), id="an address"),
        pytest.param(balanced({"hostname": "lb.aws"}), (True, "ExternalIP: lb.aws"), id="a name"),
    ],
)
async def test_expose(engine: Engine, builtins: dict[str, Definition], service: Any, expected: Any):
    assert await judge(engine, builtins["expose"], outputs={"service": service}) == expected


def ingress(host: str = "", ip: str = "") -> dict[str, Any]:
    rule = {"host": host} if host else {}
    status = {"loadBalancer": {"ingress": [{"ip": ip}]} if ip else {}}
    return {"kind": "Ingress", "spec": {"rules": [rule]}, "status": status}


NO_HOST = "Host not specified, visit the cluster or load balancer in front of the cluster"


@pytest.mark.parametrize(
    ("parameter", "outputs", "expected"),
    [
        pytest.param({}, {}, (False, NO_HOST), id="not there"),
        pytest.param({}, {"ingress": ingress()}, (True, NO_HOST), id="no host"),
        pytest.param({}, {"ingress": ingress("a.b")}, (True, "Visiting URL: a.b"), id="host"),
        pytest.param(
            {}, {"ingress": ingress("a.b", "1.2.3.4")}, (True, "Visiting URL: a.b, IP: 1.2.3.4")
        ),
        pytest.param({}, {"ingress": ingress("", "1.2.3.4")}, (True, f"{NO_HOST}, IP: 1.2.3.4")),
        pytest.param(
            {"name": "x"}, {"ingress-x": ingress("a.b")}, (True, "Visiting URL: a.b"), id="named"
        ),
        pytest.param({"name": "x"}, {"ingress": ingress("a.b")}, (False, NO_HOST), id="other name"),
    ],
)
async def test_gateway(
    engine: Engine,
    builtins: dict[str, Definition],
    parameter: Any,
    outputs: Any,
    expected: tuple[bool, str],
):
    assert await judge(engine, builtins["gateway"], parameter, outputs=outputs) == expected
