"""Modules that come from git: which commit is taken, and what is said where there is none."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.controllers.terraform.sites import API, Site
from tests.sources import servers
from tests.sources.servers import Git, Pages

MODULE = """\
variable "text" {
  type = string
}
module "deep" {
  source = "../shared"
  text   = var.text
}
output "NOTE" {
  value = "%s ${module.deep.said}"
}
"""
SHARED = """\
variable "text" {}
resource "terraform_data" "x" {
  input = var.text
}
output "said" {
  value = terraform_data.x.output
}
"""


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Git]:
    with servers.git(tmp_path / "repository") as served:
        yield served


def configuration(url: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": f"{API}/v1beta2",
        "kind": "Configuration",
        "metadata": {"name": "x"},
        "spec": {"remote": url, "path": "note", "variable": {"text": "hello"}, **spec},
    }


def files(word: str) -> dict[str, str | None]:
    return {"note/main.tf": MODULE % word, "shared/main.tf": SHARED, "README": "no module"}


def note(applied: dict[str, Any]) -> str:
    return str(applied["outputs"]["NOTE"]["value"])


def test_a_directory_of_a_repository_is_brought_and_changed_by_an_edit_only(
    site: Site, repository: Git
) -> None:
    first = repository.commit(files("first"), tag="v1")
    site.restart(terraform_drift_minutes=0.03)
    site.lab.apply(configuration(repository.url))
    assert note(site.reaches("x", "Available")) == "first hello"
    assert site.get("x")["status"]["module"]["digest"] == f"sha1:{first}"

    repository.commit(files("second"))
    looks = site.log("x").count("--- check")
    site.lab.eventually("it is looked at", lambda: site.log("x").count("--- check") > looks + 1)
    assert note(site.applied("x")) == "first hello"

    site.lab.apply(configuration(repository.url, variable={"text": "you"}))
    site.lab.eventually("changed", lambda: note(site.applied("x")) == "second you")
    site.lab.apply(configuration(repository.url, gitRef={"tag": "v1"}))
    site.lab.eventually("back", lambda: note(site.applied("x")) == "first hello")


FAREWELL = """\
resource "terraform_data" "x" {
  provisioner "local-exec" {
    when    = destroy
    command = "touch %s"
  }
}
"""


def test_what_it_brought_is_destroyed_when_the_repository_is_gone(
    site: Site, tmp_path: Path
) -> None:
    farewell = tmp_path / "destroyed"
    with servers.git(tmp_path / "repository") as repository:
        repository.commit({"main.tf": FAREWELL % farewell})
        site.lab.apply(configuration(repository.url, path="", variable={}))
        site.reaches("x", "Available")
    site.lab.delete("Configuration", "x")
    site.lab.eventually("gone", lambda: site.lab.find("Configuration", "x") is None)
    assert farewell.exists()


@pytest.mark.parametrize(
    ("spec", "state", "said"),
    [
        pytest.param(
            {"gitRef": {"branch": "nowhere"}},
            "TerraformInitError",
            "has no branch nowhere",
            id="no such branch",
        ),
        pytest.param(
            {"path": "shred"},
            "TerraformInitError",
            "spec.path: there is no Terraform module in shred of http://",
            id="no such directory",
        ),
        pytest.param(
            {"path": "../etc"},
            "ConfigurationSpecNotValid",
            "spec.path: the directory ../etc is not in the repository",
            id="a directory outside",
        ),
        pytest.param(
            {"remote": "ftp://127.0.0.1/x.git"},
            "ConfigurationSpecNotValid",
            "spec.remote: ftp://127.0.0.1/x.git is not fetched",
            id="by FTP",
        ),
        pytest.param(
            {"gitCredentialsSecretReference": {"name": "nobody"}},
            "InvalidGitCredentialsSecretReference",
            "there is no Secret",
            id="no such Secret",
        ),
    ],
)
def test_what_cannot_be_fetched_is_said(
    site: Site, repository: Git, spec: dict[str, Any], state: str, said: str
) -> None:
    repository.commit(files("first"))
    site.lab.apply(configuration(repository.url, **spec))
    assert said in site.reaches("x", state)["message"]


def test_credentials_open_a_repository(site: Site) -> None:
    """Who serves it does not speak git: what counts is with whose name it is asked."""
    with servers.serving(Pages(user="ann:geheim")) as closed:
        ref = {"gitCredentialsSecretReference": {"name": "git"}}
        data = {"username": "ann", "password": "wrong"}
        site.lab.apply(secret(data))
        site.lab.apply(configuration(f"{closed.url}/x.git", **ref))
        refused = site.reaches("x", "TerraformInitError", 60)["message"]
        assert "does not accept these credentials" in refused
        site.lab.apply(secret({**data, "password": "geheim"}))

        def let_in() -> bool:
            return "does not accept" not in site.applied("x")["message"]

        site.lab.eventually("let in", let_in)


def secret(data: dict[str, str]) -> dict[str, Any]:
    packed = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "git"}, "data": packed}
