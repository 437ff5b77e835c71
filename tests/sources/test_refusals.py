"""What goes wrong with sources: the code, and words that say what to do. Nothing bad is kept."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lateen.base.problem import Problem, Problems, every
from lateen.sources import archives, obtaining
from lateen.sources.obtaining import Sources
from lateen.sources.places import NOBODY, Source
from lateen.sources.storing import Store
from tests.sources import packing
from tests.sources.servers import Git, Pages, Registry

pytestmark = pytest.mark.anyio

Set = Callable[[Pages, Registry, Git], Source]


def _gone(pages: Pages, registry: Registry, repository: Git) -> Source:
    return Source("repository", "http://127.0.0.1:9", "demo")


def _down(pages: Pages, registry: Registry, repository: Git) -> Source:
    pages.down = True
    return Source("repository", pages.url, "demo")


def _unknown_chart(pages: Pages, registry: Registry, repository: Git) -> Source:
    pages.publish(packing.chart())
    return Source("repository", pages.url, "other")


def _unknown_version(pages: Pages, registry: Registry, repository: Git) -> Source:
    pages.publish(packing.chart())
    return Source("repository", pages.url, "demo", "^3.0.0")


def _no_range(pages: Pages, registry: Registry, repository: Git) -> Source:
    pages.publish(packing.chart())
    return Source("repository", pages.url, "demo", "newest please")


def _no_index(pages: Pages, registry: Registry, repository: Git) -> Source:
    pages.files["/index.yaml"] = b"<html>hello</html>"
    return Source("repository", pages.url, "demo")


def _no_tag(pages: Pages, registry: Registry, repository: Git) -> Source:
    return Source("oci", registry.url("demo"), version="1.0.0")


def _no_branch(pages: Pages, registry: Registry, repository: Git) -> Source:
    repository.commit({"a": "b"})
    return Source("git", repository.url, reference="branch:dev")


def _no_commit(pages: Pages, registry: Registry, repository: Git) -> Source:
    return Source("git", repository.url, reference="commit:abc")


def _no_git(pages: Pages, registry: Registry, repository: Git) -> Source:
    return Source("git", pages.url)


def _no_host(pages: Pages, registry: Registry, repository: Git) -> Source:
    return Source("git", "http://127.0.0.1:1/deploy.git")


def _ssh(pages: Pages, registry: Registry, repository: Git) -> Source:
    return Source("git", "ssh://git@127.0.0.1/x.git")


def _telnet(pages: Pages, registry: Registry, repository: Git) -> Source:
    return Source("git", "telnet://127.0.0.1/x.git")


def _no_path(pages: Pages, registry: Registry, repository: Git) -> Source:
    return Source("local", "/no/such/place")


@pytest.mark.parametrize(
    ("build", "code", "said"),
    [
        pytest.param(
            _gone,
            "source.unreachable",
            "cannot be reached: connection refused",
            id="nobody is there",
        ),
        pytest.param(_down, "source.unreachable", "answers 503", id="out of order"),
        pytest.param(_unknown_chart, "source.chart", "has no chart other", id="no such chart"),
        pytest.param(_unknown_version, "source.version", "there are 1.0.0", id="no such version"),
        pytest.param(_no_range, "source.range", "neither a version nor a range", id="no version"),
        pytest.param(
            _no_index, "source.index", "cannot be read", id="a web page instead of an index"
        ),
        pytest.param(_no_tag, "source.missing", "there is nothing at", id="no such tag"),
        pytest.param(_no_branch, "source.missing", "has no branch dev", id="no such branch"),
        pytest.param(_no_commit, "source.reference", "forty digits", id="half a commit"),
        pytest.param(_no_git, "source.missing", "no git repository", id="no git repository"),
        pytest.param(
            _no_host,
            "source.unreachable",
            "deploy.git cannot be fetched: Connection refused",
            id="nobody speaks git there",
        ),
        pytest.param(_ssh, "source.secret", "wants a key", id="git over ssh without a key"),
        pytest.param(_telnet, "source.address", "http and ssh only", id="git over something else"),
        pytest.param(_no_path, "source.missing", "no file or directory", id="no such path"),
    ],
)
async def test_a_source_that_is_not_there(
    sources: Sources,
    pages: Pages,
    registry: Registry,
    repository: Git,
    build: Set,
    code: str,
    said: str,
):
    with pytest.raises((Problem, Problems)) as failure:
        await sources.resolve(build(pages, registry, repository), NOBODY)
    [problem] = every(failure.value)  # type: ignore[arg-type]
    assert (problem.code, said in problem.message) == (code, True), problem.message


async def test_another_content_than_the_index_says(sources: Sources, pages: Pages):
    pages.publish(packing.chart(), digest="00" * 32)
    source = Source("repository", pages.url, "demo")
    pin = await sources.resolve(source, NOBODY)
    with pytest.raises(Problem, match="and not sha256:0000") as failure:
        await sources.chart(source, pin, NOBODY)
    assert failure.value.code == "source.digest"
    assert sources.store.find(pin.digest) is None


async def test_another_content_than_the_manifest_says(sources: Sources, registry: Registry):
    registry.push("demo", "1.0.0", packing.archive(packing.chart()))
    source = Source("oci", registry.url("demo"), version="1.0.0")
    pin = await sources.resolve(source, NOBODY)
    for digest in registry.blobs:
        if digest != pin.digest:
            registry.blobs[digest] = b"something else"
    with pytest.raises(Problem) as failure:
        await sources.chart(source, pin, NOBODY)
    assert failure.value.code == "source.digest"


async def test_a_pinned_digest_that_the_registry_does_not_keep(
    sources: Sources, registry: Registry
):
    registry.push("demo", "1.0.0", packing.archive(packing.chart()))
    wanted = f"sha256:{'0' * 64}"
    with pytest.raises(Problem) as failure:
        await sources.resolve(Source("oci", registry.url("demo"), version=wanted), NOBODY)
    assert failure.value.code == "source.missing"


async def test_paths_of_this_machine_have_to_be_allowed(tmp_path: Path):
    async with obtaining.sources(tmp_path / "kept", local=False) as closed:
        with pytest.raises(Problem) as failure:
            await closed.resolve(Source("local", str(tmp_path)), NOBODY)
    assert failure.value.code == "source.local"


def _tar(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, link
        tar.addfile(entry, io.BytesIO())
    return packed.getvalue()


def _zip(name: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as zipped:
        zipped.writestr(name, "text")
    return packed.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(_tar("../outside"), id="a tar file that leads out"),
        pytest.param(_tar("/etc/outside"), id="a tar file with an absolute path"),
        pytest.param(_zip("../outside"), id="a zip file that leads out"),
        pytest.param(b"no archive", id="text"),
        pytest.param(packing.archive({"a": "b"})[:-20], id="half an archive"),
    ],
)
def test_an_archive_that_is_not_unpacked(tmp_path: Path, content: bytes):
    with pytest.raises(Problem) as failure:
        archives.unpack(content, tmp_path / "inside", "it")
    assert failure.value.code == "source.archive"
    assert not (tmp_path / "outside").exists()


def test_links_are_left_out(tmp_path: Path):
    archives.unpack(_tar("link", tarfile.SYMTYPE, "/etc/passwd"), tmp_path / "inside", "it")
    assert list((tmp_path / "inside").iterdir()) == []


def test_what_was_not_used_for_longest_makes_room(tmp_path: Path):
    store = Store(tmp_path, most=250)
    first, one = store.keep_file(b"1" * 100)
    _, two = store.keep_file(b"2" * 100)
    import os

    os.utime(first, (1, 1))
    _, three = store.keep_file(b"3" * 100)
    assert [store.find(each) is not None for each in (one, two, three)] == [False, True, True]
