"""Nothing is forgotten, whatever is killed in the middle of an apply."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.controllers.terraform.sites import Site, configuration

# `first` is there at once, `second` when somebody has made the file
HCL = """\
resource "terraform_data" "first" {
  input = "a"
}
resource "terraform_data" "second" {
  input = terraform_data.first.output
  provisioner "local-exec" {
    command = "until [ -e %s ]; do sleep 0.1; done"
  }
}
"""


@contextmanager
def controller(site: Site) -> Iterator[subprocess.Popen[bytes]]:
    program = Path(__file__).with_name("alone.py")
    kubeconfig = site.lab.plane.kube.kubeconfig
    with subprocess.Popen([sys.executable, program, kubeconfig, site.directory]) as process:
        try:
            yield process
        finally:
            process.kill()


def instances(site: Site) -> dict[str, Any]:
    """Ids of what Terraform remembers, by name."""
    found = site.state("pair") or {}
    return {
        each["name"]: each["instances"][0]["attributes"]["id"]
        for each in found.get("resources", ())
        if each["instances"]
    }


def runs(directory: Path) -> list[int]:
    """Processes of Terraform that work below a directory."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            here = (entry / "cwd").readlink()
            if here.is_relative_to(directory) and b"leash.py" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


def controller_only(process: subprocess.Popen[bytes], directory: Path) -> None:
    process.kill()


def terraform_only(process: subprocess.Popen[bytes], directory: Path) -> None:
    for each in runs(directory):
        os.kill(each, signal.SIGKILL)


def both(process: subprocess.Popen[bytes], directory: Path) -> None:
    process.kill()
    terraform_only(process, directory)


def the_machine(process: subprocess.Popen[bytes], directory: Path) -> None:
    both(process, directory)
    for each in directory.glob("*.pair.*"):
        shutil.rmtree(each, ignore_errors=True)


@pytest.mark.parametrize("kill", [controller_only, terraform_only, both, the_machine])
def test_what_was_brought_is_not_brought_again(
    site: Site, tmp_path: Path, kill: Callable[[subprocess.Popen[bytes], Path], None]
) -> None:
    site.stop()
    flag = tmp_path / "flag"
    site.lab.apply(configuration("pair", HCL % flag))
    with controller(site) as process:
        site.lab.eventually("the first is kept", lambda: "first" in instances(site))
        before = instances(site)["first"]
        kill(process, site.directory)
        site.lab.eventually("no run is left", lambda: not runs(site.directory))
    flag.touch()
    with controller(site):
        site.reaches("pair", "Available")
    after = instances(site)
    assert after["first"] == before
    assert set(after) == {"first", "second"}
