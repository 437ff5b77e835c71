"""A sealed plan: what `up` would do, and `up --plan` does, or refuses."""

from __future__ import annotations

import json

import pytest

from lateen.cli.exits import Exit
from tests.controllers.application.test_rollback import lateen, redefined
from tests.controllers.apps import LAMP, app, configmap, lamp, objects, settings, webservice

CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "data"},
    "spec": {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Mi"}},
        "storageClassName": "",
    },
}
SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "key"},
    "stringData": {"word": "xyzzy"},
}


class Desk:
    """Where somebody writes files and makes plans."""

    def __init__(self, lab, folder):
        self.lab, self.folder = lab, folder
        self.sealed = str(folder / "plan.json")

    def write(self, declared):
        file = self.folder / "app.json"
        file.write_text(json.dumps(declared))
        return str(file)

    def plan(self, declared, *more):
        done = lateen(self.lab, "plan", "-f", self.write(declared), "--out", self.sealed, *more)
        assert done.exit_code == Exit.OK, done.output
        return done

    def entries(self):
        found = json.loads((self.folder / "plan.json").read_text())
        return {(each["kind"], each["name"]): each for each in found["changes"]}

    def up(self):
        return lateen(self.lab, "up", "--plan", self.sealed, "--timeout", "90s")


@pytest.fixture
def desk(lab, tmp_path):
    return Desk(lab, tmp_path)


def test_everything_that_would_happen_is_in_it_and_then_happens(desk):
    lab = desk.lab
    lab.deliver(app(objects("set", CLAIM, SECRET), settings("old"), webservice("web", "nginx:1")))
    after = app(
        objects("set", {**SECRET, "stringData": {"word": "plugh"}}),
        settings("new"),
        webservice("web", "nginx:2"),
    )
    shown = desk.plan(after).stdout
    found = desk.entries()
    actions = {f"{kind} {name}": each["action"] for (kind, name), each in found.items()}
    assert actions == {
        "Application shop": "change",
        "ConfigMap new": "create",
        "ConfigMap old": "delete",
        "Deployment web": "change",
        "PersistentVolumeClaim data": "spare",
        "Secret key": "change",
    }
    assert found["Deployment", "web"]["effect"] == "restarts its pods"
    assert "  ~ Deployment web  restarts its pods" in shown
    assert "  = PersistentVolumeClaim data  stays, for it holds data" in shown
    assert "1 to create, 3 to change, 1 to delete; 1 restart or end pods; 1 no longer" in shown
    assert "webservice (" in shown, "the definitions that are used"
    assert lab.get("Application", "shop")["metadata"]["generation"] == 1, "nothing was changed"

    done = desk.up()
    assert done.exit_code == Exit.OK, done.output
    lab.eventually("done", lambda: lab.owned("ConfigMap") == {"new"})
    assert lab.find("PersistentVolumeClaim", "data")


def test_secrets_are_not_in_what_is_shown(desk):
    desk.lab.deliver(app(objects("set", SECRET)))
    shown = desk.plan(app(objects("set", {**SECRET, "stringData": {"word": "plugh"}}))).stdout
    changes = json.dumps([desk.entries()["Secret", "key"]])
    assert not [word for word in ("xyzzy", "plugh", "eHl6enk=", "cGx1Z2g=") if word in changes]
    assert "Secret key" in shown
    assert (desk.folder / "plan.json").stat().st_mode & 0o077 == 0, "it holds the documents"


def refused(desk, *said):
    before = desk.lab.get("Application", "shop")
    done = desk.up()
    assert done.exit_code == Exit.INPUT, done.output
    for each in said:
        assert each in done.stderr
    after = desk.lab.get("Application", "shop")
    assert after["metadata"]["generation"] == before["metadata"]["generation"]


def test_it_is_refused_when_a_live_object_moved(desk):
    desk.lab.deliver(app(settings("a", {"x": "1"}), settings("b")))
    desk.plan(app(settings("a", {"x": "2"})))
    desk.lab.patch("ConfigMap", "b", {"data": {"mine": "now"}})
    refused(desk, "does not hold any more", f"ConfigMap {desk.lab.namespace}/b changed")


def test_it_is_refused_when_the_application_moved(desk):
    desk.lab.deliver(app(settings("a", {"x": "1"})))
    desk.plan(app(settings("a", {"x": "2"})))
    desk.lab.deliver(app(settings("a", {"x": "3"})))
    refused(desk, f"application {desk.lab.namespace}/shop changed")


def test_it_is_refused_when_a_definition_moved(desk):
    lab = desk.lab
    lab.apply(LAMP)
    lab.apply(app(lamp("a")))
    lab.eventually("there", lambda: lab.find("ConfigMap", "a"))
    desk.plan(app(lamp("a", "blue")))
    redefined(lab)
    refused(desk, "definition lamp changed")


def test_it_is_refused_when_something_is_in_the_way_now(desk):
    desk.lab.deliver(app(settings("a")))
    desk.plan(app(settings("a"), settings("b")))
    desk.lab.apply(configmap("b"))
    done = desk.up()
    assert done.exit_code == Exit.INPUT, done.output
    assert "ConfigMap" in done.stderr


def test_it_is_refused_when_somebody_wrote_in_it(desk):
    desk.lab.deliver(app(settings("a", {"x": "1"})))
    desk.plan(app(settings("a", {"x": "2"})))
    file = desk.folder / "plan.json"
    file.write_text(file.read_text().replace('"x": "2"', '"x": "9"'))
    refused(desk, "its content does not match its seal")
    file.write_text("{}")
    refused(desk, "is no plan")


def test_what_moves_and_does_not_matter(desk):
    """The status of an object is not what the plan is about."""
    lab = desk.lab
    lab.deliver(app(settings("a", {"x": "1"}), webservice("web")))
    desk.plan(app(settings("a", {"x": "2"}), webservice("web")))
    lab.patch("Deployment", "web", {"status": {"replicas": 1}}, subresource="status")
    done = desk.up()
    assert done.exit_code == Exit.OK, done.output
    assert lab.get("ConfigMap", "a")["data"] == {"x": "2"}


def test_it_consents_to_what_it_deletes(desk):
    limit = {"lateen.dev/deletion-limit": "0"}
    desk.lab.deliver(app(settings("a", {"x": "1"}), settings("b"), annotations=limit))
    desk.plan(app(settings("a", {"x": "2"}), annotations=limit))
    assert desk.up().exit_code == Exit.OK
    desk.lab.eventually("gone", lambda: desk.lab.owned("ConfigMap") == {"a"})


def test_a_new_application(desk):
    desk.plan(app(settings("a")))
    assert desk.entries()["Application", "shop"]["action"] == "create"
    assert desk.up().exit_code == Exit.OK
    assert desk.lab.owned("ConfigMap") == {"a"}


def test_what_others_own_in_the_application(desk):
    desk.lab.deliver(app(settings("a")))
    body = {"spec": {"policies": [{"name": "once", "type": "apply-once", "properties": {}}]}}
    desk.lab.patch("Application", "shop", body)
    done = lateen(desk.lab, "plan", "-f", desk.write(app(settings("a"))))
    assert done.exit_code == Exit.INPUT, done.output
    assert "application shop has policies, which the file has not" in done.stderr
