"""What somebody asks for while a run goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.controllers.terraform.sites import Site, configuration

# `first` is there at once, `second` when somebody has made the file
HCL = """\
variable "text" {
  type = string
}
resource "terraform_data" "first" {
  input = var.text
  provisioner "local-exec" {
    when    = destroy
    command = "touch %(gone)s"
  }
}
resource "terraform_data" "second" {
  input = terraform_data.first.output
  provisioner "local-exec" {
    command = "until [ -e %(flag)s ]; do sleep 0.1; done"
  }
}
output "FIRST" {
  value = terraform_data.first.id
}
output "TEXT" {
  value = terraform_data.second.output
}
"""


def begun(site: Site, files: Path, text: str = "one") -> dict[str, Any]:
    """A Configuration of which the first half is there; returns what was declared."""
    hcl = HCL % {"gone": files / "gone", "flag": files / "flag"}
    declared = configuration("pair", hcl, variable={"text": text})
    site.lab.apply(declared)
    half = {"terraform_data.first"}
    site.lab.eventually("half of it is there", lambda: half <= site.resources("pair"))
    return declared


def test_what_is_deleted_meanwhile_is_destroyed(site: Site, tmp_path: Path) -> None:
    begun(site, tmp_path)
    site.lab.delete("Configuration", "pair")
    site.lab.eventually("gone", lambda: site.lab.find("Configuration", "pair") is None)
    assert (tmp_path / "gone").exists()
    assert site.state("pair") is None


def test_an_edit_meanwhile_is_brought_next(site: Site, tmp_path: Path) -> None:
    declared = begun(site, tmp_path)
    state = site.state("pair") or {}
    [first] = [each for each in state["resources"] if each["name"] == "first"]
    declared["spec"]["variable"] = {"text": "two"}
    site.lab.apply(declared)
    (tmp_path / "flag").touch()
    outputs = site.reaches("pair", "Available")["outputs"]
    made = first["instances"][0]["attributes"]["id"]
    assert outputs == {"FIRST": {"value": made}, "TEXT": {"value": "two"}}
    site.lab.delete("Configuration", "pair")
