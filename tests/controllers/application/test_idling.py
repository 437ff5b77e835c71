"""What the controller costs: nothing while nothing changes, few requests when something does."""

from __future__ import annotations

from collections import Counter

from benchmarks import delivery

from tests.controllers.apps import app, settings, webservice
from tests.controllers.laboratory import writes

BUDGET = 16  # requests from create to running, of the benchmark's application


def sent_by(lab, act):
    """What the controller sends because of `act`, until it comes to rest."""
    before = lab.settle()
    act()
    return Counter(lab.settle()) - before


def test_an_application_of_the_benchmark_stays_within_the_budget(lab):
    lab.deliver(app(webservice("first", ports=[{"port": 80, "expose": True}]), name="first"))
    declared = delivery.application(0)
    declared["metadata"]["namespace"] = lab.namespace
    sent = sent_by(lab, lambda: lab.deliver(declared))
    assert sum(sent.values()) <= BUDGET, dict(sent)
    written = writes(sent)
    # none when both components are recorded together
    assert written.pop(("replace", "resourcetrackers"), 0) <= 1
    assert written == {
        ("patch", "applications"): 1,
        ("create", "applicationrevisions"): 1,
        ("create", "resourcetrackers"): 1,
        ("create?dryRun", "deployments"): 2,
        ("create?dryRun", "services"): 2,
        ("apply", "deployments"): 2,
        ("apply", "services"): 2,
        ("patch", "applicationrevisions/status"): 1,
        ("patch", "applications/status"): 1,
        ("create", "events"): 1,
    }


def test_nothing_is_sent_while_nothing_changes(lab):
    lab.deliver(app(settings("a"), webservice("web")))
    before = lab.settle()
    assert lab.settle(calm=0.8) == before


def test_a_touched_label_costs_no_write(lab):
    lab.deliver(app(settings("a"), webservice("web")))

    def touch():
        lab.patch("Application", "shop", {"metadata": {"labels": {"touched": "1"}}})

    assert writes(sent_by(lab, touch)) == {}


def test_applying_the_same_again_costs_nothing(lab):
    declared = app(settings("a"), webservice("web"))
    lab.deliver(declared)
    assert sent_by(lab, lambda: lab.apply(declared)) == {}


def test_a_controller_that_starts_writes_nothing(lab):
    place = {"name": "here", "type": "topology", "properties": {"clusters": ["local"]}}
    traits = [
        {"type": "scaler", "properties": {"replicas": 2}},
        {"type": "env", "properties": {"env": {"A": "1"}}},
        {"type": "sidecar", "properties": {"name": "log", "image": "busybox"}},
        {"type": "expose", "properties": {"port": [81]}},
        {"type": "gateway", "properties": {"http": {"/": 80}, "name": "g"}},
    ]
    web = webservice("web", traits=traits, cpu="0.1", memory="64Mi", ports=[{"port": 80}])
    job = {"name": "job", "type": "task", "properties": {"image": "busybox", "cmd": ["true"]}}
    lab.deliver(app(settings("a", {"x": "1"}), web, policies=[place]))
    lab.apply(app(job, name="second"))
    # what Kubernetes goes on to do with it is news, and is written down
    lab.eventually(
        "begun", lambda: ((lab.find("Job", "second-job") or {}).get("status") or {}).get("active")
    )
    lab.until("waiting", lambda found: found["status"].get("services"), "second")
    assert writes(sent_by(lab, lab.plane.restart)) == {}


def test_what_somebody_else_adds_to_an_object_costs_no_write(lab):
    lab.deliver(app(settings("a", {"x": "1"})))

    def touch():
        lab.patch("ConfigMap", "a", {"data": {"y": "2"}})

    assert writes(sent_by(lab, touch)) == {}


def test_an_update_of_one_component_writes_its_objects_once(lab):
    lab.deliver(app(settings("a", {"x": "1"})))
    sent = sent_by(lab, lambda: lab.deliver(app(settings("a", {"x": "2"}))))
    assert writes(sent) == {
        ("create", "applicationrevisions"): 1,
        ("create", "resourcetrackers"): 1,
        ("apply", "configmaps"): 1,
        ("patch", "applicationrevisions/status"): 1,
        ("patch", "applications/status"): 1,
        ("create", "events"): 1,
        ("delete", "resourcetrackers"): 1,
        ("patch", "resourcetrackers"): 1,
    }
