"""Where built-in traits depend on what they are laid on, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from lateen import testing
from tests.definitions.test_builtin_traits import WORKLOAD

CRON_JOB = {
    "apiVersion": "batch/v1",
    "kind": "CronJob",
    "spec": {
        "jobTemplate": {
            "spec": {"template": {"spec": {"containers": [{"name": "web", "image": "x"}]}}}
        }
    },
}


def test_resource_finds_the_pod_of_a_cron_job():
    given = {"cpu": 1, "memory": "1Gi"}
    rendering = testing.builtin("resource").render(given, on=CRON_JOB)
    path = "spec.jobTemplate.spec.template.spec.containers[0].resources"
    assert rendering.value("CronJob", path) == {"requests": given, "limits": given}


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"cpu": 1}, id="cpu without memory"),
        pytest.param({"memory": "1Gi"}, id="memory without cpu"),
        pytest.param({}, id="nothing"),
    ],
)
def test_resource_wants_both(given: dict[str, Any]):
    rendering = testing.builtin("resource").render(given)
    assert rendering.value("Deployment", "spec.template.spec.containers[0].resources") == {}


@pytest.mark.parametrize(
    ("name", "given", "minor", "expected"),
    [
        ("hpa", {}, 22, "autoscaling/v2beta2"),
        ("hpa", {}, 23, "autoscaling/v2"),
        ("hpa", {}, 0, "autoscaling/v2"),
        ("gateway", {"http": {"/": 80}}, 18, "networking.k8s.io/v1beta1"),
        ("gateway", {"http": {"/": 80}}, 19, "networking.k8s.io/v1"),
        ("gateway", {"http": {"/": 80}}, 0, "networking.k8s.io/v1"),
        ("pure-ingress", {"domain": "a.b", "http": {"/": 80}}, 21, "networking.k8s.io/v1beta1"),
        ("pure-ingress", {"domain": "a.b", "http": {"/": 80}}, 22, "networking.k8s.io/v1"),
        ("pure-ingress", {"domain": "a.b", "http": {"/": 80}}, 0, "networking.k8s.io/v1"),
    ],
)
def test_an_object_has_the_api_its_cluster_serves(
    name: str, given: dict[str, Any], minor: int, expected: str
):
    version = {"clusterVersion": {"minor": minor}}
    rendering = testing.builtin(name).render(given, context=version)
    found = {each["kind"]: each for each in rendering.outputs.values()}
    api = (found.get("Ingress") or found["HorizontalPodAutoscaler"])["apiVersion"]
    assert api == expected, "0 is a version that is not known"


@pytest.mark.parametrize("name", ["gateway", "pure-ingress"])
@pytest.mark.parametrize(
    ("minor", "expected"),
    [
        (18, {"serviceName": "web", "servicePort": 80}),
        (30, {"service": {"name": "web", "port": {"number": 80}}}),
    ],
)
def test_an_ingress_names_its_service_as_its_api_does(name: str, minor: int, expected: Any):
    given = {"domain": "a.b", "http": {"/": 80}}
    version = {"clusterVersion": {"minor": minor}}
    rendering = testing.builtin(name).render(given, context=version)
    assert rendering.value("Ingress", "spec.rules[0].http.paths[0].backend") == expected


# KubeVela's own words, and so different ones
UNNAMED = {
    "env": "containerName must be set for containers",
    "container-image": "containerName must be set for containers",
    "securitycontext": "containerName must be set for containers",
    "command": "container name must be set for containers",
    "container-ports": "container name must be set for containers",
    "startup-probe": "containerName must be set when specifying startup probe for "
    "multiple containers",
}
NEEDED: dict[str, dict[str, Any]] = {"env": {"env": {}}, "container-image": {"image": "x"}}


@pytest.mark.parametrize("name", sorted(UNNAMED))
def test_containers_that_are_not_there(name: str):
    needed = NEEDED.get(name, {})
    subject = testing.builtin(name)
    subject.refuses(
        {"containerName": "nope", **needed},
        on=WORKLOAD,
        code="template.user",
        message="^container nope not found$",
    )
    several = "probes" if name == "startup-probe" else "containers"
    found = subject.refuses({several: [needed, {"containerName": "x", **needed}]}, on=WORKLOAD)
    assert {each.message for each in found} == {UNNAMED[name], "container x not found"}


@pytest.mark.parametrize("given", [{"addArgs": ["a"]}, {"delArgs": ["a"]}])
def test_arguments_are_set_or_changed(given: dict[str, Any]):
    testing.builtin("command").refuses(
        {"args": ["b"], **given},
        on=WORKLOAD,
        message="^cannot set addArgs/delArgs and args at the same time$",
    )


@pytest.mark.parametrize(
    ("name", "given", "code", "at"),
    [
        ("resource", {"memory": "lots", "cpu": 1}, "", "memory"),
        ("lifecycle", {"preStop": {"tcpSocket": {"port": 0}}}, "", "preStop.tcpSocket.port"),
        (
            "affinity",
            {
                "podAffinity": {
                    "preferred": [{"weight": 101, "podAffinityTerm": {"topologyKey": "zone"}}]
                }
            },
            "",
            "podAffinity.preferred[0].weight",
        ),
        ("container-image", {}, "parameter.missing", "image"),
        ("k8s-update-strategy", {"targetKind": "Job"}, "", "targetKind"),
    ],
)
def test_values_a_trait_does_not_take(name: str, given: dict[str, Any], code: str, at: str):
    testing.builtin(name).refuses(given, on=WORKLOAD, code=code, at=at)


def test_what_a_kind_does_not_have_leaves_it_as_it_is():
    subject = testing.builtin("k8s-update-strategy")
    given = {"targetKind": "Deployment", "strategy": {"type": "OnDelete"}}
    rendering = subject.render(given, on=WORKLOAD)
    assert rendering.workload["spec"]["strategy"] == WORKLOAD["spec"]["strategy"]


def test_ports_of_the_host_add_up():
    given = {"ports": [{"containerPort": 80, "hostPort": 8080}]}
    subject = testing.builtin("container-ports")
    once = subject.render(given, on=WORKLOAD)
    path = "spec.template.spec.containers[0].ports"
    [port] = once.value("Deployment", path)
    assert port == {"containerPort": 80, "protocol": "TCP", "name": "http", "hostPort": 8080}
    more = {"ports": [{"containerPort": 90}, {"containerPort": 80, "hostIP": "10.0.0.1"}]}
    both = subject.render(more, on=once).value("Deployment", path)
    assert both == [{**port, "hostIP": "10.0.0.1"}, {"containerPort": 90, "protocol": "TCP"}]
