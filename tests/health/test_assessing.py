"""The health of a component and its traits from their live objects (semantics B5, B8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from lateen.api import manifest as manifests
from lateen.api.application import Application
from lateen.api.definition import Definition
from lateen.api.manifest import Key, Manifest
from lateen.cue.engine import Engine
from lateen.definitions import contexts, files, loading, rendering
from lateen.health import assessing

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Place:
    cluster: str = ""
    namespace: str = ""


READY = """
isHealth: context.output.status.ready == true
"""
TELL = """
message: context.output.status.text
"""
SERVICE = 'outputs: svc: {apiVersion: "v1", kind: "Service", metadata: name: "svc"}'


def definition(kind: str, name: str, text: str, **spec: Any) -> Definition:
    schematic = {"schematic": {"cue": {"template": text}}}
    return Definition.of({"kind": kind, "metadata": {"name": name}, "spec": schematic | spec})


CATALOGUE = loading.Static(
    [
        definition(
            "ComponentDefinition",
            "server",
            'output: {apiVersion: "apps/v1", kind: "Deployment"}',
            status={"healthPolicy": READY, "customStatus": TELL},
            workload={"definition": {"apiVersion": "apps/v1", "kind": "Deployment"}},
        ),
        definition(
            "ComponentDefinition",
            "plain",
            'output: {apiVersion: "v1", kind: "Namespace"}\n'
            'outputs: extra: {apiVersion: "v1", kind: "ConfigMap", metadata: name: "extra"}',
            workload={"type": "autodetects.core.oam.dev"},
        ),
        definition(
            "TraitDefinition",
            "expose",
            SERVICE,
            status={
                "healthPolicy": 'isHealth: context.outputs.svc.spec.clusterIP != ""',
                "customStatus": 'message: "\\(context.outputs.svc.spec.clusterIP)'
                ' \\(context.output == _|_) \\(context.parameter == null)"',
            },
        ),
        definition(
            "ComponentDefinition",
            "bucket",
            "",
            schematic={"terraform": {"configuration": "variable {}"}},
            workload={"type": "autodetects.core.oam.dev"},
        ),
        definition("TraitDefinition", "silent", 'patch: metadata: labels: a: "b"'),
        definition("TraitDefinition", "early", SERVICE, stage="PreDispatch"),
        definition("TraitDefinition", "late", SERVICE, stage="PostDispatch"),
        definition(
            "TraitDefinition",
            "manager",
            'outputs: r: {apiVersion: "x/v1", kind: "Rollout", metadata: name: "r"}',
            manageWorkload=True,
        ),
    ]
)


def facts(type_name: str, traits: tuple[str, ...]) -> tuple[Application, contexts.AppFacts]:
    raw = {"name": "web", "type": type_name, "traits": [{"type": trait} for trait in traits]}
    app = Application({"metadata": {"name": "shop"}, "spec": {"components": [raw]}})
    return app, contexts.AppFacts.of(app, controller_version="v1", revision="shop-v1")


async def assess(
    engine: Engine, type_name: str, *traits: str, live: list[Manifest], **kwargs: Any
) -> assessing.ComponentHealth:
    app, known = facts(type_name, traits)
    rendered = await rendering.Renderer(engine, CATALOGUE).render(app.components[0], known, Place())
    objects = {manifests.key(manifest): manifest for manifest in live}
    return await assessing.assess(rendered, objects, known, engine, **kwargs)


def deployment(**status: Any) -> Manifest:
    meta = {"name": "web", "namespace": "default"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "status": status}


def service(ip: str) -> Manifest:
    meta = {"name": "svc", "namespace": "default"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"clusterIP": ip}}


UP = deployment(ready=True, text="all well")


@pytest.mark.parametrize(
    ("traits", "live", "healthy", "workload_healthy", "message"),
    [
        pytest.param((), [UP], True, True, "all well", id="well"),
        pytest.param(
            (), [deployment(ready=False, text="soon")], False, False, "soon", id="not yet"
        ),
        pytest.param((), [deployment()], False, False, "", id="no status yet"),
        pytest.param(
            (), [], False, False, "Deployment default/web does not exist", id="nothing there"
        ),
        pytest.param(("silent",), [UP], True, True, "all well", id="a trait that only patches"),
        pytest.param(
            ("expose",), [UP, service("1.2.3.4")], True, True, "all well", id="with its trait"
        ),
        pytest.param(
            ("expose",), [UP, service("")], False, True, "all well", id="its trait is not well"
        ),
        pytest.param(
            ("expose",),
            [deployment(ready=True), service("")],
            False,
            True,
            " true true",
            id="the trait's message where the component has none",
        ),
        pytest.param(("late",), [UP], True, True, "all well", id="a pending trait harms nothing"),
    ],
)
async def test_component_health(
    engine: Engine,
    traits: tuple[str, ...],
    live: list[Manifest],
    healthy: bool,
    workload_healthy: bool,
    message: str,
):
    found = await assess(engine, "server", *traits, live=live)
    assert (found.healthy, found.workload_healthy) == (healthy, workload_healthy)
    assert found.message == message


async def test_a_trait_sees_only_what_is_its_own(engine: Engine):
    found = await assess(engine, "server", "expose", live=[UP, service("1.2.3.4")])
    assert found.traits[0].message == "1.2.3.4 true true"


async def test_without_a_health_policy_existing_is_healthy(engine: Engine):
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web"}}
    extra = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "extra", "namespace": "default"},
    }
    assert (await assess(engine, "plain", live=[namespace, extra])).healthy
    missing = await assess(engine, "plain", live=[namespace])
    assert (missing.healthy, missing.message) == (False, "ConfigMap default/extra does not exist")


async def test_objects_of_cluster_scoped_kinds_are_found(engine: Engine):
    app, known = facts("server", ())
    rendered = await rendering.Renderer(engine, CATALOGUE).render(app.components[0], known, Place())
    objects = {Key("apps", "Deployment", "", "web", "v1"): UP}
    assert (await assessing.assess(rendered, objects, known, engine)).healthy


async def test_a_managed_main_object_need_not_exist_but_its_policy_holds(engine: Engine):
    rollout = {
        "apiVersion": "x/v1",
        "kind": "Rollout",
        "metadata": {"name": "r", "namespace": "default"},
    }
    found = await assess(engine, "server", "manager", live=[rollout])
    assert (found.healthy, found.message, found.traits[0].healthy) == (False, "", True)


async def test_stages_not_reached_are_left_out(engine: Engine):
    found = await assess(
        engine, "server", "early", "silent", "late", live=[UP], reached=["PreDispatch"]
    )
    assert not found.healthy
    assert not found.workload_healthy
    assert [(t.type, t.healthy, t.pending) for t in found.traits] == [
        ("early", False, False),
        ("late", False, True),
    ]
    assert found.message == "Service default/svc does not exist"


@pytest.mark.parametrize(
    ("state", "observed", "expected"),
    [
        pytest.param("Available", 2, (True, "done"), id="there"),
        pytest.param("ApplyFailed", 2, (False, "done"), id="not there"),
        pytest.param(
            "Available",
            1,
            (False, "what is declared now has not been brought yet (last said: done)"),
            id="there is what was declared before",
        ),
    ],
)
async def test_what_terraform_provides_is_judged_by_its_state(
    engine: Engine, state: str, observed: int, expected: tuple[bool, str]
):
    live = {
        "apiVersion": "terraform.core.oam.dev/v1beta2",
        "kind": "Configuration",
        "metadata": {"name": "web", "namespace": "default", "generation": 2},
        "status": {"observedGeneration": observed, "apply": {"state": state, "message": "done"}},
    }
    found = await assess(engine, "bucket", live=[live])
    assert (found.healthy, found.message) == expected
    made = {"apiVersion": "terraform.core.oam.dev/v1beta2", "kind": "Configuration"}
    assert found.workload_definition == made, "known, though its definition says autodetects"


async def test_the_entry_of_status(engine: Engine):
    _, known = facts("server", ())
    found = await assess(engine, "server", "expose", "late", live=[UP, service("1.2.3.4")])
    assert assessing.status_entry(found, Place("local", "east"), known) == {
        "name": "web",
        "namespace": "east",
        "cluster": "local",
        "workloadDefinition": {"apiVersion": "apps/v1", "kind": "Deployment"},
        "healthy": True,
        "workloadHealthy": True,
        "message": "all well",
        "traits": [
            {"type": "expose", "healthy": True, "message": "1.2.3.4 true true"},
            {
                "type": "late",
                "healthy": False,
                "pending": True,
                "message": "⏳ Waiting for component to be healthy",
            },
        ],
    }
    bare = await assess(engine, "plain", live=[])
    entry = assessing.status_entry(bare, Place(), known)
    assert entry["namespace"] == "default"
    assert entry["workloadDefinition"] == {"apiVersion": "", "kind": ""}
    assert "cluster" not in entry
    assert "traits" not in entry


async def test_the_built_in_webservice(engine: Engine):
    catalogue = loading.Static(await files.builtins(engine))
    raw = {"name": "web", "type": "webservice", "properties": {"image": "a"}}
    app = Application({"metadata": {"name": "shop"}, "spec": {"components": [raw]}})
    known = contexts.AppFacts.of(app, controller_version="v1", revision="shop-v1")
    rendered = await rendering.Renderer(engine, catalogue).render(app.components[0], known, Place())
    counts = {"replicas": 1, "readyReplicas": 1, "updatedReplicas": 1, "observedGeneration": 4}
    meta = rendered.workload["metadata"] | {"generation": 4}
    live = rendered.workload | {"metadata": meta, "status": counts}
    live["spec"] = live["spec"] | {"replicas": 1}
    found = await assessing.assess(rendered, {manifests.key(live): live}, known, engine)
    assert (found.healthy, found.message) == (True, "Ready:1/1")
