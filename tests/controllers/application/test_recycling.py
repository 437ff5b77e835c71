"""What is deleted is kept for a while, and what holds data is not deleted without consent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from lateen.api import names
from lateen.base.clock import SystemClock
from lateen.gc import recycling
from tests.controllers.apps import app, configmap, objects, settings

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


def content(lab, name="shop"):
    found = lab.plane.call(recycling.content, lab.plane.user, (lab.namespace, name))
    return {str(each.key): each for each in found}


def test_what_an_application_leaves_out_is_in_the_bin_and_comes_back(lab):
    lab.deliver(app(settings("a", {"x": "1"}), settings("b")))
    lab.patch("ConfigMap", "a", {"data": {"more": "theirs"}})
    lab.deliver(app(settings("b")))
    lab.eventually("collected", lambda: lab.find("ConfigMap", "a") is None)
    [kept] = content(lab).values()
    assert kept.object["data"]["x"] == "1"
    assert not {"uid", "resourceVersion", "creationTimestamp"} & set(kept.object["metadata"])

    assert lab.plane.call(recycling.restore, lab.plane.user, lab.plane.user, kept) is True
    assert lab.get("ConfigMap", "a")["data"]["x"] == "1"
    assert content(lab) == {}, "it is out of the bin"


def test_what_is_there_again_is_not_written_over(lab):
    lab.deliver(app(settings("a", {"x": "1"}), settings("b")))
    lab.deliver(app(settings("b")))
    lab.eventually("collected", lambda: lab.find("ConfigMap", "a") is None)
    lab.apply(configmap("a", x="2"))
    [kept] = content(lab).values()
    assert lab.plane.call(recycling.restore, lab.plane.user, lab.plane.user, kept) is False
    assert lab.get("ConfigMap", "a")["data"] == {"x": "2"}
    assert content(lab), "it is still in the bin"


def test_an_application_is_kept_with_what_it_brought(lab):
    lab.deliver(app(settings("a", {"x": "1"})))
    lab.delete("Application", "shop")
    lab.gone()
    where = lab.namespace
    found = content(lab)
    assert set(found) == {f"Application {where}/shop", f"ConfigMap {where}/a"}
    # the application last, as `lateen undelete` does: it would bring the others back by itself
    for each in sorted(found.values(), key=lambda each: each.key.kind == "Application"):
        assert lab.plane.call(recycling.restore, lab.plane.user, lab.plane.user, each) is True
    lab.running()
    assert lab.owned("ConfigMap") == {"a"}


def test_secrets_are_not_kept_unless_wanted(lab):
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}
    lab.deliver(app(objects("s", secret | {"stringData": {"key": "hush"}}), settings("b")))
    lab.deliver(app(settings("b")))
    lab.eventually("collected", lambda: lab.find("Secret", "s") is None)
    assert content(lab) == {}


def test_the_bin_is_emptied_after_its_days(lab):
    lab.deliver(app(settings("a"), settings("b")))
    lab.deliver(app(settings("b")))
    lab.eventually("in the bin", lambda: content(lab))

    class Later(SystemClock):
        def now(self):
            return datetime.now(UTC) + timedelta(days=6.9 + self.more)

        more = 0.0

    clock = Later()
    bin_ = recycling.Bin(lab.plane.user, clock, days=7)
    lab.plane.call(bin_.expire)
    assert content(lab), "not yet"
    clock.more = 0.2
    lab.plane.call(bin_.expire)
    assert content(lab) == {}


def test_what_holds_data_is_spared(lab):
    lab.deliver(app(objects("db", CLAIM), settings("b")))
    lab.deliver(app(settings("b")))
    lab.settle()
    claim = lab.get("PersistentVolumeClaim", "data")
    assert "deletionTimestamp" not in claim["metadata"]
    lab.delete("Application", "shop")
    lab.gone()
    claim = lab.get("PersistentVolumeClaim", "data")
    assert claim["metadata"]["labels"][names.APP_NAME] == "shop", "it can be declared again"


def test_what_holds_data_goes_with_consent(lab):
    consent = {names.DELETE_DATA: "true"}
    lab.deliver(app(objects("db", CLAIM), settings("b"), annotations=consent))
    lab.patch("PersistentVolumeClaim", "data", {"metadata": {"finalizers": None}})
    lab.deliver(app(settings("b"), annotations=consent))
    lab.eventually("collected", lambda: lab.find("PersistentVolumeClaim", "data") is None)
