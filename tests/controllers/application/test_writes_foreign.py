"""What is not the application's is not written, whatever stands in its inventory."""

from __future__ import annotations

import time

from lateen.api import names
from tests.controllers.apps import app, configmap, settings


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
    before = lab.sent().total()
    time.sleep(3)
    assert lab.sent().total() - before < 40, "it is looked at again, but not all the time"

    lab.delete("ConfigMap", "a")
    lab.eventually("restored", lambda: lab.owned("ConfigMap") == {"a"}, 90)


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
