"""A cloud that is away when something is to be destroyed: it is waited for, and nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests import faults
from tests.controllers.terraform import skies
from tests.controllers.terraform.sites import API, Site, configuration

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]

LONG = 200.0  # seconds; a process of Terraform and one of the provider for each attempt
BUCKET = 'resource "aws_s3_bucket" "this" {\n  bucket = "lateen-away"\n}\n'
BUCKET += 'output "BUCKET" {\n  value = aws_s3_bucket.this.id\n}\n'


@pytest.fixture
def bucket(site: Site, tmp_path: Path) -> Iterator[tuple[skies.Sky, faults.Proxy]]:
    """A bucket in a cloud behind a proxy: the cloud itself, and the way there."""
    with skies.sky(tmp_path / "moto.log") as sky:
        way = faults.Proxy(int(sky.url.rpartition(":")[2]))
        with site.lab.plane.kube.portal.wrap_async_context_manager(way):
            site.restart(terraform_rc=str(skies.mirror(tmp_path)))
            far = replace(sky, url=f"http://127.0.0.1:{way.port}")
            log_in(site, "right-5678")
            spec = {
                "providerRef": {"name": "aws", "namespace": site.namespace},
                "writeConnectionSecretToRef": {"name": "conn"},
            }
            site.lab.apply(configuration("x", far.storage + BUCKET, **spec))
            site.reaches("x", "Available", LONG)
            yield sky, way
            site.stop()  # what still runs needs the way


def log_in(site: Site, password: str) -> None:
    ref = {"namespace": site.namespace, "name": "login", "key": "aws"}
    text = f"awsAccessKeyID: somebody\nawsSecretAccessKey: {password}"
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}}
    site.lab.apply({**secret, "stringData": {"aws": text}})
    login = {"source": "Secret", "secretRef": ref}
    spec = {"provider": "aws", "region": "us-east-1", "credentials": login}
    head = {"apiVersion": f"{API}/v1beta1", "kind": "Provider", "metadata": {"name": "aws"}}
    site.lab.apply({**head, "spec": spec})


def told(site: Site, *said: str) -> str:
    """What is said of the deletion, once all of that is said."""

    def there() -> str:
        destroy: dict[str, Any] = (site.get("x").get("status") or {}).get("destroy") or {}
        message = str(destroy.get("message") or "")
        failed = destroy.get("state") == "DestroyFailed"
        return message if failed and all(each in message for each in said) else ""

    return site.lab.eventually(f"it says {said}", there, LONG)


def test_it_is_destroyed_when_the_cloud_is_back(
    site: Site, bucket: tuple[skies.Sky, faults.Proxy]
) -> None:
    sky, way = bucket
    portal = site.lab.plane.kube.portal

    portal.call(reset, way)
    site.lab.delete("Configuration", "x")
    told(site, "sts:GetCallerIdentity", "connection reset", "It is tried again at 20")

    portal.call(swallow, way)
    site.restart(terraform_minutes=0.2)
    told(site, "destroy was interrupted after 0.2 minutes", "It is tried again at 20")

    sky.trust(everybody=False)
    portal.call(mend, way)
    site.restart(terraform_minutes=60)
    said = told(site, "sts:GetCallerIdentity", "403", "It is tried again at 20")
    assert "right-5678" not in said + site.log("x")
    assert site.resources("x") == {"aws_s3_bucket.this"}
    assert site.secret("conn") == {"BUCKET": b"lateen-away"}

    sky.trust(everybody=True)
    site.lab.eventually("gone", lambda: site.lab.find("Configuration", "x") is None, LONG)
    assert sky.client("s3").list_buckets()["Buckets"] == []
    assert (site.secret("conn"), site.secret("tfstate-default-x")) == (None, None)


async def reset(way: faults.Proxy) -> None:
    way.reset()


async def swallow(way: faults.Proxy) -> None:
    way.mend()
    way.silent = True


async def mend(way: faults.Proxy) -> None:
    way.mend()
