"""From a component and its traits to manifests, with the real engine (semantics B1 to B6)."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lateen.api.application import Application, Component
from lateen.api.definition import Definition
from lateen.api.manifest import Manifest
from lateen.base.problem import Problem, Problems, every
from lateen.cue.engine import Engine
from lateen.definitions import blaming, contexts, loading, rendering, renditions

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Place:
    cluster: str = ""
    namespace: str = ""


SERVER = """
output: {
	apiVersion: "apps/v1"
	kind:       "Deployment"
	spec: {
		replicas: *1 | int
		template: spec: containers: [{name: context.name, image: parameter.image}]
	}
}
outputs: config: {
	apiVersion: "v1"
	kind:       "ConfigMap"
	data: size: "\\(parameter.size)"
}
parameter: {
	// +usage=Image to run
	image: string
	size:  *1 | int
}
"""
TRAITS: dict[str, dict[str, Any]] = {
    "scale": {"text": "patch: spec: replicas: parameter.n\nparameter: n: int"},
    "override": {
        "text": """
patch: spec: {
	// +patchStrategy=retainKeys
	replicas: parameter.n
}
parameter: n: int
"""
    },
    "port": {
        "text": """
outputs: service: {
	apiVersion: "v1"
	kind:       "Service"
	metadata: name: context.name
	spec: {
		ports: [{port: parameter.port}]
		_names: [for c in context.output.spec.template.spec.containers {c.name}]
		selector: first: _names[0]
		selector: kind: context.componentType
		selector: image: context.parameter.image
	}
}
parameter: port: int
"""
    },
    "sidecar": {
        "text": """
patch: spec: template: spec: {
	// +patchKey=name
	containers: [{name: parameter.name, image: "side"}]
}
parameter: name: string
"""
    },
    "size": {
        "text": """
patchOutputs: config: data: extra: "more"
patchOutputs: nothing: data: extra: "ignored"
"""
    },
    "merge": {
        "text": """
// +patchStrategy=jsonMergePatch
patch: {spec: template: null}
"""
    },
    "picky": {
        "text": """
errs: [if parameter.name != context.name {"container \\(parameter.name) not found"}]
patch: metadata: labels: picked: parameter.name
parameter: name: string
"""
    },
    "after": {
        "text": """
outputs: note: {
	apiVersion: "v1"
	kind:       "ConfigMap"
	data: ready: "\\(context.output.status.readyReplicas)"
}
""",
        "stage": "PostDispatch",
    },
    "before": {
        "text": 'outputs: job: {apiVersion: "batch/v1", kind: "Job"}',
        "stage": "PreDispatch",
    },
    "rollout": {
        "text": 'outputs: r: {apiVersion: "x/v1", kind: "Rollout"}',
        "manageWorkload": True,
        "workloadRefPath": "spec.target",
    },
    "global": {
        "text": 'outputs: g: {apiVersion: "v1", kind: "ConfigMap"}',
        "controlPlaneOnly": True,
    },
    "hooked": {
        "text": """
patch: spec: template: spec: containers: [...{
	lifecycle: {
		if parameter.stop != _|_ {preStop: exec: command: parameter.stop}
	}
}]
parameter: stop?: [...string]
"""
    },
    "stored": {
        "text": """
outputs: {
	for claim in parameter.claims {
		"\\(claim)": {apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: name: claim}
	}
	for name in parameter.maps {
		"\\(name)": {apiVersion: "v1", kind: "ConfigMap", metadata: "name": name}
	}
}
parameter: {
	claims?: [...string]
	maps?: [...string]
}
"""
    },
    "broken": {"text": "patch: {spec: "},
    "undeclared": {"text": "patch: spec: replicas: undefined"},
}


def definition(kind: str, name: str, text: str, **spec: Any) -> Definition:
    schematic = {"schematic": {"cue": {"template": text}}}
    raw = {"kind": kind, "metadata": {"name": name}, "spec": spec | schematic}
    return Definition.of(raw)


@pytest.fixture(scope="module")
def renderer(engine: Engine) -> rendering.Renderer:
    kinds = [
        definition("ComponentDefinition", "server", SERVER),
        definition("ComponentDefinition", "empty", "parameter: {}"),
        definition(
            "ComponentDefinition",
            "narrow",
            'output: {apiVersion: "v1", kind: "ConfigMap", data: parameter.data}\n'
            'parameter: {data: [=~"^[0-9]+$"]: =~"^[a-z]+$", ...}',
        ),
        definition(
            "ComponentDefinition", "odd", 'output: {spec: parameter.n & "x"}\nparameter: n: _'
        ),
        *(
            definition("TraitDefinition", name, **spec)
            for name, spec in copy.deepcopy(TRAITS).items()
        ),
    ]
    return rendering.Renderer(engine, loading.Static(kinds))


def application(*traits: dict[str, Any], **component: Any) -> Application:
    first = {"name": "web", "type": "server", "properties": {"image": "a"}}
    raw = first | component | {"traits": list(traits)}
    return Application({"metadata": {"name": "shop"}, "spec": {"components": [raw]}})


def trait(name: str, /, **properties: Any) -> dict[str, Any]:
    return {"type": name, "properties": properties} if properties else {"type": name}


async def render(
    renderer: rendering.Renderer,
    app: Application,
    place: Place = Place(),
    **kwargs: Any,
) -> renditions.Rendered:
    facts = contexts.AppFacts.of(app, controller_version="v1", revision="shop-v1")
    return await renderer.render(app.components[0], facts, place, **kwargs)


async def problems(renderer: rendering.Renderer, app: Application) -> tuple[Problem, ...]:
    try:
        await render(renderer, app)
    except (Problem, Problems) as error:
        return every(error)
    pytest.fail("nothing was wrong")


def of_kind(rendered: renditions.Rendered, kind: str) -> Manifest:
    [found] = [manifest for manifest in rendered.manifests if manifest["kind"] == kind]
    return found


async def test_what_an_open_list_says_holds_for_every_container(renderer):
    app = application(trait("hooked", stop=["true"]))
    containers = (await render(renderer, app)).workload["spec"]["template"]["spec"]["containers"]
    hook = {"preStop": {"exec": {"command": ["true"]}}}
    assert [each["lifecycle"] for each in containers] == [hook] * len(containers)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        pytest.param({"maps": ["a"]}, ["a"], id="one of two optional lists"),
        pytest.param({"claims": ["c"], "maps": ["a"]}, ["c", "a"], id="both"),
        pytest.param({}, [], id="neither"),
    ],
)
async def test_objects_for_each_of_an_optional_list(renderer, given, names):
    """An optional list that is not given gives no objects, as in KubeVela; it is no error."""
    rendered = await render(renderer, application(trait("stored", **given)))
    assert [each.key for each in rendered.auxiliaries if each.trait is not None] == names


async def test_a_component_gives_its_main_object_and_its_auxiliaries(renderer):
    rendered = await render(renderer, application())
    assert rendered.workload["metadata"]["name"] == "web"
    assert rendered.workload["spec"]["template"]["spec"]["containers"] == [
        {"name": "web", "image": "a"}
    ]
    [config] = rendered.auxiliaries
    assert (config.key, config.type, config.trait) == ("config", "AuxiliaryWorkload", None)
    assert config.manifest["data"] == {"size": "1"}
    assert config.manifest["metadata"]["name"].startswith("web-auxiliaryworkload-")


async def test_a_trait_overrides_what_is_only_a_default(renderer):
    rendered = await render(renderer, application(trait("scale", n=3)))
    assert rendered.workload["spec"]["replicas"] == 3


async def test_traits_see_what_those_before_them_made(renderer):
    app = application(trait("sidecar", name="log"), trait("port", port=80))
    service = of_kind(await render(renderer, app), "Service")
    assert service["spec"]["selector"] == {"first": "web", "kind": "server", "image": "a"}
    assert service["metadata"]["labels"]["trait.oam.dev/type"] == "port"
    containers = (await render(renderer, app)).workload["spec"]["template"]["spec"]["containers"]
    assert [each["name"] for each in containers] == ["web", "log"]


async def test_two_traits_may_not_disagree_unless_marked(renderer):
    [problem] = await problems(renderer, application(trait("scale", n=3), trait("scale", n=4)))
    assert problem.code == "patch.conflict"
    assert problem.path == "spec.components[0].traits[1].properties.n"
    assert "output.spec.replicas: it is 3, the patch says 4" in problem.message
    rendered = await render(renderer, application(trait("scale", n=3), trait("override", n=4)))
    assert rendered.workload["spec"]["replicas"] == 4


async def test_a_trait_patches_auxiliaries_by_key(renderer):
    rendered = await render(renderer, application(trait("size")))
    assert of_kind(rendered, "ConfigMap")["data"] == {"size": "1", "extra": "more"}


async def test_the_mode_of_a_patch_is_read_from_its_mark(renderer):
    rendered = await render(renderer, application(trait("merge")))
    assert "template" not in rendered.workload["spec"]


async def test_stages_order_what_is_applied(renderer):
    app = application(trait("after"), trait("before"))
    rendered = await render(renderer, app)
    assert [each["kind"] for each in rendered.manifests] == ["Job", "Deployment", "ConfigMap"]
    assert [each.pending for each in rendered.traits] == [True, False]
    live = rendering.Live({"status": {"readyReplicas": 2}})
    whole = await render(renderer, app, live=live, post=True)
    [note] = whole.staged("PostDispatch")
    assert note["data"] == {"ready": "2"}
    assert [each.pending for each in whole.traits] == [False, False]
    assert "status" not in whole.workload, "a live status is seen, not applied"


async def test_a_trait_may_manage_the_main_object(renderer):
    rendered = await render(renderer, application(trait("rollout")))
    assert rendered.managed
    assert "Deployment" not in [each["kind"] for each in rendered.manifests]
    rollout = of_kind(rendered, "Rollout")
    assert rollout["spec"]["target"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "web",
    }
    assert rollout["metadata"]["labels"]["trait.oam.dev/manage-workload"] == "true"


async def test_a_control_plane_trait_stays_at_home(renderer):
    rendered = await render(renderer, application(trait("global")), Place("far", "east"))
    [extra] = [each for each in rendered.auxiliaries if each.control_plane]
    meta = extra.manifest["metadata"]
    assert (meta["namespace"], meta["labels"]["app.oam.dev/cluster"]) == ("default", "local")
    assert rendered.workload["metadata"]["namespace"] == "east"


@pytest.mark.parametrize(
    ("app", "expected"),
    [
        pytest.param(
            application(properties={"image": 5}),
            [("parameter.type", "spec.components[0].properties.image")],
            id="a value of the wrong type is said once",
        ),
        pytest.param(
            application(properties={}),
            [("parameter.missing", "spec.components[0].properties.image")],
            id="what follows from a missing parameter is not said",
        ),
        pytest.param(
            application(trait("scale", n="x"), trait("port"), properties={}),
            [
                ("parameter.missing", "spec.components[0].properties.image"),
                ("parameter.type", "spec.components[0].traits[0].properties.n"),
                ("parameter.missing", "spec.components[0].traits[1].properties.port"),
            ],
            id="one mistake does not hide another",
        ),
        pytest.param(
            application(trait("picky", name="x")),
            [("template.user", "spec.components[0].traits[0]")],
            id="what the template says itself",
        ),
        pytest.param(
            application(type="empty"),
            [("template.output", "spec.components[0]")],
            id="no main object",
        ),
        pytest.param(
            application(type="odd", properties={"n": 1}),
            [("template.error", "spec.components[0].properties.n")],
            id="a conflict in the template is led back to the value that caused it",
        ),
        pytest.param(
            application(type="narrow", properties={"data": {"1": "a", "2": "B"}}),
            [("parameter.value", "spec.components[0].properties.data.2")],
            id="a value only CUE can refuse, below a name that is a number",
        ),
        pytest.param(
            application(type="odd", properties={"n": "x"}),
            [("template.object", "spec.components[0]")],
            id="not an object of Kubernetes",
        ),
        pytest.param(
            application(trait("scal"), type="servr"),
            [
                ("definition.unknown", "spec.components[0].type"),
                ("definition.unknown", "spec.components[0].traits[0].type"),
            ],
            id="every unknown type",
        ),
        pytest.param(
            application(trait("broken"), trait("undeclared")),
            [
                ("template.error", "spec.components[0].traits[0].type"),
                ("template.error", "spec.components[0].traits[1].type"),
            ],
            id="every definition that does not compile",
        ),
    ],
)
async def test_mistakes_are_led_back_to_the_application(renderer, app, expected):
    assert [(p.code, p.path) for p in await problems(renderer, app)] == expected


async def test_a_broken_definition_says_where(renderer):
    [problem] = await problems(renderer, application(trait("undeclared")))
    assert [(p.source, p.line) for p in problem.positions] == [
        ("TraitDefinition undeclared template", 1)
    ]
    assert 'trait "undeclared" cannot be used: patch.spec.replicas: ' in problem.message


async def test_a_value_from_an_input_is_not_quoted(renderer):
    inputs = [{"from": "password", "parameterKey": "n"}]
    app = application(type="odd", properties={"n": "hunter2"}, inputs=inputs)
    [problem] = await problems(renderer, application(type="odd", properties={"n": "hunter2"}))
    assert "hunter2" in problem.message
    [problem] = await problems(renderer, app)
    assert "hunter2" not in repr(problem)
    inputs = [{"from": "password", "parameterKey": "image"}]
    [problem] = await problems(renderer, application(properties={"image": 4711}, inputs=inputs))
    assert problem.message == "expected string, found number"
    [problem] = await problems(renderer, application(properties={}, inputs=inputs))
    assert (problem.code, problem.path) == (
        "parameter.missing",
        "spec.components[0].properties.image",
    ), "an input that set nothing"
    assert problem.message == 'required parameter "image" is not set'


async def test_problems_are_laid_out_for_status(renderer):
    app = application(trait("scale", n="x"), properties={"image": 5, "size": "b"})
    assert blaming.explain(await problems(renderer, app), app.components[0]) == (
        "validation failed for workload web:\n\n"
        "Parameter errors:\n"
        "  parameter.image: expected string, found number 5\n"
        '  parameter.size: expected int, found string "b"\n\n'
        "validation failed for trait scale:\n\n"
        "Parameter errors:\n"
        '  parameter.n: expected int, found string "x"'
    )
    app = application(trait("picky", name="x"))
    assert blaming.explain(await problems(renderer, app), app.components[0]) == (
        "validation failed for trait picky:\n\nUser Errors:\n  container x not found"
    )


async def test_a_check_finds_mistakes_and_slips_without_rendering(renderer):
    app = application(trait("scale", m=1), properties={"image": 5, "colour": "red"})
    facts = contexts.AppFacts.of(app, controller_version="v1")
    found = await renderer.check(app.components[0], facts)
    assert [(p.code, p.path) for p in found.problems] == [
        ("parameter.type", "spec.components[0].properties.image"),
        ("parameter.missing", "spec.components[0].traits[0].properties.n"),
    ]
    assert [p.path for p in found.warnings] == [
        "spec.components[0].properties.colour",
        "spec.components[0].traits[0].properties.m",
    ]


async def test_a_schema_that_welcomes_more_is_not_warned_about(renderer):
    app = application(type="narrow", properties={"data": {}, "more": 1})
    facts = contexts.AppFacts.of(app, controller_version="v1")
    assert (await renderer.check(app.components[0], facts)).warnings == ()


async def test_a_check_knows_what_inputs_will_set(renderer):
    keys = ("image", "traits[0].properties.n")
    inputs = [{"from": "x", "parameterKey": key} for key in keys]
    app = application({"type": "scale", "properties": {}}, properties=None, inputs=inputs)
    facts = contexts.AppFacts.of(app, controller_version="v1")
    assert (await renderer.check(app.components[0], facts)).problems == ()


CHOICES = st.lists(
    st.sampled_from(
        [trait("override", n=2), trait("port", port=1), trait("sidecar", name="s"), trait("size")]
    ),
    max_size=4,
)


@given(traits=CHOICES, image=st.text(max_size=5))
async def test_rendering_twice_gives_the_same(renderer, traits, image):
    app = application(*traits, properties={"image": image})
    before = copy.deepcopy(app.raw)
    first = await render(renderer, app)
    assert (await render(renderer, app)).manifests == first.manifests
    assert app.raw == before
    assert isinstance(first.component, Component)
