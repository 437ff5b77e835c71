"""ApplicationRevisions: what makes two of them equal, and what one holds."""

from __future__ import annotations

import pytest

from lateen.api import revision
from lateen.api.application import Application
from lateen.api.definition import Definition, DefinitionKind

KUBECTL = "kubectl.kubernetes.io/last-applied-configuration"


def definition(kind=DefinitionKind.COMPONENT, name="web", spec=None, **meta):
    body = {"metadata": {"name": name, "namespace": "ns", **meta}, "spec": spec or {"a": 1}}
    return Definition.of({"apiVersion": "core.oam.dev/v1beta1", "kind": kind.value, **body})


def snapshot(spec=None, definitions=None, policies=None, workflow=None, **meta):
    app = Application(
        {
            "metadata": {"name": "shop", "namespace": "ns", "uid": "u", **meta},
            "spec": {"components": [{"name": "a"}]} if spec is None else spec,
            "status": {"status": "running"},
        }
    )
    known = (definition(),) if definitions is None else definitions
    return revision.Snapshot(app, known, policies or {}, workflow)


POLICY = {"ns/p": {"type": "override", "properties": {"selector": []}}}


@pytest.mark.parametrize(
    ("other", "same_hash", "same_intent"),
    [
        pytest.param(snapshot(labels={"x": "y"}), True, True, id="labels"),
        pytest.param(snapshot(spec={"components": []}), False, False, id="the text"),
        pytest.param(
            snapshot(definitions=(definition(spec={"a": 2}),)), False, True, id="a definition"
        ),
        pytest.param(
            snapshot(definitions=(definition(annotations={"x": "y"}),)),
            True,
            True,
            id="a definition's annotations",
        ),
        pytest.param(snapshot(policies=POLICY), False, False, id="a Policy object"),
        pytest.param(snapshot(workflow={"steps": [{"name": "a"}]}), False, False, id="a Workflow"),
    ],
)
def test_what_counts(other, same_hash, same_intent):
    base = snapshot()
    assert (other.hash() == base.hash()) is same_hash
    assert other.same_intent(revision.build(base, 1)) is same_intent


def test_the_order_of_definitions_does_not_count():
    pair = (definition(), definition(DefinitionKind.TRAIT, "scaler"))
    assert snapshot(definitions=pair).hash() == snapshot(definitions=pair[::-1]).hash()


def test_what_it_holds():
    kinds = (
        definition(),
        definition(DefinitionKind.TRAIT, "scaler"),
        definition(DefinitionKind.STEP, "notify", resourceVersion="5", managedFields=[{}]),
    )
    found = revision.build(
        snapshot(
            definitions=kinds,
            policies=POLICY,
            workflow={"steps": []},
            labels={"team": "x"},
            annotations={"note": "y", KUBECTL: "{}"},
        ),
        3,
    )
    raw = found.raw
    assert (found.name, found.number) == ("shop-v3", 3)
    assert raw["metadata"]["labels"]["team"] == "x"
    assert raw["metadata"]["labels"]["app.oam.dev/name"] == "shop"
    assert raw["metadata"]["annotations"] == {"note": "y"}
    assert raw["spec"]["application"]["metadata"]["annotations"] == {"note": "y"}
    assert "status" not in raw["spec"]["application"]
    assert raw["spec"]["workflowStepDefinitions"]["notify"]["metadata"] == {
        "name": "notify",
        "namespace": "ns",
    }
    assert raw["spec"]["policies"] == POLICY
    assert [(d.kind, d.name, d.spec) for d in found.definitions] == [
        (each.kind, each.name, each.spec) for each in kinds
    ]
    [owner] = raw["metadata"]["ownerReferences"]
    assert (owner["uid"], owner["controller"]) == ("u", True)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("shop-v3", 3), ("shop-v10", 10), ("shop-v1-v2", 2), ("shop", 0), ("shop-v1x", 0)],
)
def test_its_number(name, expected):
    assert revision.number(name) == expected


def test_the_newest_is_the_one_with_the_highest_number():
    kept = [revision.build(snapshot(), number) for number in (9, 10, 2)]
    assert revision.newest(kept) == kept[1]
    assert revision.newest([]) is None
