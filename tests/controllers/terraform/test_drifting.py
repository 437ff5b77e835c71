"""What has changed behind Terraform's back is found on a schedule, and mended if that is safe."""

from __future__ import annotations

from pathlib import Path

from tests.controllers.terraform.sites import Site, configuration

EVERY = 0.03  # minutes


def hcl(field: str, file: Path) -> str:
    return f'resource "terraform_data" "x" {{\n  {field} = file("{file}")\n}}\n'


def recorded(site: Site, field: str) -> str:
    found = site.state("x") or {}
    return str(found["resources"][0]["instances"][0]["attributes"][field]["value"])


def test_drift_is_mended(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "real"
    file.write_text("as declared")
    site.restart(terraform_drift_minutes=EVERY)
    site.lab.apply(configuration("x", hcl("input", file)))
    site.reaches("x", "Available")
    file.write_text("changed")
    site.lab.eventually("it is mended", lambda: recorded(site, "input") == "changed")
    assert "--- check of generation 1" in site.log("x")
    changes = [{"address": "terraform_data.x", "action": "update"}]

    def told() -> bool:
        drift = site.get("x")["status"].get("drift") or {}
        return (drift.get("mended"), drift.get("changes")) == (True, changes)

    site.lab.eventually("it is told", told)


def test_drift_that_would_destroy_something_is_told(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "real"
    file.write_text("as declared")
    site.restart(terraform_drift_minutes=EVERY)
    site.lab.apply(configuration("x", hcl("triggers_replace", file)))
    site.reaches("x", "Available")
    file.write_text("changed")
    site.lab.eventually("told", lambda: "has drifted" in site.applied("x")["message"])
    assert site.applied("x")["message"].endswith("terraform_data.x (replace)")
    assert site.applied("x")["state"] == "Available"
    assert recorded(site, "triggers_replace") == "as declared"


def test_what_cannot_be_looked_at_is_still_there(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "real"
    file.write_text("as declared")
    site.restart(terraform_drift_minutes=EVERY)
    site.lab.apply(configuration("x", hcl("input", file)))
    site.reaches("x", "Available")
    file.unlink()
    site.lab.eventually("told", lambda: "look at it failed" in site.applied("x")["message"])
    assert site.applied("x")["state"] == "Available"
