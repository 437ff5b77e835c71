"""A state that is lost is not taken for one of nothing: what was brought would be brought again,
and what is to be destroyed would stay.
"""

from __future__ import annotations

import shutil

from tests.controllers.terraform.sites import Site, configuration

NOTE = """\
variable "text" {
  type = string
}
resource "terraform_data" "note" {
  input = var.text
}
output "NOTE" {
  value = terraform_data.note.id
}
"""


def lose(site: Site) -> dict[str, object]:
    """The Secret is deleted, and the controllers go on where the directory of before is not."""
    site.stop()
    kept = site.lab.get("Secret", "tfstate-default-note")
    site.lab.delete("Secret", "tfstate-default-note")
    for each in site.directory.glob("*note*"):
        shutil.rmtree(each)
    site.start()
    return {key: kept[key] for key in ("apiVersion", "kind", "data")} | {
        "metadata": {key: kept["metadata"][key] for key in ("name", "labels", "annotations")}
    }


def brought(site: Site) -> str:
    site.lab.apply(configuration("note", NOTE, variable={"text": "one"}))
    return str(site.reaches("note", "Available")["outputs"]["NOTE"]["value"])


def test_nothing_is_brought_twice_and_it_goes_on_once_the_state_is_back(site: Site) -> None:
    first = brought(site)
    kept = lose(site)
    site.lab.apply(configuration("note", NOTE, variable={"text": "two"}))
    applied = site.reaches("note", "ConfigurationSpecNotValid")
    secret = f"the Secret {site.namespace}/tfstate-default-note"
    assert f"the state in {secret} is gone" in applied["message"]
    assert site.lab.find("Secret", "tfstate-default-note") is None
    site.lab.apply(kept)
    assert site.reaches("note", "Available")["outputs"]["NOTE"] == {"value": first}


def test_nothing_is_left_in_the_cloud_without_a_word(site: Site) -> None:
    brought(site)
    lose(site)
    site.lab.delete("Configuration", "note")

    def told() -> bool:
        destroy = (site.get("note").get("status") or {}).get("destroy") or {}
        return destroy.get("state") == "DestroyFailed" and "is gone" in destroy["message"]

    site.lab.eventually("told", told)
    site.lab.patch("Configuration", "note", {"spec": {"forceDelete": True}})
    site.lab.eventually("let go", lambda: site.lab.find("Configuration", "note") is None)
