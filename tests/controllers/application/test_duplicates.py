"""Several templates, or components, give one object."""

from __future__ import annotations

from tests.controllers.application.test_ownership import failing
from tests.controllers.apps import app, configmap, objects, settings, webservice
from tests.controllers.laboratory import step

GATEWAY = {"type": "gateway", "properties": {"http": {"/": 9090}}}


def test_a_component_and_its_trait(lab):
    """`gateway` makes a Service of the component's name, as an exposed port does."""
    ports = [{"port": 8080, "expose": True}]
    lab.deliver(app(webservice("web", traits=[GATEWAY], ports=ports)))
    found = lab.get("Service", "web")
    assert [each["port"] for each in found["spec"]["ports"]] == [8080, 9090]
    assert found["metadata"]["labels"]["trait.oam.dev/type"] == "AuxiliaryWorkload"
    before = lab.settle()
    lab.patch("Application", "shop", {"metadata": {"labels": {"touched": "1"}}})
    lab.until("seen", lambda found: found["metadata"].get("labels"))
    after = lab.settle() - before
    assert not [each for each in after if each[1] == "services"], "it is not written in turns"


def test_a_component_and_its_trait_contradict_each_other(lab):
    ports = [{"port": 9090, "expose": True, "containerPort": 80, "name": "port-9090"}]
    lab.apply(app(webservice("web", traits=[GATEWAY], ports=ports)))
    message = step(failing(lab), "web")["message"]
    assert 'component "web" and trait "gateway" give one object, Service' in message
    assert "contradict each other at spec.ports[0].targetPort: 80 and 9090" in message
    assert lab.find("Service", "web") is None


def test_two_components_that_say_the_same(lab):
    common = configmap("common", x="1")
    parts = [objects(name, common, configmap(f"of-{name}")) for name in ("a", "b")]
    lab.deliver(app(*parts))
    before = lab.get("ConfigMap", "common")
    [tracker] = lab.trackers()
    listed = [each["name"] for each in tracker["spec"]["managedResources"]]
    assert sorted(listed) == ["common", "of-a", "of-b"]
    lab.plane.restart()
    lab.settle()
    assert lab.get("ConfigMap", "common") == before, "it does not change hands"
    lab.deliver(app(parts[1]))
    lab.eventually("left out", lambda: lab.find("ConfigMap", "of-a") is None)
    assert lab.get("ConfigMap", "common")["metadata"]["uid"] == before["metadata"]["uid"]


def test_two_components_that_do_not(lab):
    parts = [objects(name, configmap("common", x=name)) for name in ("a", "b")]
    lab.apply(app(*parts, settings("c")))
    found = failing(lab)
    told = [step(found, name).get("message", "") for name in ("a", "b")]
    [refused] = [message for message in told if "both give" in message]
    assert refused.startswith("spec.components[")
    assert "and not the same" in refused
    assert lab.get("ConfigMap", "common")["data"]["x"] in ("a", "b")
