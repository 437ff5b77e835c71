"""Components that wait for each other, and values that go between them (semantics C4, E4)."""

from __future__ import annotations

from tests.controllers.apps import LAMP, app, configmap, lamp, objects, settings, webservice
from tests.controllers.laboratory import step, steps


def test_a_component_waits_for_the_one_it_depends_on(lab):
    lab.apply(LAMP)
    lab.apply(app(settings("second", dependsOn=["first"]), lamp("first")))
    found = lab.until("waiting", lambda found: steps(found).get("first") == "running")
    assert step(found, "second")["phase"] == "pending"
    assert step(found, "second")["message"] == "Pending on DependsOn: first"
    assert lab.find("ConfigMap", "second") is None
    lab.switch("first", on=True)
    lab.running()
    assert lab.owned("ConfigMap") == {"first", "second"}


def test_a_value_goes_from_one_component_to_another(lab):
    source = settings("source", {"word": "hello"}) | {
        "outputs": [{"name": "word", "valueFrom": 'output.data.word + " there"'}]
    }
    target = settings("target", {"own": "1"}) | {
        "inputs": [{"from": "word", "parameterKey": "objects[0].data.said"}]
    }
    found = lab.deliver(app(target, source))
    assert lab.get("ConfigMap", "target")["data"] == {"own": "1", "said": "hello there"}
    context = found["status"]["workflow"]["contextBackend"]
    kept = lab.get("ConfigMap", context["name"])
    assert kept["data"]["vars"] == 'word: "hello there"\n'
    assert kept["metadata"]["ownerReferences"][0]["uid"] == found["metadata"]["uid"]


def test_a_value_that_only_the_cluster_knows(lab):
    """The address of a Service is given by the API server."""
    web = webservice("web", ports=[{"port": 80, "expose": True}]) | {
        "outputs": [
            {"name": "address", "valueFrom": "outputs.webserviceExpose.spec.clusterIP"},
        ]
    }
    user = settings("user", {}) | {
        "inputs": [{"from": "address", "parameterKey": "objects[0].data.address"}]
    }
    lab.deliver(app(web, user))
    address = lab.get("Service", "web")["spec"]["clusterIP"]
    assert lab.get("ConfigMap", "user")["data"] == {"address": address}


def test_a_value_from_a_secret_is_kept_as_one(lab):
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "source"},
        "data": {"word": "aHVzaA=="},
    }
    source = objects("source", secret, outputs=[{"name": "word", "valueFrom": "output.data.word"}])
    target = objects(
        "target",
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "target"}},
        inputs=[{"from": "word", "parameterKey": "objects[0].data.word"}],
    )
    found = lab.deliver(app(source, target))
    assert lab.get("Secret", "target")["data"] == {"word": "aHVzaA=="}
    context = found["status"]["workflow"]["contextBackend"]["name"]
    assert "aHVzaA" not in str(lab.get("ConfigMap", context)["data"])
    assert "aHVzaA" not in str(found["status"])
    assert lab.get("Secret", context)["data"]


def test_values_survive_a_restart_of_the_controller(lab):
    lab.apply(LAMP)
    source = settings("source", {"word": "hello"}) | {
        "outputs": [{"name": "word", "valueFrom": "output.data.word"}]
    }
    target = settings("target", {"own": "1"}, dependsOn=["gate"]) | {
        "inputs": [{"from": "word", "parameterKey": "objects[0].data.said"}]
    }
    lab.apply(app(source, lamp("gate"), target))
    lab.until("waiting", lambda found: steps(found).get("gate") == "running")
    lab.plane.restart()
    lab.switch("gate", on=True)
    lab.running()
    assert lab.get("ConfigMap", "target")["data"] == {"own": "1", "said": "hello"}


def test_a_change_of_the_source_reaches_the_target(lab):
    def shop(word):
        source = settings("source", {"word": word}) | {
            "outputs": [{"name": "word", "valueFrom": "output.data.word"}]
        }
        target = objects("target", configmap("target")) | {
            "inputs": [{"from": "word", "parameterKey": "objects[0].data.said"}]
        }
        return app(source, target)

    lab.deliver(shop("one"))
    lab.deliver(shop("two"))
    assert lab.get("ConfigMap", "target")["data"] == {"said": "two"}
