"""What was decided on what a watch last saw is not carried out on what became of it since."""

from __future__ import annotations

import pytest

from lateen import hub
from lateen.api import names
from lateen.api.manifest import Key
from lateen.base.problem import Problem
from tests.controllers.application.test_objects import definition
from tests.controllers.apps import app, objects, policy, settings

BOAT = "test.lateen.dev/v1"


def labelled(lab, labels):
    async def first():
        key = lab.key("ConfigMap", "a")
        await lab.plane.user.patch(key, {"metadata": {"labels": labels}})

    return first


LETTING_GO = [
    pytest.param({names.APP_NAME: None, names.APP_NAMESPACE: None}, id="somebody lets it go"),
    pytest.param({names.APP_NAME: "heir"}, id="another application takes it"),
]


@pytest.mark.parametrize("labels", LETTING_GO)
@pytest.mark.parametrize("whole", [True, False], ids=["all goes", "it is left out"])
def test_what_is_let_go_just_before_it_would_be_deleted_stays(lab, labels, whole):
    lab.deliver(app(settings("a", {"x": "1"})))
    lab.settle()
    lab.interrupt("delete", "configmaps", labelled(lab, labels))
    if whole:
        lab.delete("Application", "shop")
        lab.gone()
    else:
        lab.deliver(app(settings("b")))
        lab.eventually("one inventory", lambda: len(lab.trackers()) == 1)
        lab.settle()
    assert lab.get("ConfigMap", "a")["data"] == {"x": "1"}


def test_what_changes_just_before_it_is_made_anew_is_looked_at_again(lab):
    strategy = {"recreateFields": ["data.x"]}
    anew = policy(
        "anew",
        "resource-update",
        rules=[{"selector": {"resourceNames": ["a"]}, "strategy": strategy}],
    )
    lab.deliver(app(settings("a", {"x": "1"}), settings("b"), policies=[anew]))
    before = lab.get("ConfigMap", "a")["metadata"]["uid"]
    lab.settle()
    first = labelled(lab, {names.APP_NAME: "heir"})
    lab.interrupt("delete", "configmaps", first)
    lab.apply(app(settings("a", {"x": "2"}), settings("b"), policies=[anew]))
    lab.until("refused", lambda found: "managed by other application" in str(found["status"]))
    assert lab.get("ConfigMap", "a")["metadata"]["uid"] == before
    assert lab.get("ConfigMap", "a")["data"] == {"x": "1"}


def test_what_is_of_a_version_that_is_no_longer_served_goes(lab):
    """The inventory says v1; the operator that brought the kind has moved on to v2."""
    kind = "Ship" + lab.namespace.removeprefix("test-")
    plural = kind.lower() + "s"
    crd = definition(plural, kind)
    lab.apply(crd)
    ship = {"apiVersion": BOAT, "kind": kind, "metadata": {"name": "a"}, "sail": "1"}
    lab.deliver(app(objects("ship", ship), settings("b")))
    [first] = crd["spec"]["versions"]
    crd["spec"]["versions"] = [
        {**first, "served": False, "storage": False},
        {**first, "name": "v2"},
    ]
    lab.apply(crd)
    there = Key("test.lateen.dev", kind, lab.namespace, "a", "v2")

    async def served():
        try:
            return bool(await lab.plane.user.get(there))
        except (hub.ApiError, Problem):
            return False

    lab.eventually("served as v2", lambda: lab.plane.call(served))
    lab.delete("Application", "shop")
    lab.gone()
    assert not lab.plane.call(served)
    assert lab.trackers() == []
