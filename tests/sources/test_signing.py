"""Charts that have to be signed: by whom, in a repository and in a registry."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lateen.base.problem import Problem, Problems, every
from lateen.sources.obtaining import Sources
from lateen.sources.places import NOBODY, Credentials, Source
from tests.sources import packing
from tests.sources.servers import CHART, Pages, Registry
from tests.sources.signing import Author

pytestmark = pytest.mark.anyio

FILES = packing.chart()
NAME = "demo-1.0.0.tgz"
SIGNATURE = "application/vnd.cncf.helm.chart.provenance.v1.prov"


@pytest.fixture(scope="module")
def author() -> Author:
    return Author("ann")


def knowing(*authors: Author) -> Credentials:
    return replace(NOBODY, keyring=b"".join(each.keyring for each in authors))


async def refusal(sources: Sources, source: Source, access: Credentials) -> Problem:
    pin = await sources.resolve(source, access)
    try:
        await sources.chart(source, pin, access)
    except (Problem, Problems) as error:
        [found] = every(error)
        return found
    raise AssertionError("it is not refused")


async def test_a_signed_chart_of_a_repository(sources: Sources, pages: Pages, author: Author):
    pages.publish(FILES)
    archive = pages.files[f"/{NAME}"]
    pages.files[f"/{NAME}.prov"] = author.provenance(FILES, archive, NAME)
    source, access = Source("repository", pages.url, "demo", "1.0.0"), knowing(Author("b"), author)
    pin = await sources.resolve(source, access)
    assert (await sources.chart(source, pin, access)).read_bytes() == archive
    strangers = await refusal(sources, source, knowing(Author("eve")))
    assert strangers.code == "source.signature"


async def test_a_signed_chart_of_a_registry(sources: Sources, registry: Registry, author: Author):
    archive = packing.archive(FILES)
    signature = author.provenance(FILES, archive, NAME)
    layer = {SIGNATURE.replace("/", "_"): signature}
    registry.push("charts/demo", "1.0.0", archive, CHART, **layer)
    source, access = Source("oci", registry.url("charts/demo"), version="1.0.0"), knowing(author)
    pin = await sources.resolve(source, access)
    assert (await sources.chart(source, pin, access)).read_bytes() == archive


async def test_an_archive_that_is_not_the_signed_one(
    sources: Sources, pages: Pages, author: Author
):
    pages.publish(FILES)
    other = packing.archive(FILES | {"values.yaml": "greeting: evil\n"})
    pages.files[f"/{NAME}.prov"] = author.provenance(FILES, other, NAME)
    found = await refusal(
        sources, Source("repository", pages.url, "demo", "1.0.0"), knowing(author)
    )
    assert (found.code, "is not what was signed" in found.message) == ("source.signature", True)


@pytest.mark.parametrize(
    ("signature", "said"),
    [
        pytest.param(None, "is not signed", id="no signature"),
        pytest.param(b"nothing of the kind", "is not what was signed", id="no provenance file"),
    ],
)
async def test_a_chart_that_is_not_signed(
    sources: Sources, pages: Pages, author: Author, signature: bytes | None, said: str
):
    pages.publish(FILES)
    if signature is not None:
        pages.files[f"/{NAME}.prov"] = signature
    source = Source("repository", pages.url, "demo", "1.0.0")
    found = await refusal(sources, source, knowing(author))
    assert (found.code, said in found.message) == ("source.signature", True)


async def test_keys_that_are_none(sources: Sources, pages: Pages, author: Author):
    pages.publish(FILES)
    signature = author.provenance(FILES, pages.files[f"/{NAME}"], NAME)
    pages.files[f"/{NAME}.prov"] = signature
    source = Source("repository", pages.url, "demo", "1.0.0")
    found = await refusal(sources, source, replace(NOBODY, keyring=b"no keys"))
    assert found.code == "source.keyring"
