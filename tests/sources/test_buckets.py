"""Files of a bucket, from a store that looks at signatures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lateen.base.problem import Problem
from lateen.sources import buckets
from lateen.sources.obtaining import Sources
from lateen.sources.places import NOBODY, Credentials, Source, credentials
from tests.controllers.terraform import skies
from tests.sources import packing

pytestmark = pytest.mark.anyio

POLICY = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
)


@dataclass(frozen=True)
class Bucket:
    """`access` is that of its owner."""

    source: Source
    access: Credentials
    client: Any

    def put(self, **files: str | bytes) -> None:
        for path, content in files.items():
            self.client.put_object(Bucket="shop", Key=path.replace("__", "/"), Body=content)


@pytest.fixture(scope="module")
def sky(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    """A bucket in a cloud that lets nobody in but its owner."""
    with skies.sky(tmp_path_factory.mktemp("sky") / "log") as found:
        people = found.client("iam")
        people.create_user(UserName="ann")
        people.put_user_policy(UserName="ann", PolicyName="all", PolicyDocument=POLICY)
        key = people.create_access_key(UserName="ann")["AccessKey"]
        found.client("s3").create_bucket(Bucket="shop")
        secret = {"accesskey": key["AccessKeyId"], "secretkey": key["SecretAccessKey"]}
        access = credentials({"metadata": {"name": "key"}, "stringData": secret})
        found.trust(everybody=False)
        mine = found.client("s3", access.username, access.password)
        yield Bucket(Source("bucket", f"{found.url}/shop"), access, mine)


@pytest.fixture
def bucket(sky: Bucket) -> Bucket:
    for each in sky.client.list_objects_v2(Bucket="shop").get("Contents") or ():
        sky.client.delete_object(Bucket="shop", Key=each["Key"])
    return sky


async def test_files_are_fetched_and_a_change_is_seen(sources: Sources, bucket: Bucket):
    bucket.put(**{"deploy__a b+c.yaml": "a: 1\n", "deploy__more__\u00e9.yaml": "b: 2\n"})
    pin = await sources.resolve(bucket.source, bucket.access)
    tree = await sources.tree(bucket.source, pin, bucket.access)
    found = {str(p.relative_to(tree)): p.read_text() for p in tree.rglob("*.yaml")}
    assert found == {"deploy/a b+c.yaml": "a: 1\n", "deploy/more/\u00e9.yaml": "b: 2\n"}
    assert await sources.resolve(bucket.source, bucket.access) == pin
    bucket.put(**{"deploy__a b+c.yaml": "a: 2\n"})
    assert await sources.resolve(bucket.source, bucket.access) != pin


@pytest.mark.parametrize("packed", [pytest.param(True, id="packed"), pytest.param(False, id="not")])
async def test_a_chart(sources: Sources, bucket: Bucket, packed: bool):
    files = packing.chart()
    if packed:
        bucket.put(charts__demo=packing.archive(files))
    else:
        bucket.put(**{f"charts/demo/{name}": text for name, text in files.items()})
    source = replace(bucket.source, name="charts/demo")
    pin = await sources.resolve(source, bucket.access)
    root = await sources.chart(source, pin, bucket.access)
    asked = {"path": str(root / source.name), "values": {}, "name": "web", "namespace": "default"}
    [found] = (await sources.renderer.chart(asked, "the chart", key=pin.digest))["objects"]
    assert found["object"]["metadata"]["name"] == "web-config"


async def test_a_bucket_that_changes_while_it_is_fetched(sources: Sources, bucket: Bucket):
    bucket.put(a="1")
    pin = await sources.resolve(bucket.source, bucket.access)
    bucket.put(a="2")
    with pytest.raises(Problem) as caught:
        await sources.tree(bucket.source, pin, bucket.access)
    assert caught.value.code == "source.digest"


async def test_who_signs_with_another_key(sources: Sources, bucket: Bucket):
    with pytest.raises(Problem) as caught:
        await sources.resolve(bucket.source, replace(bucket.access, password="another"))
    assert caught.value.code == "source.refused"


async def test_a_bucket_that_is_not_there(sources: Sources, bucket: Bucket):
    source = Source("bucket", bucket.source.url.replace("/shop", "/nothing"))
    with pytest.raises(Problem) as caught:
        await sources.resolve(source, bucket.access)
    assert caught.value.code == "source.missing"


def test_nobody_signs_nothing(tmp_path: Path):
    assert buckets.signed("https://a/b", NOBODY, "us-east-1", datetime.now(UTC)) == {}
