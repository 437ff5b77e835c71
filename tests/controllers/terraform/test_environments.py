"""Terraform for environments: what each of them gets, and in which clusters its Secrets arrive."""

from __future__ import annotations

import base64

import pytest

from tests.controllers.apps import app, policy, step
from tests.controllers.laboratory import step as ran

NOTE = """\
apiVersion: core.oam.dev/v1beta1
kind: ComponentDefinition
metadata: {name: note}
spec:
  workload: {type: autodetects.core.oam.dev}
  schematic:
    terraform:
      configuration: |
        variable "text" {
          type = string
        }
        resource "terraform_data" "note" {
          input = var.text
        }
        output "NOTE" {
          value = terraform_data.note.output
        }
"""


def shop(east, west, text="one", only=("test", "prod", "share")):
    """A note for each of two environments, in one of which it says something else; the Secret of
    that one is shared with the cluster of the other and with the control plane's own.
    """
    reference = {"writeConnectionSecretToRef": {"name": "conn"}}
    note = {"name": "db", "type": "note", "properties": {"text": "plain", **reference}}
    other = {"text": text, "writeConnectionSecretToRef": {"name": "test-conn"}}
    patch = {"components": [{"name": "db", "type": "note", "properties": other}]}
    envs = [
        {"name": "test", "placement": {"clusterSelector": {"name": east.name}}, "patch": patch},
        {"name": "prod", "placement": {"clusterSelector": {"name": west.name}}},
    ]
    places = {"env": "test", "placements": [{"cluster": "local"}, {"cluster": west.name}]}
    steps = [
        step("test", "deploy-cloud-resource", properties={"env": "test"}),
        step("prod", "deploy-cloud-resource", properties={"env": "prod"}),
        step("share", "share-cloud-resource", properties=places),
    ]
    wanted = [each for each in steps if each["name"] in only]
    return app(note, policies=[policy("envs", "env-binding", envs=envs)], steps=wanted)


def envs(made):
    return made["spec"]["policies"][0]["properties"]["envs"]


def told(lab, east, west):
    """What the Secrets of the two environments say, by where they are."""
    places = {"local": lab, "east": east, "west": west}
    found = {
        (name, place): there.find("Secret", name)
        for name in ("test-conn", "conn")
        for place, there in places.items()
    }
    return {
        where: base64.b64decode(secret["data"]["NOTE"]).decode()
        for where, secret in found.items()
        if secret
    }


@pytest.mark.slow
def test_each_environment_has_its_own_and_it_is_known_where_it_is_shared(lab, site, fleet):
    east, west = fleet
    for each in fleet:
        each.join()
    lab.apply(NOTE)
    lab.deliver(shop(east, west))
    assert lab.names("Configuration") == {"db-test", "db-prod"}
    shared = {("test-conn", place): "one" for place in ("local", "east", "west")}
    assert told(lab, east, west) == {**shared, ("conn", "west"): "plain"}

    # another application has a name of its own for its resource, but not for the copy
    second = shop(east, west, "theirs", only=["test"])
    second["metadata"]["name"] = "second"
    for each in (*second["spec"]["components"], *envs(second)[0]["patch"]["components"]):
        each["name"] = "note"
    envs(second)[0]["name"] = "trial"
    second["spec"]["workflow"]["steps"][0]["properties"]["env"] = "trial"
    lab.apply(second)
    owned = f"test-conn is managed by other application {lab.namespace}/shop"
    lab.until("refused", lambda found: owned in str(ran(found, "test").get("message")), "second")
    assert told(lab, east, west)["test-conn", "east"] == "one"
    lab.delete("Application", "second")
    lab.gone("second")

    west.reset()
    lab.apply(shop(east, west, "two"))
    follow = {("test-conn", "east"): "two"}
    lab.eventually("it follows", lambda: follow.items() <= told(lab, east, west).items())
    away = f"cluster {west.name} does not answer"
    lab.until("waited for", lambda found: away in str(ran(found, "prod").get("message")))
    west.mend()
    lab.running()
    shared = dict.fromkeys(shared, "two")
    assert told(lab, east, west) == {**shared, ("conn", "west"): "plain"}
    east.patch("Secret", "test-conn", {"data": {"NOTE": ""}})
    lab.eventually("put back", lambda: told(lab, east, west)["test-conn", "east"] == "two")

    # copies follow their source without the workflow, as where Terraform writes other outputs
    site.stop()
    three = {"data": {"NOTE": base64.b64encode(b"three").decode()}}
    lab.patch("Secret", "test-conn-test", three)
    follow = {**dict.fromkeys(shared, "three"), ("conn", "west"): "plain"}
    lab.eventually("all follow", lambda: told(lab, east, west) == follow)
    east.delete("Secret", "test-conn")
    lab.eventually("as it is by now", lambda: told(lab, east, west) == follow)
    site.start()
    follow = {**shared, ("conn", "west"): "plain"}
    lab.eventually("the source is put back", lambda: told(lab, east, west) == follow)

    lab.deliver(shop(east, west, "two", only=["test"]))
    lab.eventually("what is left out goes", lambda: lab.names("Configuration") == {"db-test"})
    left = {("test-conn", "east"): "two"}
    lab.eventually("with its copies", lambda: told(lab, east, west) == left)

    lab.delete("Application", "shop")
    lab.gone()
    assert told(lab, east, west) == {}
    assert lab.names("Configuration") == set()
    # the log goes when Kubernetes has noticed that its Configuration is gone
    lab.eventually("nothing is left", lambda: not lab.names("Secret"))
