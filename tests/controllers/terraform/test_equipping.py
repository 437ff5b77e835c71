"""Settings of Terraform's command line that a Configuration brings."""

from __future__ import annotations

from typing import Any

import pytest

from tests.controllers.terraform.sites import Site, configuration

HCL = 'resource "terraform_data" "x" {\n  input = 1\n}\n'
LOGINS = "terraformCredentialsSecretReference"
HELPER = "terraformCredentialsHelperConfigMapReference"
RC = "terraformRCConfigMapReference"
TOKENS = '{"credentials": {"registry.example.com": {"token": "geheim-1234"}}}'


def secret(text: str) -> dict[str, Any]:
    meta = {"name": "logins"}
    data = {"credentials.tfrc.json": text}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": data}


def test_logins_of_registries_and_settings_are_terraforms(site: Site) -> None:
    site.lab.apply(secret(TOKENS))
    rc = 'host "registry.example.com" {\n  services = {}\n}\n'
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "rc"}}
    site.lab.apply({**config, "data": {".terraformrc": rc}})
    references = {LOGINS: {"name": "logins"}, RC: {"name": "rc"}, HELPER: {"name": "helper"}}
    site.lab.apply(configuration("x", HCL, **references))
    site.reaches("x", "Available")
    [written] = site.directory.glob("*.x.*/terraform.rc")
    assert written.read_text() == (
        f'{rc}\ncredentials "registry.example.com" {{\n  token = "geheim-1234"\n}}\n'
    )
    assert f"{HELPER} is not used" in site.log("x")
    assert "geheim" not in site.log("x")


@pytest.mark.parametrize(
    ("field", "text", "state", "said"),
    [
        pytest.param(
            LOGINS,
            "",
            "InvalidTerraformCredentialsSecretReference",
            "there is no Secret",
            id="no such Secret",
        ),
        pytest.param(
            LOGINS,
            "token",
            "InvalidTerraformCredentialsSecretReference",
            "the credentials are not of the form",
            id="no credentials",
        ),
        pytest.param(
            RC,
            "",
            "InvalidTerraformRCConfigMapReference",
            "there is no ConfigMap",
            id="no such ConfigMap",
        ),
    ],
)
def test_a_reference_to_nothing_is_said(
    site: Site, field: str, text: str, state: str, said: str
) -> None:
    if text:
        site.lab.apply(secret(text))
    site.lab.apply(configuration("x", HCL, **{field: {"name": "logins"}}))
    message = site.reaches("x", state)["message"]
    assert said in message
    assert f"spec.{field}" in message
