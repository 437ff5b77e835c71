"""What another definition would do to live applications, before it is published."""

from __future__ import annotations

import copy

import pytest

from lateen.api.application import Application
from lateen.api.definition import Definition, DefinitionKind, revise
from lateen.base import paths
from lateen.controllers.application import impacting
from lateen.controllers.application.impacting import Scene
from lateen.controllers.application.preview import Nowhere
from lateen.cue.engine import Engine
from lateen.definitions import files, loading
from lateen.definitions.comparing import Effect

pytestmark = pytest.mark.anyio

WEB = """\
web: {
	type: "component"
	attributes: workload: definition: {apiVersion: "apps/v1", kind: "Deployment"}
}
template: {
	output: {
		apiVersion: "apps/v1"
		kind: "Deployment"
		spec: {
			replicas: 1
			template: spec: containers: [{name: "main", image: parameter.image}]
		}
	}
	parameter: image: string
}
"""
MARK = """\
mark: type: "trait"
template: {
	patch: metadata: annotations: mark: "old"
	parameter: {}
}
"""


def app(name, namespace="shop", *, traits=(), type_name="web", **more):
    component = {"name": name, "type": type_name, "properties": {"image": "nginx"}}
    if traits:
        component["traits"] = [{"type": trait} for trait in traits]
    return Application(
        {
            "apiVersion": "core.oam.dev/v1beta1",
            "kind": "Application",
            "metadata": {"name": name, "namespace": namespace, **more.pop("metadata", {})},
            "spec": {"components": [component], **more},
        }
    )


@pytest.fixture(scope="module")
async def engine():
    async with Engine() as engine:
        yield engine


@pytest.fixture(scope="module")
async def installed(engine):
    return [await files.read(text, f"{text[:4]}.cue", engine) for text in (WEB, MARK)]


@pytest.fixture
def judge(engine, installed):
    """`judge(apps, changed text, ...)`: the impact of these definitions on those applications."""

    async def judged(apps, *changed, scene=None, revisions=()):
        before = loading.Static(copy.deepcopy(installed), revisions)
        new = [await files.read(text, "new.cue", engine) for text in changed]
        after = loading.Layered(loading.Static(new), before)
        return await impacting.assess(apps, before, after, engine, scene or Scene())

    return judged


IMAGE = WEB.replace("image: parameter.image", 'image: "reg/\\(parameter.image)"')


async def test_only_those_that_use_it_are_concerned(judge):
    apps = [app("one", traits=["mark"]), app("two"), app("three", traits=["mark"])]
    found = await judge(apps, MARK.replace('"old"', '"new"'))
    assert [impact.app.name for impact in found] == ["one", "three"]
    for impact in found:
        [change] = impact.changes
        assert [field.to_map() for field in change.fields] == [
            {"path": "metadata.annotations.mark", "before": "old", "after": "new"}
        ]
        assert impact.restarts == ()


async def test_a_change_of_the_pod_template_restarts(judge):
    [impact] = await judge([app("one")], IMAGE)
    [change] = impact.restarts
    assert (str(change.key), change.effect) == ("Deployment shop/one", Effect.RESTART)
    assert [paths.render(field.path) for field in change.fields] == [
        "spec.template.spec.containers[0].image"
    ]


async def test_another_layout_of_the_text_changes_nothing(judge):
    [impact] = await judge(
        [app("one")], WEB.replace("replicas: 1", "// one is enough\n\t\t\treplicas: 1")
    )
    assert (impact.changes, impact.broken) == ((), ())


async def test_the_same_definition_concerns_nobody(judge):
    assert await judge([app("one", traits=["mark"])], WEB, MARK) == []


async def test_what_could_not_be_delivered_any_more(judge):
    [impact] = await judge(
        [app("one")],
        WEB.replace("parameter: image: string", "parameter: {image: string, port: int}"),
    )
    assert [problem.code for problem in impact.broken] == ["parameter.missing"]


async def test_what_cannot_be_rendered_today(judge):
    [impact] = await judge([app("one", traits=["mark", "nothing"])], IMAGE)
    assert [problem.code for problem in impact.unknown] == ["definition.unknown"]


async def test_an_application_that_is_deleted_is_left_out(judge):
    gone = app("one", metadata={"deletionTimestamp": "2030-01-01T00:00:00Z"})
    assert await judge([gone], IMAGE) == []


async def test_a_definition_of_its_own_namespace_hides_the_one_of_all(judge, engine, installed):
    own = await files.read(WEB, "own.cue", engine)
    own.raw["metadata"]["namespace"] = "shop"
    before = loading.Static([*copy.deepcopy(installed), own])
    new = await files.read(IMAGE, "new.cue", engine)
    after = loading.Layered(loading.Static([new]), before)
    apps = [app("one"), app("two", "other")]
    found = await impacting.assess(apps, before, after, engine, Scene())
    assert [impact.app.name for impact in found] == ["two"]


async def test_a_pinned_revision_is_not_concerned(judge, installed):
    kept = revise(installed[0], "1", 1)
    kept.raw["metadata"]["namespace"] = "vela-system"
    found = await judge([app("one", type_name="web@v1"), app("two")], IMAGE, revisions=[kept])
    assert [impact.app.name for impact in found] == ["two"]


async def test_a_published_version_holds_it(judge):
    held = app("one", metadata={"annotations": {"app.oam.dev/publishVersion": "1"}})
    [impact] = await judge([held], IMAGE)
    assert impact.held
    assert impact.restarts


async def test_a_trait_an_override_adds_counts(judge):
    policy = {
        "name": "more",
        "type": "override",
        "properties": {"components": [{"name": "one", "traits": [{"type": "mark"}]}]},
    }
    workflow = {"steps": [{"name": "d", "type": "deploy", "properties": {"policies": ["more"]}}]}
    one = app("one", policies=[policy], workflow=workflow)
    [impact] = await judge([one], MARK.replace('"old"', '"new"'))
    assert len(impact.changes) == 1


async def test_a_shared_policy_counts(judge):
    shared = {
        "apiVersion": "core.oam.dev/v1alpha1",
        "kind": "Policy",
        "metadata": {"name": "more", "namespace": "shop"},
        "type": "override",
        "properties": {"components": [{"name": "one", "traits": [{"type": "mark"}]}]},
    }
    workflow = {"steps": [{"name": "d", "type": "deploy", "properties": {"policies": ["more"]}}]}
    one = app("one", workflow=workflow)
    scene = Scene(Nowhere({("shop", "more"): shared}))
    [impact] = await judge([one], MARK.replace('"old"', '"new"'), scene=scene)
    assert len(impact.changes) == 1


async def test_many_at_once_keep_their_order(judge):
    apps = [app(f"app-{at}") for at in range(40)]
    found = await judge(apps, IMAGE)
    assert [impact.app.name for impact in found] == [each.name for each in apps]


async def test_users(engine, installed):
    catalogue = loading.Static(copy.deepcopy(installed))
    mark = catalogue.find(DefinitionKind.TRAIT, "mark", "vela-system")
    assert isinstance(mark, Definition)
    apps = [app("one", traits=["mark"]), app("two")]
    [user] = impacting.users(apps, mark, catalogue, Scene())
    assert user.name == "one"
