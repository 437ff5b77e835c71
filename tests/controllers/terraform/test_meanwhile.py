"""What somebody asks for while a run goes on."""

from __future__ import annotations

import os
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


def begun(site: Site, files: Path, text: str = "one", **spec: Any) -> dict[str, Any]:
    """A Configuration of which the first half is there; returns what was declared."""
    hcl = HCL % {"gone": files / "gone", "flag": files / "flag"}
    declared = configuration("pair", hcl, variable={"text": text}, **spec)
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
    for text, generation in (("two", 2), ("three", 3)):
        declared["spec"]["variable"] = {"text": text}
        site.lab.apply(declared)
        told(site, f"Generation {generation} waits: the apply of generation 1 began at 20")
    (tmp_path / "flag").touch()
    applied = site.reaches("pair", "Available")
    made = first["instances"][0]["attributes"]["id"]
    assert applied["outputs"] == {"FIRST": {"value": made}, "TEXT": {"value": "three"}}
    assert "waits" not in applied["message"]
    site.lab.delete("Configuration", "pair")


def told(site: Site, said: str, part: str = "apply") -> None:
    def there() -> bool:
        status = site.get("pair").get("status") or {}
        return said in (status.get(part) or {}).get("message", "")

    site.lab.eventually(f"it is told that {said}", there)


def test_what_is_kept_when_it_is_deleted_is_brought_to_its_end_first(
    site: Site, tmp_path: Path
) -> None:
    begun(site, tmp_path, deleteResource=False)
    site.lab.delete("Configuration", "pair")
    told(site, "Its deletion waits: the apply of generation 1 began at 20", "destroy")
    (tmp_path / "flag").touch()
    site.lab.eventually("gone", lambda: site.lab.find("Configuration", "pair") is None)
    assert site.resources("pair") == {"terraform_data.first", "terraform_data.second"}


def test_what_is_let_go_while_it_is_destroyed_is_destroyed_no_further(
    site: Site, tmp_path: Path
) -> None:
    slow = "until [ -e %s ]; do sleep 0.1; done" % (tmp_path / "never")
    hcl = (
        'resource "terraform_data" "x" {\n  provisioner "local-exec" {\n'
        f'    when    = destroy\n    command = "touch {tmp_path}/begun; {slow}"\n  }}\n}}\n'
    )
    site.lab.apply(configuration("pair", hcl))
    site.reaches("pair", "Available")
    site.lab.delete("Configuration", "pair")
    site.lab.eventually("it is being destroyed", (tmp_path / "begun").exists)
    site.lab.patch("Configuration", "pair", {"spec": {"deleteResource": False}})
    site.lab.eventually("gone", lambda: site.lab.find("Configuration", "pair") is None)
    assert site.resources("pair") == {"terraform_data.x"}


def test_what_has_no_place_to_run_says_so(site: Site, tmp_path: Path) -> None:
    site.restart(terraform_runs=1)
    begun(site, tmp_path)
    site.lab.apply(configuration("x", 'output "A" {\n  value = 1\n}\n'))
    waiting = "Waits for a place to run Terraform: terraform_runs allows 1 at a time"
    site.lab.eventually("it waits", lambda: site.applied("x").get("message") == waiting)
    (tmp_path / "flag").touch()
    site.reaches("x", "Available")
    site.reaches("pair", "Available")


def writing(pipe: Path) -> int:
    """The end of a pipe to write to, once there is somebody who reads; 0 before."""
    try:
        return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return 0


def test_an_edit_gives_up_what_is_only_being_planned(site: Site, tmp_path: Path) -> None:
    """A plan that reads a pipe lasts until somebody has written to it."""
    pipe, mark = tmp_path / "pipe", tmp_path / "mark"
    os.mkfifo(pipe)
    hcl = (
        f'resource "terraform_data" "x" {{\n  input = file("{pipe}")\n'
        f'  provisioner "local-exec" {{\n    command = "touch {mark}"\n  }}\n}}\n'
    )
    declared = configuration("x", hcl)
    site.lab.apply(declared)
    writer = site.lab.eventually("it is being planned", lambda: writing(pipe))
    declared["spec"]["hcl"] = 'resource "terraform_data" "x" {\n  input = "two"\n}\n'
    site.lab.apply(declared)
    pipe.unlink()  # who opens it again, finds a file
    pipe.touch()
    os.close(writer)
    site.reaches("x", "Available")
    found = site.state("x") or {}
    [made] = found["resources"][0]["instances"]
    assert made["attributes"]["input"]["value"] == "two"
    assert not mark.exists(), "the first text was brought though the second was there"
