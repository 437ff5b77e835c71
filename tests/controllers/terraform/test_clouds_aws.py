"""A bucket of AWS, by the real provider."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.controllers.terraform import skies
from tests.controllers.terraform.sites import API, Site, configuration

HCL = """\
resource "aws_s3_bucket" "this" {
  bucket = "lateen-bucket"
}
"""


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_cloud_that_does_not_let_us_in_is_tried_again(site: Site, tmp_path: Path) -> None:
    site.restart(terraform_rc=str(skies.mirror(tmp_path)))
    login = {"awsAccessKeyID": "wrong", "awsSecretAccessKey": "guess-5678"}
    text = "\n".join(f"{name}: {value}" for name, value in login.items())
    ref = {"namespace": site.namespace, "name": "login", "key": "aws"}
    site.lab.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "login"},
            "stringData": {"aws": text},
        }
    )
    site.lab.apply(
        {
            "apiVersion": f"{API}/v1beta1",
            "kind": "Provider",
            "metadata": {"name": "aws"},
            "spec": {
                "provider": "aws",
                "region": "eu-west-1",
                "credentials": {"source": "Secret", "secretRef": ref},
            },
        }
    )
    with skies.sky(tmp_path / "moto.log") as sky:
        sky.trust(everybody=False)
        provider = {"name": "aws", "namespace": site.namespace}
        site.lab.apply(configuration("x", sky.storage + HCL, providerRef=provider))
        applied = site.reaches("x", "ApplyFailed", 120)
        assert "sts:GetCallerIdentity" in applied["message"]
        assert "403" in applied["message"]
        assert "guess-5678" not in f"{applied} {site.log('x')}"
        sky.trust(everybody=True)
        assert site.reaches("x", "Available", 120)["region"] == "eu-west-1"
        [bucket] = sky.client("s3").list_buckets()["Buckets"]
        assert bucket["Name"] == "lateen-bucket"
        site.lab.delete("Configuration", "x")
        site.lab.eventually("gone", lambda: site.lab.find("Configuration", "x") is None, 120)
        assert sky.client("s3").list_buckets()["Buckets"] == []
