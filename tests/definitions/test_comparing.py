"""What differs between two sets of manifests, and what that does to pods."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lateen.base import paths
from lateen.definitions import comparing
from lateen.definitions.comparing import Effect


def workload(kind: str = "Deployment", **spec: Any) -> dict[str, Any]:
    containers = [
        {"name": "main", "image": "a", "resources": {"limits": {"cpu": "1"}}},
        {"name": "log", "image": "l", "env": [{"name": "A", "value": "1"}]},
    ]
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "web", "namespace": "shop", "labels": {"a": "b"}},
        "spec": {"replicas": 1, "template": {"spec": {"containers": containers}}, **spec},
    }


def changed(manifest: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    found: dict[str, Any] = paths.assign(manifest, paths.parse(path), value)
    return found


IMAGE = "spec.template.spec.containers[1].image"


@pytest.mark.parametrize(
    ("kind", "path", "value", "effect"),
    [
        pytest.param("Deployment", IMAGE, "b", Effect.RESTART, id="an image restarts"),
        pytest.param("StatefulSet", IMAGE, "b", Effect.RESTART, id="of a StatefulSet as well"),
        pytest.param("DaemonSet", IMAGE, "b", Effect.RESTART, id="of a DaemonSet as well"),
        pytest.param(
            "Deployment",
            "spec.template.metadata.annotations.x",
            "y",
            Effect.RESTART,
            id="any field",
        ),
        pytest.param("Deployment", "spec.replicas", 2, Effect.NONE, id="scaling restarts nothing"),
        pytest.param("Deployment", "metadata.labels.c", "d", Effect.NONE, id="nor does a label"),
        pytest.param(
            "Deployment", "spec.selector.a", "b", Effect.REPLACE, id="a selector is fixed"
        ),
        pytest.param(
            "StatefulSet", "spec.serviceName", "x", Effect.REPLACE, id="so is its service"
        ),
        pytest.param("Job", IMAGE, "b", Effect.REPLACE, id="a Job's template is fixed"),
        pytest.param("Job", "spec.parallelism", 2, Effect.NONE, id="its parallelism is not"),
        pytest.param(
            "CronJob", "spec.jobTemplate.spec.template.spec.x", 1, Effect.NONE, id="the next run"
        ),
        pytest.param("Pod", "spec.priority", 2, Effect.REPLACE, id="a Pod is fixed"),
        pytest.param("Service", "spec.template.x", 2, Effect.NONE, id="no workload"),
    ],
)
def test_effects(kind: str, path: str, value: Any, effect: Effect):
    before = workload(kind)
    [change] = comparing.compare([before], [changed(before, path, value)])
    assert (change.word, change.effect) == ("changed", effect)
    [field] = change.fields
    assert path.startswith(paths.render(field.path))


def test_fields_carry_both_values():
    before = workload()
    [change] = comparing.compare([before], [changed(before, IMAGE, "b")])
    assert change.to_map() == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "namespace": "shop",
        "name": "web",
        "cluster": "",
        "change": "changed",
        "effect": "restarts its pods",
        "fields": [{"path": IMAGE, "before": "l", "after": "b"}],
    }


def test_named_items_are_compared_by_name():
    before, after = workload(), workload()
    containers = after["spec"]["template"]["spec"]["containers"]
    containers.insert(0, {"name": "new", "image": "n"})
    containers[2]["env"][0]["value"] = "2"
    [change] = comparing.compare([before], [after])
    at = "spec.template.spec.containers"
    assert [field.to_map() for field in change.fields] == [
        {"path": f"{at}[0]", "after": {"name": "new", "image": "n"}},
        {"path": f"{at}[2].env[0].value", "before": "1", "after": "2"},
    ]


def test_an_item_that_is_gone_has_the_index_it_had():
    before, after = workload(), workload()
    del after["spec"]["template"]["spec"]["containers"][0]
    [change] = comparing.compare([before], [after])
    [field] = change.fields
    assert paths.render(field.path) == "spec.template.spec.containers[0]"
    assert field.after is paths.MISSING


def test_another_order_is_a_change():
    before, after = workload(), workload()
    after["spec"]["template"]["spec"]["containers"].reverse()
    [change] = comparing.compare([before], [after])
    assert [paths.render(field.path) for field in change.fields] == [
        "spec.template.spec.containers"
    ]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param(
            "spec.template.spec.containers[0].resources.limits.cpu", "1000m", id="a quantity"
        ),
        pytest.param('metadata.labels["oam.dev/render-hash"]', "x", id="the hash of the render"),
        pytest.param(
            'metadata.labels["app.oam.dev/app-revision-hash"]', "x", id="the hash of the revision"
        ),
    ],
)
def test_what_is_no_change(path: str, value: Any):
    before = workload()
    assert comparing.compare([before], [changed(before, path, value)]) == []


@pytest.mark.parametrize(
    ("value", "other"),
    [pytest.param(1, True, id="a number and true"), pytest.param("1", "1.0", id="two tags")],
)
def test_what_only_looks_the_same(value: Any, other: Any):
    one = changed(workload(), "spec.x", value)
    assert len(comparing.compare([one], [changed(one, "spec.x", other)])) == 1


def test_objects_come_and_go():
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
    [added, removed] = comparing.compare([workload()], [config])
    assert (str(added.key), added.word, added.effect) == ("ConfigMap c", "added", Effect.NONE)
    assert (str(removed.key), removed.word) == ("Deployment shop/web", "removed")
    assert removed.effect is Effect.END


def test_the_same_name_on_two_clusters_is_two_objects():
    here, there = workload(), workload()
    there["metadata"]["labels"]["app.oam.dev/cluster"] = "eu"
    moved = changed(there, "spec.replicas", 3)
    [change] = comparing.compare([here, there], [here, moved])
    assert change.cluster == "eu"


SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {
        "name": "s",
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "hunter2"},
    },
    "data": {"password": "hunter2"},
    "stringData": {"other": "hunter2"},
}


@pytest.mark.parametrize(
    "after",
    [
        pytest.param({**SECRET, "data": {"password": "hunter3"}}, id="a value"),
        pytest.param({**SECRET, "data": {"token": "hunter3"}}, id="a key"),
        pytest.param({k: v for k, v in SECRET.items() if k != "data"}, id="all of it"),
        pytest.param({**SECRET, "stringData": {"other": "hunter3"}}, id="as text"),
        pytest.param({**SECRET, "metadata": {"name": "s"}}, id="a copy in an annotation"),
    ],
)
def test_nothing_of_a_secret_is_told(after: dict[str, Any]):
    for pair in (([SECRET], [after]), ([after], [SECRET])):
        [change] = comparing.compare(*pair)
        told = str(change.to_map())
        assert "hunter" not in told
        assert comparing.HIDDEN in told


value = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from("abc"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner),
    max_leaves=10,
)


@given(value)
def test_nothing_differs_from_itself(spec: Any):
    manifest = {"apiVersion": "v1", "kind": "X", "metadata": {"name": "x"}, "spec": spec}
    assert comparing.compare([manifest], [deepcopy(manifest)]) == []


@given(value, value)
def test_a_difference_is_never_missed(one: Any, other: Any):
    def manifest(spec: Any) -> dict[str, Any]:
        return {"apiVersion": "v1", "kind": "X", "metadata": {"name": "x"}, "spec": spec}

    found = comparing.compare([manifest(one)], [manifest(other)])
    alike = repr(_sorted(one)) == repr(_sorted(other))
    assert bool(found) is not alike


def _sorted(given: Any) -> Any:
    """With keys in one order; `repr` tells 1 from True."""
    if isinstance(given, dict):
        return {key: _sorted(given[key]) for key in sorted(given)}
    return [_sorted(each) for each in given] if isinstance(given, list) else given
