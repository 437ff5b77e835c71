"""A component or trait under test: what it renders to, on what, and in which context."""

from __future__ import annotations

from pathlib import Path

import pytest

from lateen import testing

HERE = Path(__file__).parent / "definitions"


@pytest.fixture(scope="module")
def cache():
    return testing.load(HERE / "cache.cue")


@pytest.fixture(scope="module")
def note():
    return testing.load(HERE / "notes.yaml", "note")


@pytest.fixture(scope="module")
def number():
    return testing.load(HERE / "notes.yaml", "number")


def test_the_manifests_are_those_of_a_delivery(cache):
    rendering = cache.render({"version": "9", "labels": {"a": "b"}})
    assert [each["kind"] for each in rendering.manifests] == ["Deployment", "ConfigMap"]
    assert rendering.workload == rendering.object("Deployment/web")
    assert rendering.outputs == {"settings": rendering.object("ConfigMap")}
    image = rendering.value("Deployment", "spec.template.spec.containers[0].image")
    assert image == "cache:9"
    assert rendering.value("ConfigMap", "data") == {"minor": "37", "a": "b"}
    assert rendering.value("Deployment", 'metadata.labels["app.oam.dev/component"]') == "web"


def test_the_context_is_what_the_test_says(cache):
    context = {
        "name": "memo",
        "appName": "site",
        "namespace": "prod",
        "clusterVersion": {"minor": 24},
        "appLabels": {"team": "a"},
    }
    rendering = cache.render({"version": "9"}, context=context)
    meta = rendering.workload["metadata"]
    assert (meta["name"], meta["namespace"], meta["labels"]["team"]) == ("memo", "prod", "a")
    assert rendering.value("ConfigMap/site-settings", "data.minor") == "24"


def test_a_context_no_template_has_is_a_mistake_of_the_test(cache):
    with pytest.raises(LookupError, match=r'context\.appname: did you mean "appName"'):
        cache.render({"version": "9"}, context={"appname": "x"})


@pytest.mark.parametrize(
    ("which", "path", "said"),
    [
        pytest.param(
            "Service",
            "spec",
            "there is no Service; rendered is Deployment/web, ConfigMap/shop-settings",
            id="an object there is not",
        ),
        pytest.param(
            "Deployment",
            "spec.template.spec.volumes",
            'Deployment spec.template.spec has no "volumes"; it has containers',
            id="a field there is not",
        ),
        pytest.param(
            "Deployment",
            "spec.template.spec.containers[1].name",
            'Deployment spec.template.spec.containers has no "[1]"; it has 1 items',
            id="an item there is not",
        ),
    ],
)
def test_what_is_not_there_is_told(cache, which, path, said):
    rendering = cache.render({"version": "9"})
    with pytest.raises(AssertionError) as raised:
        rendering.value(which, path)
    assert str(raised.value) == said


def test_a_field_may_be_asked_for(cache):
    rendering = cache.render({"version": "9"})
    assert rendering.has("Deployment", "spec.replicas")
    assert not rendering.has("Deployment", "spec.strategy")


def test_a_trait_is_laid_on_the_least_object_it_applies_to():
    fragile = testing.load(HERE / "fragile.cue")
    rendering = fragile.render({"image": "nginx:1", "words": []})
    assert rendering.workload["kind"] == "StatefulSet"
    assert rendering.workload["metadata"]["labels"]["version"] == "1"


def test_a_trait_is_laid_on_an_object(number):
    base = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "own"}}
    rendering = number.render({"n": 2}, on=base)
    assert rendering.workload["metadata"]["name"] == "own"
    assert rendering.value("ReplicaSet", "spec.replicas") == 3


def test_traits_are_laid_on_a_component_one_after_the_other(cache, number, note):
    base = cache.render({"version": "9"}, context={"name": "memo"})
    # the component says `replicas` only by default, so a trait may say something else
    both = note.render({"text": "hi"}, on=base, live={"status": {"readyReplicas": 2}})
    assert both.value("ConfigMap/note", "data.text") == "hi, 2 ready"
    scaler = testing.builtin("scaler").render({"replicas": 4}, on=both)
    assert scaler.value("Deployment/memo", "spec.replicas") == 4
    assert base.value("Deployment/memo", "spec.replicas") == 1


def test_a_trait_that_waits_for_health_is_rendered_when_it_is_there(note):
    live = {"status": {"readyReplicas": 1}}
    assert note.render({"text": "x"}, live=live).value("ConfigMap", "data.text") == "x, 1 ready"


def test_parameters_without_effect_are_warnings(cache):
    rendering = cache.render({"version": "9", "replica": 2})
    [warning] = rendering.warnings
    assert (warning.code, warning.path) == ("parameter.unknown", "replica")
    cache.refuses({"version": "9", "replica": 2}, code="parameter.unknown", strict=True)


def test_components_and_steps_are_told_apart(cache):
    with pytest.raises(TypeError, match="cache is a component: nothing is under it"):
        cache.render({"version": "9"}, on={"kind": "Pod"})
    with pytest.raises(TypeError, match="stage is a policy: use run"):
        testing.load(HERE / "stage.cue").render()
