"""Actions on objects, against a real API server."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.api.manifest import Key
from lateen.base.problem import Problem, Problems
from lateen.cue.engine import Engine
from lateen.hub.errors import ApiError
from lateen.providers.objects import Direct
from lateen.providers.packages import Flavour
from lateen.providers.ports import Runtime
from tests.providers.worlds import run

pytestmark = pytest.mark.anyio

LABELS = {"app.oam.dev/name": "shop", "app.oam.dev/namespace": "default"}


def step(objects: Direct) -> Runtime:
    return Runtime(Flavour.STEP, labels=LABELS, objects=objects)


def config_map(namespace: str, name: str = "c", **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "labels": {"team": "a"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def key(namespace: str, name: str = "c", kind: str = "ConfigMap") -> Key:
    return Key("", kind, namespace, name, "v1")


def cue(namespace: str, name: str = "c", more: str = "") -> str:
    metadata = f'metadata: {{name: "{name}", namespace: "{namespace}"}}'
    return f'{{apiVersion: "v1", kind: "ConfigMap", {metadata}, {more}}}'


async def test_apply_gives_the_object_with_the_labels_of_the_application(
    engine: Engine, objects: Direct, namespace: str
) -> None:
    text = f"""
import "vela/kube"
a: kube.#Apply & {{$params: value: {cue(namespace, more='data: k: "v"')}}}
out: {{data: a.$returns.value.data, uid: a.$returns.value.metadata.uid}}
"""
    found = await run(engine, text, step(objects), "out")
    live = await objects.get("", key(namespace))
    assert found.values["out"] == {"data": {"k": "v"}, "uid": live["metadata"]["uid"]}
    assert live["metadata"]["labels"] == LABELS
    assert "managedFields" not in found.outcomes["a"].fill["$returns"]["value"]["metadata"]


async def test_what_the_server_writes_otherwise_fits_the_older_form(
    engine: Engine, objects: Direct, namespace: str
) -> None:
    """Input and result are one value there; the server makes "1000m" a "1"."""
    text = f"""
import "vela/op"
a: op.#Apply & {{value: {{
	apiVersion: "v1"
	kind: "ResourceQuota"
	metadata: {{name: "q", namespace: "{namespace}"}}
	spec: hard: cpu: "1000m"
}}}}
out: {{cpu: a.value.spec.hard.cpu, uid: a.value.metadata.uid}}
"""
    found = await run(engine, text, step(objects), "out")
    assert found.problems == ()
    live = await objects.get("", key(namespace, "q", "ResourceQuota"))
    assert live["spec"]["hard"]["cpu"] == "1"
    assert found.values["out"] == {"cpu": "1000m", "uid": live["metadata"]["uid"]}


async def test_a_namespace_that_is_not_named_is_default(
    engine: Engine, objects: Direct, namespace: str
) -> None:
    text = f"""
import "vela/kube"
a: kube.#Apply & {{$params: value: {{
	apiVersion: "v1", kind: "ConfigMap", metadata: name: "{namespace}"
}}}}
d: kube.#Delete & {{$params: value: {{
	apiVersion: "v1", kind: "ConfigMap", metadata: name: a.$returns.value.metadata.name
}}}}
"""
    found = await run(engine, text, step(objects))
    assert found.outcomes["a"].fill["$returns"]["value"]["metadata"]["namespace"] == "default"
    with pytest.raises(ApiError, match="not found"):
        await objects.get("", key("default", namespace))


async def test_an_object_of_no_namespace(engine: Engine, objects: Direct, namespace: str) -> None:
    text = f"""
import "vela/kube"
r: kube.#Read & {{$params: value: {{
	apiVersion: "v1", kind: "Namespace", metadata: name: "{namespace}"
}}}}
out: r.$returns.value.kind
"""
    found = await run(engine, text, step(objects), "out")
    assert found.values["out"] == "Namespace"


async def test_what_the_server_refuses_fails_the_action(
    engine: Engine, objects: Direct, namespace: str
) -> None:
    text = f"""
import "vela/kube"
a: kube.#Apply & {{$params: value: {cue(namespace, "Not_A_Name")}}}
"""
    with pytest.raises((Problem, Problems)) as raised:
        await run(engine, text, step(objects))
    assert "Not_A_Name" in str(raised.value)


async def test_several_at_once_keep_their_order(
    engine: Engine, objects: Direct, namespace: str
) -> None:
    wanted = ", ".join(cue(namespace, name) for name in ("one", "two", "three"))
    text = f"""
import "vela/op"
a: op.#ApplyInParallel & {{value: [{wanted}]}}
out: [for each in a.value {{each.metadata.name}}]
"""
    found = await run(engine, text, step(objects), "out")
    assert found.values["out"] == ["one", "two", "three"]
    live = await objects.list("", "v1", "ConfigMap", namespace=namespace, labels=LABELS)
    assert sorted(each["metadata"]["name"] for each in live) == ["one", "three", "two"]


async def test_all_that_fail_at_once_are_told(
    engine: Engine, objects: Direct, namespace: str
) -> None:
    wanted = ", ".join(cue(namespace, name) for name in ("Bad_1", "good", "Bad_2"))
    text = f'import "vela/op"\na: op.#ApplyInParallel & {{value: [{wanted}]}}\n'
    with pytest.raises(Problems) as raised:
        await run(engine, text, step(objects))
    found = [problem.path for problem in raised.value.problems]
    assert found == ["a.value[0].metadata.name", "a.value[2].metadata.name"]
    assert await objects.get("", key(namespace, "good"))


READ = """
import "vela/{package}"
a: {package}.#Read & {{{form}value: {value}}}
out: {{
	if a{result}.err != _|_ {{err: a{result}.err}}
	if a{result}.value.data != _|_ {{data: a{result}.value.data}}
}}
"""
FORMS = [("kube", "$params: ", ".$returns"), ("op", "", "")]


@pytest.mark.parametrize(("package", "form", "result"), FORMS)
async def test_reading(
    engine: Engine, objects: Direct, namespace: str, package: str, form: str, result: str
) -> None:
    """What is missing is an err and no failure."""
    text = READ.format(package=package, form=form, result=result, value=cue(namespace))
    missing = await run(engine, text, step(objects), "out")
    assert missing.values["out"] == {"err": 'configmaps "c" not found'}
    await objects.apply("", config_map(namespace, k="v"))
    there = await run(engine, text, step(objects), "out")
    assert there.values["out"] == {"data": {"k": "v"}}


async def test_a_kind_nobody_knows_is_an_err(engine: Engine, objects: Direct) -> None:
    value = '{apiVersion: "no.such/v1", kind: "Thing", metadata: name: "x"}'
    text = READ.format(package="op", form="", result="", value=value)
    found = await run(engine, text, step(objects), "out")
    assert "Thing" in found.values["out"]["err"]


async def test_a_cluster_nobody_knows_fails(engine: Engine, objects: Direct) -> None:
    text = f"""
import "vela/kube"
a: kube.#Read & {{$params: {{cluster: "locl", value: {cue("default")}}}}}
"""
    with pytest.raises(Problem) as raised:
        await run(engine, text, step(objects))
    assert raised.value.code == "provider.cluster"
    assert raised.value.hint == 'did you mean "local"?'


@pytest.mark.parametrize(
    ("package", "inputs", "items"),
    [
        pytest.param("kube", "$params: resource", "$returns.values.items", id="new, by resource"),
        pytest.param("kube", "$params: value", "$returns.values.items", id="new, by value"),
        pytest.param("op", "resource", "list.items", id="older, by resource"),
        pytest.param("op", "value", "list.items", id="older, by value"),
    ],
)
async def test_listing(
    engine: Engine, objects: Direct, namespace: str, package: str, inputs: str, items: str
) -> None:
    for name in ("one", "two"):
        await objects.apply("", config_map(namespace, name))
    other = config_map(namespace, "other")
    other["metadata"]["labels"] = {"team": "b"}
    await objects.apply("", other)
    where = "$params: " if package == "kube" else ""
    text = f"""
import "vela/{package}"
a: {package}.#List & {{
	{inputs}: {{apiVersion: "v1", kind: "ConfigMap"}}
	{where}filter: {{namespace: "{namespace}", matchingLabels: team: "a"}}
}}
out: [for each in a.{items} {{each.metadata.name}}]
"""
    found = await run(engine, text, step(objects), "out")
    assert found.values["out"] == ["one", "two"]


async def test_deleting_by_name_and_by_label(
    engine: Engine, objects: Direct, namespace: str
) -> None:
    for name in ("c", "one", "two", "kept"):
        await objects.apply("", config_map(namespace, name))
    kept = config_map(namespace, "kept")
    kept["metadata"]["labels"] = {"team": "b"}
    await objects.apply("", kept)
    text = f"""
import "vela/kube"
one: kube.#Delete & {{$params: value: {cue(namespace)}}}
gone: kube.#Delete & {{$params: value: {cue(namespace, "never-was")}}}
many: kube.#Delete & {{$params: {{
	value: {{apiVersion: "v1", kind: "ConfigMap", metadata: namespace: "{namespace}"}}
	filter: matchingLabels: team: "a"
}}}}
"""
    found = await run(engine, text, step(objects))
    assert [outcome.fill for outcome in found.outcomes.values()] == [{}, {}, {}]
    live = await objects.list("", "v1", "ConfigMap", namespace=namespace)
    assert [m["metadata"]["name"] for m in live if m["metadata"]["name"][0] != "k"] == []
    assert "kept" in [manifest["metadata"]["name"] for manifest in live]


async def test_a_filter_that_selects_everything_deletes_nothing(
    engine: Engine, objects: Direct, namespace: str
) -> None:
    await objects.apply("", config_map(namespace))
    text = f"""
import "vela/kube"
a: kube.#Delete & {{$params: {{
	value: {{apiVersion: "v1", kind: "ConfigMap", metadata: namespace: "{namespace}"}}
	filter: {{}}
}}}}
"""
    with pytest.raises(Problem, match="would delete all"):
        await run(engine, text, step(objects))
    assert await objects.get("", key(namespace))


async def test_a_patch_merges_lists_by_their_key_and_changes_nothing_else(
    engine: Engine, objects: Direct, namespace: str
) -> None:
    container = {"name": "main", "image": "a:1", "env": [{"name": "A", "value": "1"}]}
    await objects.apply(
        "",
        {
            "apiVersion": "v1",
            "kind": "PodTemplate",
            "metadata": {"name": "t", "namespace": namespace},
            "template": {"spec": {"containers": [container]}},
        },
    )
    text = f"""
import "vela/kube"
a: kube.#Patch & {{$params: {{
	value: {{apiVersion: "v1", kind: "PodTemplate"}}
	value: metadata: {{name: "t", namespace: "{namespace}"}}
	patch: {{
		// +patchKey=name
		template: spec: containers: [{{
			name: "main"
			// +patchKey=name
			env: [{{name: "B", value: "2"}}]
		}}]
	}}
}}}}
out: [for each in a.$returns.result.template.spec.containers[0].env {{each.name}}]
"""
    found = await run(engine, text, step(objects), "out")
    assert found.values["out"] == ["A", "B"]
    live = await objects.get("", key(namespace, "t", "PodTemplate"))
    assert live["template"]["spec"]["containers"][0]["image"] == "a:1"
    assert "labels" not in live["metadata"], "patching somebody's object does not claim it"


async def test_patching_what_is_not_there_fails(
    engine: Engine, objects: Direct, namespace: str
) -> None:
    text = f"""
import "vela/op"
a: op.#Patch & {{value: {cue(namespace)}, patch: data: a: "b"}}
"""
    with pytest.raises(Problem, match="not found"):
        await run(engine, text, step(objects))


async def test_what_is_in_a_secret_is_said_to_be(
    engine: Engine, objects: Direct, namespace: str
) -> None:
    secret = {**config_map(namespace, "s"), "kind": "Secret", "data": {"p": "cHc="}}
    await objects.apply("", secret)
    value = cue(namespace, "s").replace("ConfigMap", "Secret")
    text = f"""
import "vela/kube"
import "vela/op"
new: kube.#Read & {{$params: value: {value}}}
old: op.#Read & {{"value": {value}}}
all: kube.#List & {{$params: {{
	resource: {{apiVersion: "v1", kind: "Secret"}}, filter: namespace: "{namespace}"
}}}}
listed: op.#List & {{
	resource: {{apiVersion: "v1", kind: "Secret"}}, filter: namespace: "{namespace}"
}}
"""
    found = await run(engine, text, step(objects))
    assert {path: outcome.secret for path, outcome in found.outcomes.items()} == {
        "new": ("$returns.value.data",),
        "old": ("value.data",),
        "all": ("$returns.values.items[0].data",),
        "listed": ("list.items[0].data",),
    }


TEMPLATE = """
import "vela/kube"
_object: {{apiVersion: "v1", kind: "ConfigMap", metadata: {{name: "c", namespace: "{namespace}"}}}}
applied: kube.#Apply & {{
	$params: resource: _object & {{metadata: labels: team: "a", data: k: "v"}}
}}
got: kube.#Get & {{$params: resource: _object}}
listed: kube.#List & {{$params: {{
	resource: {{apiVersion: "v1", kind: "ConfigMap"}}
	filter: {{namespace: "{namespace}", matchingLabels: team: "a"}}
}}}}
merged: kube.#Patch & {{$params: {{
	resource: _object, patch: {{type: "merge", data: data: l: "w"}}
}}}}
edited: kube.#Patch & {{$params: {{
	resource: _object, patch: {{type: "json", data: [{{op: "remove", path: "/data/k"}}]}}
}}}}
strategic: kube.#Patch & {{$params: {{
	resource: _object, patch: {{type: "strategic", data: data: m: "x"}}
}}}}
out: {{
	read:  got.$returns.data
	names: [for each in listed.$returns.items {{each.metadata.name}}]
	data: [merged.$returns.data, edited.$returns.data, strategic.$returns.data]
}}
"""


async def test_templates_have_their_own_form(
    engine: Engine, objects: Direct, namespace: str
) -> None:
    runtime = Runtime(Flavour.TEMPLATE, objects=objects)
    found = await run(engine, TEMPLATE.format(namespace=namespace), runtime, "out")
    assert found.values["out"] == {
        "read": {"k": "v"},
        "names": ["c"],
        "data": [{"k": "v", "l": "w"}, {"l": "w"}, {"l": "w", "m": "x"}],
    }


async def test_what_a_template_does_not_find_fails_it(
    engine: Engine, objects: Direct, namespace: str
) -> None:
    text = f'import "vela/kube"\na: kube.#Get & {{$params: resource: {cue(namespace)}}}\n'
    with pytest.raises(Problem) as raised:
        await run(engine, text, Runtime(Flavour.TEMPLATE, objects=objects))
    assert (raised.value.code, raised.value.path) == (
        "hub.not-found",
        "a.$params.resource",
    )
