"""The life of a Configuration: brought, changed, destroyed; what others read of it meanwhile."""

from __future__ import annotations

from tests.controllers.terraform.sites import Site, configuration

NOTE = """\
variable "text" {
  type = string
}
variable "pin" {
  type      = string
  default   = "0000"
  sensitive = true
}
resource "terraform_data" "note" {
  input = var.text
}
output "NOTE" {
  value = terraform_data.note.output
}
output "SIZES" {
  value = [1, 2]
}
output "PIN" {
  value     = var.pin
  sensitive = true
}
"""


def test_it_is_brought_and_tells_how_to_reach_it(site: Site) -> None:
    spec = {"variable": {"text": "hello"}, "writeConnectionSecretToRef": {"name": "note-conn"}}
    site.lab.apply(configuration("note", NOTE, **spec))
    applied = site.reaches("note", "Available")
    assert applied["message"] == "Cloud resources are deployed and ready to use"
    assert applied["outputs"] == {"NOTE": {"value": "hello"}, "SIZES": {"value": "[1,2]"}}
    assert site.secret("note-conn") == {"NOTE": b"hello", "SIZES": b"[1,2]", "PIN": b"0000"}
    assert site.resources("note") == {"terraform_data.note"}
    assert "terraform_data.note: Creation complete" in site.log("note")


def test_a_change_is_brought_and_deletion_destroys(site: Site) -> None:
    spec = {"writeConnectionSecretToRef": {"name": "note-conn"}}
    site.lab.apply(configuration("note", NOTE, variable={"text": "one"}, **spec))
    site.reaches("note", "Available")
    site.lab.apply(configuration("note", NOTE, variable={"text": "two"}, **spec))
    assert site.reaches("note", "Available")["outputs"]["NOTE"] == {"value": "two"}
    assert (site.secret("note-conn") or {})["NOTE"] == b"two"
    site.lab.delete("Configuration", "note")
    site.lab.eventually("gone", lambda: site.lab.find("Configuration", "note") is None)
    site.lab.eventually(
        "nothing is left",
        lambda: not any(map(site.lab.find, ["Secret"] * 2, ["note-conn", "tfstate-default-note"])),
    )
    assert not list(site.directory.glob("*note*"))
