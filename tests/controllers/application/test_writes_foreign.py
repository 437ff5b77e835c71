"""What is not the application's is not written, whatever stands in its inventory."""

from __future__ import annotations

import time

import orjson

from lateen.api import names
from tests.controllers.apps import app, configmap, policy, settings


def replaced(lab, name):
    """Somebody deletes an object while no controller runs, and makes one of that name."""
    lab.plane.stop()
    lab.delete("ConfigMap", name)
    lab.apply(configmap(name, theirs="1"))
    lab.plane.start()


def test_a_namesake_of_somebody_else_is_not_written_over(lab):
    lab.deliver(app(settings("a", {"x": "1"})))
    replaced(lab, "a")
    lab.until(
        "complaining",
        lambda found: "not managed by any application" in str(found["status"].get("conditions")),
    )
    found = lab.get("ConfigMap", "a")
    assert found["data"] == {"theirs": "1"}
    assert names.APP_NAME not in found["metadata"].get("labels", {})
    before, since = lab.sent().total(), time.monotonic()
    time.sleep(2)
    sent = lab.sent().total() - before
    assert sent < 15 * (time.monotonic() - since), "it is looked at again, but not all the time"

    lab.delete("ConfigMap", "a")
    lab.eventually("restored", lambda: lab.owned("ConfigMap") == {"a"}, 120)


def test_a_namesake_of_somebody_else_is_not_deleted(lab):
    lab.deliver(app(settings("a", {"x": "1"}), settings("b")))
    replaced(lab, "a")
    lab.delete("Application", "shop")
    lab.gone()
    assert lab.get("ConfigMap", "a")["data"] == {"theirs": "1"}


def test_labels_that_were_taken_off_come_back(lab):
    """The object bears our writes: it is the one that was delivered."""
    lab.deliver(app(settings("a", {"x": "1"})))
    uid = lab.get("ConfigMap", "a")["metadata"]["uid"]
    none = {names.APP_NAME: None, names.APP_NAMESPACE: None}
    lab.patch("ConfigMap", "a", {"metadata": {"labels": none}})
    lab.eventually("labelled", lambda: lab.owned("ConfigMap") == {"a"})
    assert lab.get("ConfigMap", "a")["metadata"]["uid"] == uid


def test_every_write_is_for_the_object_that_was_seen(lab):
    """Whatever happens between the look and the write, no other object is hit: each names the one
    it is for, or that there must be none yet.
    """
    lab.apply(configmap("taken", theirs="1"))
    parts = ("a", "b", "c", "shared", "taken", "freed", "dropped")
    lab.deliver(app(*(settings(each, {"n": "1"}) for each in parts), policies=rules()))
    shared = policy("s", "shared-resource", rules=[selecting("shared")])
    lab.deliver(app(settings("shared", {"n": "1"}), name="other", policies=[shared]))
    kept = [settings(each, {"n": "2"}) for each in parts[:-2]]
    lab.deliver(app(*kept, policies=rules()))
    lab.eventually("cleaned up", lambda: not {"freed", "dropped"} & lab.owned("ConfigMap"))
    none = {names.APP_NAME: None, names.APP_NAMESPACE: None}
    lab.patch("ConfigMap", "a", {"data": {"n": "by hand"}})
    lab.eventually("put back", lambda: lab.get("ConfigMap", "a")["data"]["n"] == "2")
    lab.patch("ConfigMap", "a", {"metadata": {"labels": none}})
    lab.eventually("labelled", lambda: "a" in lab.owned("ConfigMap"))
    lab.delete("ConfigMap", "b")
    lab.eventually("made again", lambda: "b" in lab.owned("ConfigMap"))
    for each in ("shop", "other"):
        lab.delete("Application", each)
        lab.gone(each)
    sent = [
        call
        for call in lab.plane.link.sent
        if call.resource == "configmaps" and lab.namespace in call.path and call.body
    ]
    written = [call for call in sent if "dryRun" not in call.path]
    assert {call.verb for call in written} == {"apply", "replace", "patch", "delete"}
    loose = [(call.verb, call.body) for call in written if not conditions(call)]
    assert loose == []


def conditions(call):
    body = orjson.loads(call.body)
    said = body.get("preconditions") if call.verb == "delete" else body["metadata"]
    return {"uid", "resourceVersion"} & set(said or ())


def rules():
    update = {"strategy": {"op": "replace"}}
    anew = {"strategy": {"recreateFields": ["data.n"]}}
    return [
        policy("r", "resource-update", rules=[selecting("b", **update), selecting("c", **anew)]),
        policy("s", "shared-resource", rules=[selecting("shared")]),
        policy("t", "take-over", rules=[selecting("taken")]),
        policy("g", "garbage-collect", rules=[selecting("freed", propagation="orphan")]),
    ]


def selecting(name, **more):
    return {"selector": {"resourceNames": [name]}, **more}
