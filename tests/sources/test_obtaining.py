"""Sources of every kind: which version a wish leads to, and what is fetched of it."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from lateen.base.problem import Problem
from lateen.sources.obtaining import Sources
from lateen.sources.places import NOBODY, Credentials, Source
from tests.sources import packing
from tests.sources.servers import Git, Pages, Registry

pytestmark = pytest.mark.anyio

VERSIONS = ("1.0.0", "1.2.0", "1.10.0", "2.0.0", "2.1.0-rc.1")
RANGES = [
    pytest.param("1.2.0", "1.2.0", id="a version is that version"),
    pytest.param("", "2.0.0", id="nothing is the newest that is no preview"),
    pytest.param("latest", "2.0.0", id="latest is the newest that is no preview"),
    pytest.param("*", "2.0.0", id="any is the newest that is no preview"),
    pytest.param("^1.0.0", "1.10.0", id="numbers are compared as numbers"),
    pytest.param(">=1.0.0, <1.5.0", "1.2.0", id="several limits"),
    pytest.param("~1.2.0 || ~2.0.0", "2.0.0", id="one or the other"),
    pytest.param("2.1.0-rc.1", "2.1.0-rc.1", id="a preview by its name"),
]


@pytest.mark.parametrize(("wanted", "expected"), RANGES)
async def test_a_version_of_a_repository(
    sources: Sources, pages: Pages, wanted: str, expected: str
):
    for version in VERSIONS:
        pages.publish(packing.chart(version=version))
    source = Source("repository", pages.url, "demo", wanted)
    pin = await sources.resolve(source, NOBODY)
    assert pin.revision == expected
    assert f"version: {expected}" in _chart_yaml(await sources.chart(source, pin, NOBODY))


@pytest.mark.parametrize(("wanted", "expected"), RANGES)
async def test_a_version_of_a_registry(
    sources: Sources, registry: Registry, wanted: str, expected: str
):
    for version in VERSIONS:
        content = packing.archive(packing.chart(version=version))
        registry.push("charts/demo", version, content)
    source = Source("oci", registry.url("charts/demo"), version=wanted)
    pin = await sources.resolve(source, NOBODY)
    assert (pin.revision, pin.digest) == (expected, registry.tags["charts/demo"][expected])
    assert f"version: {expected}" in _chart_yaml(await sources.chart(source, pin, NOBODY))


async def test_a_plus_in_a_version_is_an_underscore_in_a_tag(sources: Sources, registry: Registry):
    registry.push("demo", "1.0.0_build.5", packing.archive(packing.chart()))
    pin = await sources.resolve(
        Source("oci", registry.url("demo"), version="1.0.0+build.5"), NOBODY
    )
    assert pin.address == "1.0.0_build.5"


async def test_what_is_kept_is_not_fetched_again(sources: Sources, registry: Registry):
    registry.push("demo", "1.0.0", packing.archive(packing.chart()))
    source = Source("oci", registry.url("demo"), version="1.0.0")
    pin = await sources.resolve(source, NOBODY)
    first = await sources.chart(source, pin, NOBODY)
    registry.down = True
    assert _chart_yaml(await sources.chart(source, pin, NOBODY)) == _chart_yaml(first)


async def test_an_archive_by_its_address(sources: Sources, pages: Pages):
    pages.files["/files/demo.tgz"] = packing.archive(packing.chart())
    source = Source("archive", f"{pages.url}/files/demo.tgz")
    pin = await sources.resolve(source, NOBODY)
    assert pin.digest.startswith("sha256:")
    assert "name: demo" in _chart_yaml(await sources.chart(source, pin, NOBODY))


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        pytest.param("", "new", id="what the repository shows first"),
        pytest.param("branch:main", "new", id="a branch"),
        pytest.param("tag:v1.0.0", "old", id="a tag"),
        pytest.param("semver:~1.0.0", "middle", id="the highest tag in a range"),
        pytest.param("name:refs/tags/v1.0.1", "middle", id="a name"),
        pytest.param("commit:OLD", "old", id="a commit"),
    ],
)
async def test_a_reference_of_git(sources: Sources, repository: Git, reference: str, expected: str):
    old = repository.commit({"a/word.txt": "old"}, tag="v1.0.0")
    repository.commit({"a/word.txt": "middle"}, tag="v1.0.1")
    repository.commit({"a/word.txt": "new"})
    source = Source("git", repository.url, reference=reference.replace("OLD", old))
    pin = await sources.resolve(source, NOBODY)
    tree = await sources.tree(source, pin, NOBODY)
    assert (tree / "a" / "word.txt").read_text() == expected
    assert not (tree / ".git").exists()


async def test_a_directory_of_this_machine(sources: Sources, tmp_path: Path):
    home = tmp_path / "manifests"
    home.mkdir()
    (home / "a.yaml").write_text("a: 1")
    source = Source("local", str(home))
    before = await sources.resolve(source, NOBODY)
    assert await sources.tree(source, before, NOBODY) == home
    (home / "a.yaml").write_text("a: 2")
    assert (await sources.resolve(source, NOBODY)).digest != before.digest


@pytest.mark.parametrize(
    ("user", "access", "hint"),
    [
        pytest.param("", NOBODY, None, id="everybody may"),
        pytest.param("ann:pw", Credentials(username="ann", password="pw"), None, id="who is known"),
        pytest.param("ann:pw", NOBODY, "name a Secret with credentials", id="nobody in particular"),
        pytest.param(
            "ann:pw",
            Credentials(username="ann", password="no"),
            "look at the Secret they come from",
            id="a wrong password",
        ),
    ],
)
@pytest.mark.parametrize("kind", ["oci", "repository"])
async def test_credentials(
    sources: Sources,
    registry: Registry,
    pages: Pages,
    kind: str,
    user: str,
    access: Credentials,
    hint: str | None,
):
    registry.push("demo", "1.0.0", packing.archive(packing.chart()))
    pages.publish(packing.chart())
    registry.user = pages.user = user
    source = Source("oci", registry.url("demo"), version="1.0.0")
    if kind == "repository":
        source = Source("repository", pages.url, "demo", "1.0.0")
    if hint is None:
        pin = await sources.resolve(source, access)
        assert "name: demo" in _chart_yaml(await sources.chart(source, pin, access))
        return
    with pytest.raises(Problem) as failure:
        await sources.resolve(source, access)
    assert (failure.value.code, failure.value.hint) == ("source.refused", hint)
    assert "pw" not in str(failure.value)


async def test_the_users_of_a_docker_configuration_count_for_their_host(
    sources: Sources, registry: Registry
):
    registry.user = "ann:pw"
    registry.push("demo", "1.0.0", packing.archive(packing.chart()))
    access = Credentials(entries=(("elsewhere", "x", "y"), (registry.host, "ann", "pw")))
    source = Source("oci", registry.url("demo"), version="1.0.0")
    assert (await sources.resolve(source, access)).revision == "1.0.0"


def _chart_yaml(path: Path) -> str:
    with tarfile.open(path) as tar:
        content = tar.extractfile("demo/Chart.yaml")
        assert content is not None
        return content.read().decode()
