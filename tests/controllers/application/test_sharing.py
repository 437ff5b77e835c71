"""Several applications, and people, write one object at the same moment: nobody is struck off, and
nothing that somebody else just made is written over.
"""

from __future__ import annotations

import pytest

from lateen.api import names
from tests.controllers.application.test_ownership import failing
from tests.controllers.apps import app, configmap, objects, policy, settings
from tests.controllers.laboratory import step

SHARED = policy("shared", "shared-resource", rules=[{"selector": {"resourceNames": ["common"]}}])


def sharing(name, value="1", *others):
    data = configmap("common", x=value)
    return app(objects(f"{name}-part", data), *others, name=name, policies=[SHARED])


def sharers(lab):
    found = lab.find("ConfigMap", "common") or {"metadata": {}}
    listed = found["metadata"].get("annotations", {}).get(names.SHARED_BY, "")
    return [each.partition("/")[2] for each in listed.split(",") if each]


def meanwhile(lab, verb, body):
    """Let somebody patch the shared object just before the controller's next request for one."""
    key = lab.key("ConfigMap", "common")
    done = []

    async def first():
        await lab.plane.user.patch(key, body)
        done.append(True)

    lab.interrupt(verb, "configmaps", first)
    return done


def listing(lab, *apps):
    listed = ",".join(f"{lab.namespace}/{name}" for name in apps)
    return {"metadata": {"annotations": {names.SHARED_BY: listed}}}


def test_one_joins_while_the_owner_writes(lab):
    lab.deliver(sharing("one"))
    lab.settle()
    done = meanwhile(lab, "apply", listing(lab, "one", "elsewhere"))
    lab.deliver(sharing("one", "2"))
    assert done
    assert sharers(lab) == ["one", "elsewhere"]
    assert lab.get("ConfigMap", "common")["data"] == {"x": "2"}


def test_one_joins_while_the_owner_puts_it_back(lab):
    lab.deliver(sharing("one"))
    lab.settle()
    done = meanwhile(lab, "apply", listing(lab, "one", "elsewhere"))
    lab.patch("ConfigMap", "common", {"data": {"x": "by hand"}})
    lab.eventually("put back", lambda: lab.get("ConfigMap", "common")["data"] == {"x": "1"})
    assert done
    assert sharers(lab) == ["one", "elsewhere"]


def test_one_joins_while_the_last_one_leaves(lab):
    lab.deliver(sharing("one"))
    lab.settle()
    done = meanwhile(lab, "delete", listing(lab, "one", "elsewhere"))
    lab.delete("Application", "one")
    lab.gone("one")
    assert done
    assert sharers(lab) == ["elsewhere"]
    assert lab.get("ConfigMap", "common")["metadata"]["labels"][names.APP_NAME] == "elsewhere"


def test_all_of_them_come_back_after_it_was_deleted_by_hand(lab):
    everyone = {"one", "two", "three"}
    for name in everyone:
        lab.deliver(sharing(name))
    lab.settle()
    lab.delete("ConfigMap", "common")
    lab.eventually("shared by all", lambda: set(sharers(lab)) == everyone)
    lab.settle()
    assert len(sharers(lab)) == 3
    for name in everyone:
        assert lab.status(name)["status"] == "running"


def test_all_of_them_come_back_after_somebody_took_the_list_off(lab):
    everyone = {"one", "two"}
    for name in everyone:
        lab.deliver(sharing(name))
    lab.settle()
    lab.patch("ConfigMap", "common", {"metadata": {"annotations": {names.SHARED_BY: None}}})
    lab.eventually("shared by all", lambda: set(sharers(lab)) == everyone)


def test_several_bring_it_at_once(lab):
    everyone = {f"app-{number}" for number in range(6)}
    for name in everyone:
        lab.apply(sharing(name))
    for name in everyone:
        lab.running(name)
    assert set(sharers(lab)) == everyone
    assert len(sharers(lab)) == len(everyone)


def test_it_is_not_the_owners_to_delete_by_one_that_only_shares_it(lab):
    """The list was edited by hand: it names one application, and the labels another."""
    lab.deliver(sharing("one"))
    lab.deliver(sharing("two"))
    lab.settle()
    lab.plane.stop()
    lab.patch("ConfigMap", "common", listing(lab, "two"))
    lab.delete("Application", "two")
    lab.plane.start()
    lab.gone("two")
    lab.eventually("the owner's", lambda: sharers(lab) == ["one"])
    assert lab.get("ConfigMap", "common")["data"] == {"x": "1"}


@pytest.mark.parametrize("restoring", [False, True], ids=["delivered", "put back"])
def test_somebody_makes_an_object_of_that_name_just_before(lab, restoring):
    """It was not there when the controller looked, and is not ours to write over."""
    if restoring:
        lab.deliver(app(settings("a", {"x": "1"}), settings("b")))
        lab.settle()

    async def first():
        where = {"name": "a", "namespace": lab.namespace}
        await lab.plane.user.create({**configmap("a", theirs="1"), "metadata": where})

    lab.interrupt("apply", "configmaps", first)
    if restoring:
        lab.delete("ConfigMap", "a")
        lab.eventually("told", lambda: lab.condition("StateKeep").get("message"))
        message = lab.condition("StateKeep")["message"]
    else:
        lab.apply(app(settings("a", {"x": "1"})))
        message = step(failing(lab), "a")["message"]
    assert f"ConfigMap {lab.namespace}/a exists but not managed by any application" in message
    assert lab.get("ConfigMap", "a")["data"] == {"theirs": "1"}
    assert names.APP_NAME not in lab.get("ConfigMap", "a")["metadata"].get("labels", {})


def test_somebody_puts_another_object_in_its_place_just_before(lab):
    """What a watch last saw is gone, and the one of its name is not ours."""
    lab.deliver(app(settings("a", {"x": "1"}), settings("b")))
    lab.settle()

    async def first():
        user, where = lab.plane.user, {"name": "a", "namespace": lab.namespace}
        await user.delete(lab.key("ConfigMap", "a"))
        await user.create({**configmap("a", theirs="1"), "metadata": where})

    lab.interrupt("apply", "configmaps", first)
    lab.apply(app(settings("a", {"x": "2"})))
    message = step(failing(lab), "a")["message"]
    assert f"ConfigMap {lab.namespace}/a exists but not managed by any application" in message
    assert lab.get("ConfigMap", "a")["data"] == {"theirs": "1"}


def test_what_was_made_anew_still_loses_what_is_no_longer_declared(lab):
    """It is applied, not created: else the fields would be nobody's to take away."""
    strategy = {"recreateFields": ["data.x"]}
    rules = [{"selector": {"resourceNames": ["a"]}, "strategy": strategy}]
    anew = policy("anew", "resource-update", rules=rules)
    lab.deliver(app(settings("a", {"x": "1", "y": "1"}), policies=[anew]))
    before = lab.get("ConfigMap", "a")["metadata"]["uid"]
    lab.deliver(app(settings("a", {"x": "2", "y": "1"}), policies=[anew]))
    assert lab.get("ConfigMap", "a")["metadata"]["uid"] != before
    lab.deliver(app(settings("a", {"x": "2"}), policies=[anew]))
    assert lab.get("ConfigMap", "a")["data"] == {"x": "2"}


@pytest.mark.parametrize("label", [names.APP_NAME, names.APP_NAMESPACE])
def test_a_label_of_ours_that_somebody_took_off_comes_back(lab, label):
    lab.deliver(app(settings("a", {"x": "1"})))
    lab.settle()
    lab.patch("ConfigMap", "a", {"metadata": {"labels": {label: None}}})
    lab.eventually("labelled", lambda: label in lab.get("ConfigMap", "a")["metadata"]["labels"])
