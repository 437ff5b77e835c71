"""A changed backend: the state goes along, or nothing is done."""

from __future__ import annotations

import pytest

from lateen.api.configuration import Configuration
from lateen.controllers.terraform.workspaces import Backend
from tests.controllers.terraform.sites import Site, configuration

HCL = 'resource "terraform_data" "x" {\n  input = 1\n}\n'
S3 = {"backendType": "s3", "s3": {"region": "eu", "bucket": "b", "key": "k"}}


def line(site: Site, name: str) -> str:
    return str((site.state(name) or {}).get("lineage"))


def test_a_state_moves_to_another_secret_and_is_destroyed_from_there(site: Site) -> None:
    site.lab.apply(configuration("x", HCL))
    site.reaches("x", "Available")
    before = line(site, "x")
    site.lab.apply(configuration("x", HCL, backend={"secretSuffix": "other"}))
    site.lab.eventually("it has moved", lambda: line(site, "other") == before)
    site.reaches("x", "Available")
    assert site.resources("other") == {"terraform_data.x"}
    site.lab.eventually("not there any more", lambda: site.state("x") is None)
    site.lab.delete("Configuration", "x")
    site.lab.eventually("gone", lambda: site.lab.find("Configuration", "x") is None)
    assert site.state("other") is None


def test_a_state_of_something_else_is_not_overwritten(site: Site) -> None:
    for name in ("x", "y"):
        site.lab.apply(configuration(name, HCL))
    kept = [site.reaches(name, "Available") and line(site, name) for name in ("x", "y")]
    site.lab.apply(configuration("x", HCL, backend={"secretSuffix": "y"}))
    said = site.reaches("x", "ConfigurationSpecNotValid")["message"]
    assert "tfstate-default-y has the state of something else already" in said
    assert [line(site, name) for name in ("x", "y")] == kept


def test_another_kind_of_backend_is_refused_with_the_way_to_it(site: Site) -> None:
    site.lab.apply(configuration("x", HCL))
    site.reaches("x", "Available")
    site.lab.apply(configuration("x", HCL, backend=S3))
    said = site.reaches("x", "ConfigurationSpecNotValid")["message"]
    assert f"the state is in the Secret {site.namespace}/tfstate-default-x" in said
    assert "the backend s3" in said
    assert site.resources("x") == {"terraform_data.x"}
    site.lab.apply(configuration("x", HCL))
    site.reaches("x", "Available")


INLINE = """\
terraform {
  backend "s3" {
    bucket     = "%s"
    access_key = "%s"
  }
}
"""


@pytest.mark.parametrize(
    ("bucket", "login", "same"),
    [
        pytest.param("b", "new", True, id="another login"),
        pytest.param("c", "old", False, id="another bucket"),
    ],
)
def test_what_another_backend_is(bucket: str, login: str, same: bool) -> None:
    def named(*given: str) -> str:
        meta = {"name": "x", "namespace": "ns"}
        raw = {"metadata": meta, "spec": {"backend": {"inline": INLINE % given}}}
        return Backend.of(Configuration(raw)).name

    assert (named(bucket, login) == named("b", "old")) is same
    assert "old" not in named("b", "old")
