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
    found: list[Any] = []
    for expression, path in (("healthPolicy", "isHealth"), ("customStatus", "message")):
        if expression not in definition.status:
            found.append(True)  # without a policy it is healthy
            continue
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


@pytest.mark.parametrize("name", ["webservice", "worker", "statefulset", "process"])
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


@pytest.mark.parametrize(
    ("name", "healthy"), [("webservice", True), ("statefulset", True), ("worker", False)]
)
async def test_the_annotation_that_exempts(
    engine: Engine, builtins: dict[str, Definition], name: str, healthy: bool
):
    output = deployment(None, 1, EXEMPT)
    assert await judge(engine, builtins[name], output=output) == (healthy, "Ready:0/2")


def daemon(**status: int) -> dict[str, Any]:
    full = {
        "desiredNumberScheduled": 2,
        "currentNumberScheduled": 2,
        "updatedNumberScheduled": 2,
        "numberReady": 2,
        "observedGeneration": 3,
    }
    return {"metadata": {"generation": 3}, "spec": {}, "status": {**full, **status}}


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        pytest.param(daemon(), (True, "Ready:2/2"), id="on every node"),
        pytest.param(daemon(observedGeneration=4), (True, "Ready:2/2"), id="a later generation"),
        pytest.param(daemon(numberReady=1), (False, "Ready:1/2"), id="one not ready"),
        pytest.param(daemon(currentNumberScheduled=1), (False, "Ready:2/2"), id="one not there"),
        pytest.param(daemon(updatedNumberScheduled=1), (False, "Ready:2/2"), id="an old one"),
        pytest.param(daemon(observedGeneration=2), (False, "Ready:2/2"), id="not seen yet"),
        pytest.param({"metadata": {"generation": 1}}, (False, "Ready:0/0"), id="no status yet"),
    ],
)
async def test_daemon(
    engine: Engine, builtins: dict[str, Definition], output: Any, expected: tuple[bool, str]
):
    assert await judge(engine, builtins["daemon"], output=output) == expected


@pytest.mark.parametrize(
    ("kind", "output", "expected"),
    [
        pytest.param("apps/v1 Deployment", deployment(READY), (True, "Ready:2/2"), id="ready"),
        pytest.param("apps/v1 Deployment", deployment(None), (False, "Ready:0/2"), id="not ready"),
        pytest.param("apps/v1 StatefulSet", deployment(None), (True, ""), id="another kind"),
        pytest.param("v1 ConfigMap", {"metadata": {}}, (True, ""), id="neither spec nor status"),
    ],
)
async def test_ref_objects(
    engine: Engine,
    builtins: dict[str, Definition],
    kind: str,
    output: Any,
    expected: tuple[bool, str],
):
    version, name = kind.split()
    found = {"apiVersion": version, "kind": name, **output}
    assert await judge(engine, builtins["ref-objects"], output=found) == expected


def chart(name: str, status: str = "") -> dict[str, Any]:
    conditions = [{"type": "Available", "status": status}] if status else None
    return {
        "kind": "Deployment",
        "metadata": {"name": name},
        **({"status": {"conditions": conditions}} if conditions else {}),
    }


AVAILABLE = {"resource": {"kind": "Deployment"}, "condition": {"type": "Available"}}
NAMED = {"resource": {"kind": "Deployment", "name": "b"}, "condition": {"type": "Available"}}
GONE = {**AVAILABLE, "condition": {"type": "Available", "status": "False"}}
JOB = {"resource": {"kind": "Job"}, "condition": {"type": "Complete"}}


@pytest.mark.parametrize(
    ("criteria", "objects", "healthy"),
    [
        pytest.param(None, [], True, id="no criteria"),
        pytest.param([], [chart("a", "False")], True, id="none of them"),
        pytest.param([AVAILABLE], [chart("a", "True")], True, id="the condition holds"),
        pytest.param([AVAILABLE], [chart("a", "False")], False, id="it does not"),
        pytest.param([AVAILABLE], [chart("a")], False, id="no condition yet"),
        pytest.param([AVAILABLE], [], False, id="no such object"),
        pytest.param([AVAILABLE], [chart("a", "False"), chart("b", "True")], False, id="the first"),
        pytest.param([NAMED], [chart("a", "False"), chart("b", "True")], True, id="by name"),
        pytest.param([GONE], [chart("a", "False")], True, id="a status of its own"),
        pytest.param([AVAILABLE, JOB], [chart("a", "True")], False, id="every criterion counts"),
    ],
)
async def test_helmchart(
    engine: Engine,
    builtins: dict[str, Definition],
    criteria: Any,
    objects: list[dict[str, Any]],
    healthy: bool,
):
    parameter = {} if criteria is None else {"healthStatus": criteria}
    outputs = {f"helm-resource-{index}": each for index, each in enumerate(objects)}
    found = await judge(
        engine, builtins["helmchart"], parameter, outputs=outputs, status={"healthy": healthy}
    )
    assert found == (healthy, "Deployed" if healthy else "Deploying")


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


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        pytest.param({}, "No load balancer found", id="not there"),
        pytest.param({"ingress": ingress("a.b")}, "No load balancer found", id="no address yet"),
        pytest.param(
            {"ingress": ingress("a.b", "1.2.3.4")}, "Visiting URL: a.b, IP: 1.2.3.4", id="address"
        ),
    ],
)
async def test_pure_ingress(
    engine: Engine, builtins: dict[str, Definition], outputs: Any, expected: str
):
    found = await judge(engine, builtins["pure-ingress"], outputs=outputs)
    assert found == (True, expected)


async def test_a_pure_ingress_by_host_name(engine: Engine, builtins: dict[str, Definition]):
    found = ingress("a.b")
    found["status"] = {"loadBalancer": {"ingress": [{"hostname": "lb.aws"}]}}
    said = await judge(engine, builtins["pure-ingress"], outputs={"ingress": found})
    assert said == (True, "Visiting URL: a.b")
