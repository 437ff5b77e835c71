"""What a template sees of the application (semantics B2)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from lateen.api.application import Application, Component
from lateen.definitions import contexts


@dataclass(frozen=True)
class Place:
    cluster: str = ""
    namespace: str = ""


RAW = {"name": "web", "type": "webservice", "properties": {"image": "a"}}
COMPONENT = Component.of(RAW, "spec.components[0]")
APP = contexts.AppFacts.of(
    Application(
        {
            "metadata": {
                "name": "shop",
                "namespace": "store",
                "labels": {"team": "red"},
                "annotations": {
                    "app.oam.dev/workflowName": "nightly",
                    "app.oam.dev/publishVersion": "alpha1",
                },
            },
            "spec": {"components": [RAW]},
        }
    ),
    controller_version="v1.2.3",
    revision="shop-v12",
    revision_hash="cafe",
    cluster_version={"major": "1", "minor": "27+", "gitVersion": "v1.27.3", "platform": "linux"},
)


def test_every_field_has_its_value():
    context = contexts.build(APP, COMPONENT, Place())
    revision = context.pop("revision")
    assert context == {
        "name": "web",
        "namespace": "store",
        "appName": "shop",
        "appRevision": "shop-v12",
        "appRevisionNum": 12,
        "appLabels": {"team": "red"},
        "appAnnotations": {
            "oam.dev/kubevela-version": "v1.2.3",
            "app.oam.dev/workflowName": "nightly",
            "app.oam.dev/publishVersion": "alpha1",
        },
        "components": [RAW],
        "replicaKey": "",
        "cluster": "local",
        "clusterVersion": {
            "major": "1",
            "minor": 27,
            "gitVersion": "v1.27.3",
            "platform": "linux",
        },
        "workflowName": "nightly",
        "publishVersion": "alpha1",
        "parameter": {"image": "a"},
    }
    other = contexts.build(APP, replace(COMPONENT, raw={**RAW, "type": "worker"}), Place())
    assert revision != other["revision"], "it changes with the component"


def test_what_a_policy_sees():
    context = contexts.of_policy(APP, "quota")
    empty = {"name": "quota", "namespace": "store", "revision": "", "replicaKey": "", "cluster": ""}
    assert {name: context[name] for name in empty} == empty
    assert context["artifacts"] == {}
    assert not {"parameter", "output", "outputs", "componentType"} & set(context)
    component = contexts.build(APP, COMPONENT, Place())
    own = {"parameter", *empty}
    assert set(component) - own == set(context) - {*own, "artifacts"}
    assert all(context[name] == component[name] for name in set(component) - own)


def test_what_policies_of_the_application_gave_is_there_if_any_ran():
    assert "custom" not in contexts.build(APP, COMPONENT, Place())
    given = replace(APP, custom={"a": 1})
    assert contexts.build(given, COMPONENT, Place())["custom"] == {"a": 1}
    assert contexts.of_policy(given, "quota", wanted=frozenset({"custom"})) == {"custom": {"a": 1}}


def test_a_placement_shows():
    context = contexts.build(APP, COMPONENT, Place("far", "east"), replica_key="blue")
    assert (context["cluster"], context["namespace"]) == ("far", "east")
    assert context["replicaKey"] == "blue"


def test_without_properties_there_is_no_parameter():
    assert "parameter" not in contexts.build(APP, replace(COMPONENT, properties=None), Place())


@pytest.mark.parametrize(
    ("revision", "number"),
    [
        pytest.param("shop-v3", 3, id="a number"),
        pytest.param("shop", 0, id="none"),
        pytest.param("shop-v3x", 0, id="not only a number"),
        pytest.param("a-v2-v10", 10, id="the last one counts"),
        pytest.param("shop-v²", 0, id="not a number Kubernetes writes"),
    ],
)
def test_revision_number(revision: str, number: int):
    assert replace(APP, revision=revision).revision_number == number


def test_an_unknown_cluster_version_compares_as_the_oldest():
    context = contexts.build(contexts.AppFacts("a", "b"), COMPONENT, Place())
    assert context["clusterVersion"]["minor"] == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a: context.name, b: context.output.spec", {"name", "output"}, id="fields"),
        pytest.param("a: 1", set(), id="none"),
        pytest.param('a: "\\(context.name)-x"', {"name"}, id="in a text"),
        pytest.param("a: json.Marshal(context)", None, id="as a value"),
        pytest.param('a: context["output"]', None, id="by index"),
        pytest.param("let c = context\na: c.output", None, id="under another name"),
        pytest.param("context: name: string", None, id="declared"),
        pytest.param("a: mycontext.name", set(), id="another word"),
    ],
)
def test_what_a_template_reads(text: str, expected: set[str] | None):
    assert contexts.reads(text) == expected


@pytest.mark.parametrize(
    ("text", "component", "trait"),
    [
        pytest.param("a: context.output.status.x", True, True, id="status"),
        pytest.param("a: context.output.spec.x", True, False, id="spec"),
        pytest.param("a: context.outputs.x.status", False, False, id="other objects"),
        pytest.param("let c = context\na: c.output.status", True, True, id="under another name"),
        pytest.param("context: name: string", False, False, id="nothing of it"),
        pytest.param("status: context.name", False, False, id="another status"),
    ],
)
def test_who_looks_at_the_cluster(text: str, component: bool, trait: bool):
    assert contexts.reads_live(text, trait=False) is component
    assert contexts.reads_live(text, trait=True) is trait


def test_only_what_is_read_is_sent():
    wanted = frozenset({"name", "output", "nothing"})
    extra = {"output": {"kind": "Job"}, "outputs": {}}
    context = contexts.build(APP, COMPONENT, Place(), wanted=wanted, extra=extra)
    assert context == {"name": "web", "output": {"kind": "Job"}}
