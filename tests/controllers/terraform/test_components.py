"""Components that Terraform brings, in applications: what is said of them, and how they go."""

from __future__ import annotations

from tests.controllers.apps import app, objects, step
from tests.controllers.laboratory import condition
from tests.controllers.laboratory import step as ran

GUARDED = """\
apiVersion: core.oam.dev/v1beta1
kind: ComponentDefinition
metadata: {name: guarded}
spec:
  workload: {type: autodetects.core.oam.dev}
  schematic:
    terraform:
      configuration: |
        resource "terraform_data" "x" {
          lifecycle {
            prevent_destroy = true
          }
        }
"""

LOGGED_IN = """\
apiVersion: core.oam.dev/v1beta1
kind: ComponentDefinition
metadata: {name: logged-in}
spec:
  workload: {type: autodetects.core.oam.dev}
  schematic:
    terraform:
      configuration: |
        resource "terraform_data" "x" {
          provisioner "local-exec" {
            when    = destroy
            command = "test $TOKEN = geheim"
          }
        }
"""


def test_what_cannot_be_destroyed_is_told_until_it_is_let_go(lab, site):
    lab.apply(GUARDED)
    lab.deliver(app({"name": "db", "type": "guarded"}))
    lab.delete("Application", "shop")
    said = "Configuration db: main.tf:1:1: Instance cannot be destroyed"
    lab.until("told", lambda found: said in str(condition(found, "Ready").get("message")))
    assert site.resources("db") == {"terraform_data.x"}
    lab.patch("Configuration", "db", {"spec": {"forceDelete": True}})
    lab.gone()
    assert site.resources("db") == {"terraform_data.x"}, "what was brought is not lost track of"


def test_who_destroys_is_still_logged_in(lab, site):
    """A Provider in the same application, and its Secret, do not go before what they opened."""
    lab.apply(LOGGED_IN)
    reference = {"namespace": lab.namespace, "name": "login", "key": "k"}
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "login"},
        "stringData": {"k": "TOKEN: geheim"},
    }
    provider = {
        "apiVersion": "terraform.core.oam.dev/v1beta1",
        "kind": "Provider",
        "metadata": {"name": "cloud"},
        "spec": {
            "provider": "custom",
            "credentials": {"source": "Secret", "secretRef": reference},
        },
    }
    mine = {"providerRef": {"namespace": lab.namespace, "name": "cloud"}}
    data = {"name": "db", "type": "logged-in", "properties": mine}
    lab.deliver(app(objects("login", secret, provider), data))
    lab.delete("Application", "shop")
    lab.gone()
    assert [lab.find("Provider", "cloud"), lab.find("Secret", "login")] == [None, None]
    assert site.state("db") is None


def told_by_a_step(value):
    hcl = f'output "A" {{\n  value = {value}\n}}\n'
    return app(steps=[step("note", "apply-terraform-config", properties={"source": {"hcl": hcl}})])


def test_a_step_waits_for_what_is_asked_for_now(lab, site):
    lab.deliver(told_by_a_step("1"))
    lab.apply(told_by_a_step("nothing.there"))
    found = lab.until(
        "told", lambda app: "undeclared resource" in str(ran(app, "note").get("message"))
    )
    assert ran(found, "note")["phase"] == "running"
    lab.deliver(told_by_a_step("2"))
    assert site.applied("shop-note")["outputs"] == {"A": {"value": "2"}}
