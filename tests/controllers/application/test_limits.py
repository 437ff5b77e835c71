"""Not more objects go at once than was allowed; what is held is not lost."""

from __future__ import annotations

import json

import pytest

from lateen.api import consents
from lateen.api.application import Application
from lateen.cli.exits import Exit
from tests.controllers.application.test_rollback import lateen
from tests.controllers.apps import app, configmap, objects, settings
from tests.controllers.laboratory import condition

LIMIT, ALLOW = "lateen.dev/deletion-limit", "lateen.dev/allow-delete"
MANY = [configmap(f"many-{i}") for i in range(4)]
NAMES = {each["metadata"]["name"] for each in MANY}


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        pytest.param({}, 20, id="the control plane's limit"),
        pytest.param({LIMIT: "3"}, 3, id="its own"),
        pytest.param({LIMIT: "none"}, 20, id="no number"),
        pytest.param({LIMIT: "3", ALLOW: "214@7"}, 214, id="allowed for this text"),
        pytest.param({LIMIT: "3", ALLOW: "214@6"}, 3, id="allowed for another text"),
        pytest.param({LIMIT: "3", ALLOW: "214"}, 3, id="for no text at all"),
        pytest.param({ALLOW: "2@7"}, 20, id="less than the limit"),
    ],
)
def test_how_many_may_go(annotations, expected):
    found = Application({"metadata": {"generation": 7, "annotations": annotations}})
    assert consents.most(found, 20) == expected


def limited(*components, **more):
    return app(*components, annotations={LIMIT: "3"}, **more)


@pytest.fixture
def held(lab):
    """An application that no longer declares four objects, by kubectl."""
    lab.deliver(limited(objects("set", *MANY), settings("a")))
    lab.apply(limited(settings("a", {"x": "2"})))
    lab.until("held", lambda found: condition(found, "Deletion").get("reason") == "Held")
    return lab


def test_too_many_stay_and_the_condition_says_what_to_do(held):
    held.settle()
    found = held.running()
    assert held.owned("ConfigMap") == {"a", *NAMES}
    said = condition(found, "Deletion")["message"]
    assert said.startswith("4 objects are no longer declared, and the limit is 3: they stay until")
    assert 'lateen.dev/allow-delete: "4@2"' in said
    shown = lateen(held, "status", "shop")
    assert "lateen up --allow-delete 4" in shown.stderr
    events = held.list("Event")
    assert "DeletionHeld" in {each["reason"] for each in events}

    body = {"metadata": {"annotations": {ALLOW: "4@2"}}}
    held.patch("Application", "shop", body)
    held.eventually("gone", lambda: held.owned("ConfigMap") == {"a"})
    held.until("at rest", lambda found: not condition(found, "Deletion"))
    held.eventually("one inventory", lambda: len(held.trackers()) == 1)


def test_what_is_declared_again_is_taken_up(held):
    before = held.get("ConfigMap", "many-0")["metadata"]["uid"]
    held.apply(limited(objects("set", *MANY[:1]), settings("a")))
    held.eventually("the rest is gone", lambda: held.owned("ConfigMap") == {"a", "many-0"})
    assert held.get("ConfigMap", "many-0")["metadata"]["uid"] == before
    held.until("at rest", lambda found: not condition(found, "Deletion"))


def test_a_controller_that_restarts_holds_them_too(held):
    held.plane.restart()
    held.settle()
    assert held.owned("ConfigMap") == {"a", *NAMES}


def test_an_application_that_is_deleted_takes_all_with_it(held):
    """Its deletion is asked for by name; it is no surprise."""
    held.delete("Application", "shop")
    held.gone()
    assert held.owned("ConfigMap") == set()


def test_up_says_so_before_anything_is_changed(lab, tmp_path):
    lab.deliver(limited(objects("set", *MANY), settings("a")))
    file = tmp_path / "app.json"
    file.write_text(json.dumps(limited(settings("a", {"x": "2"}))))
    for given in ([], ["--allow-delete", "3"]):
        refused = lateen(lab, "up", "-f", str(file), *given)
        assert refused.exit_code == Exit.INPUT, refused.output
        assert "this removes 4 objects of application shop; the limit is 3" in refused.stderr
        assert "--allow-delete 4 lets them go" in refused.stderr
    assert lab.get("Application", "shop")["metadata"]["generation"] == 1
    done = lateen(lab, "up", "-f", str(file), "--allow-delete", "4", "--timeout", "90s")
    assert done.exit_code == Exit.OK, done.output
    lab.eventually("gone", lambda: lab.owned("ConfigMap") == {"a"})
