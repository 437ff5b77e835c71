"""What a chart depends on and does not bring is fetched, as `helm dependency build` does."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from lateen.base.problem import Problem, Problems, every
from lateen.sources import depending
from lateen.sources.obtaining import Sources
from lateen.sources.places import NOBODY, Credentials, Source
from tests.controllers.charts import written
from tests.sources import packing
from tests.sources.servers import Git, Pages, Registry

pytestmark = pytest.mark.anyio


def needing(repository: str, version: str = "^1.0.0", name: str = "small") -> packing.Files:
    """A chart that depends on another one."""
    entry = f"- {{name: {name}, version: {version}, repository: {repository}}}\n"
    return packing.chart(extra=f"dependencies:\n{entry}")


def lock(repository: str, version: str, wanted: str = "^1.0.0") -> str:
    """The Chart.lock of such a chart, with the digest that Helm gives it."""
    first, second = (
        [{"name": "small", "version": each, "repository": repository}] for each in (wanted, version)
    )
    digest = hashlib.sha256(json.dumps([first, second], separators=(",", ":")).encode())
    return (
        f"dependencies:\n- {{name: small, version: {version}, repository: {repository}}}\n"
        f"digest: sha256:{digest.hexdigest()}\ngenerated: 2026-01-01T00:00:00Z\n"
    )


async def completed(sources: Sources, source: Source, directory: str = "") -> Path:
    pin = await sources.resolve(source, NOBODY)
    root = await sources.chart(source, pin, NOBODY)
    chart = root / directory if directory else root
    parts = await sources.needs(source, chart, NOBODY)
    return await sources.completed(source, pin, root, chart, parts, NOBODY)


async def objects(sources: Sources, chart: Path, **values: object) -> set[str]:
    asked = {"path": str(chart), "values": values, "name": "web", "namespace": "default"}
    found = await sources.renderer.chart(asked, "the chart", key=str(chart))
    return {each["object"]["metadata"]["name"] for each in found["objects"]}


def small(version: str) -> packing.Files:
    name = f"{{{{ .Release.Name }}}}-small-{version}"
    text = packing.CONFIG.replace("{{ .Release.Name }}-config", name)
    return packing.chart("small", version) | {"templates/config.yaml": text}


async def refusal(sources: Sources, source: Source) -> Problem:
    try:
        await completed(sources, source)
    except (Problem, Problems) as error:
        [found] = every(error)
        return found
    raise AssertionError("it is not refused")


async def test_the_highest_in_the_range_from_a_repository(
    sources: Sources, pages: Pages, tmp_path: Path
):
    for version in ("1.0.0", "1.1.0", "2.0.0"):
        pages.publish(small(version))
    place = written(tmp_path / "demo", needing(pages.url))
    chart = await completed(sources, Source("local", place))
    assert await objects(sources, chart) == {"web-config", "web-small-1.1.0"}


async def test_the_locked_one(sources: Sources, pages: Pages, tmp_path: Path):
    for version in ("1.0.0", "1.1.0"):
        pages.publish(small(version))
    files = needing(pages.url) | {"Chart.lock": lock(pages.url, "1.0.0")}
    chart = await completed(sources, Source("local", written(tmp_path / "demo", files)))
    assert await objects(sources, chart) == {"web-config", "web-small-1.0.0"}


async def test_of_a_registry_for_a_chart_in_git(
    sources: Sources, registry: Registry, repository: Git
):
    registry.push("charts/small", "1.0.0", packing.archive(small("1.0.0"), "small"))
    files = needing(registry.url("charts"))
    repository.commit({f"deploy/demo/{name}": text for name, text in files.items()})
    source = Source("git", repository.url, "deploy/demo", reference="branch:main")
    chart = await completed(sources, source, "deploy/demo")
    assert await objects(sources, chart) == {"web-config", "web-small-1.0.0"}


async def test_a_neighbour_in_the_same_repository(sources: Sources, repository: Git):
    files = {f"demo/{name}": text for name, text in needing("file://../small").items()}
    repository.commit(files | {f"small/{name}": text for name, text in small("1.0.0").items()})
    source = Source("git", repository.url, "demo", reference="branch:main")
    chart = await completed(sources, source, "demo")
    assert await objects(sources, chart) == {"web-config", "web-small-1.0.0"}


async def test_what_is_there_is_not_fetched(sources: Sources, pages: Pages, tmp_path: Path):
    files = needing(pages.url) | {f"charts/small/{k}": v for k, v in small("1.0.0").items()}
    place = written(tmp_path / "demo", files)
    assert await sources.needs(Source("local", place), Path(place), NOBODY) == []
    assert pages.asked == []


DEPENDENCIES = """\
dependencies:
- {name: small, version: ^1.0.0, repository: REPOSITORY, condition: small.enabled, tags: [extra]}
- {name: small, version: ^1.0.0, repository: REPOSITORY, alias: other}
- {name: small, version: ^2.0.0, repository: REPOSITORY, alias: newer, tags: [extra]}
"""


def aliased(version: str) -> packing.Files:
    """A chart whose object tells under which name it takes part."""
    text = packing.CONFIG.replace("-config", f"-{{{{ .Chart.Name }}}}-{version}")
    return packing.chart("small", version) | {"templates/config.yaml": text}


PARTS = [
    pytest.param({}, {"small-1.2.0", "other-1.2.0", "newer-2.0.0"}, id="all"),
    pytest.param(
        {"small": {"enabled": False}}, {"other-1.2.0", "newer-2.0.0"}, id="a condition says no"
    ),
    pytest.param({"tags": {"extra": False}}, {"other-1.2.0"}, id="a tag says no"),
    pytest.param(
        {"tags": {"extra": False}, "small": {"enabled": True}},
        {"small-1.2.0", "other-1.2.0"},
        id="a condition wins over a tag",
    ),
]


@pytest.mark.parametrize(("values", "expected"), PARTS)
async def test_an_archive_that_only_declares_what_it_needs(
    sources: Sources, pages: Pages, values: dict[str, object], expected: set[str]
):
    for version in ("1.0.0", "1.2.0", "2.0.0"):
        pages.publish(aliased(version))
    pages.publish(packing.chart(extra=DEPENDENCIES.replace("REPOSITORY", pages.url)))
    source = Source("repository", pages.url, "demo", version="1.0.0")
    chart = await completed(sources, source)
    found = await objects(sources, chart, **values)
    assert found == {"web-config", *(f"web-{name}" for name in expected)}


@pytest.mark.parametrize(("values", "expected"), PARTS)
async def test_an_archive_that_holds_archives(
    sources: Sources, pages: Pages, values: dict[str, object], expected: set[str]
):
    held: dict[str, str | bytes] = {
        f"charts/small-{each}.tgz": packing.archive(aliased(each), "small")
        for each in ("1.2.0", "2.0.0")
    }
    files = packing.chart(extra=DEPENDENCIES.replace("REPOSITORY", "https://nowhere.example"))
    pages.publish(held | files)
    source = Source("repository", pages.url, "demo", version="1.0.0")
    chart = await sources.chart(source, await sources.resolve(source, NOBODY), NOBODY)
    assert await sources.needs(source, chart, NOBODY) == []
    found = await objects(sources, chart, **values)
    assert found == {"web-config", *(f"web-{name}" for name in expected)}


async def test_an_archive_has_no_neighbours(sources: Sources, pages: Pages):
    pages.publish(needing("file://../small"))
    found = await refusal(sources, Source("repository", pages.url, "demo", version="1.0.0"))
    assert (found.code, "small is not at ../small" in found.message) == ("chart.dependency", True)


async def test_a_chart_outside_of_the_tree_is_not_taken(sources: Sources, repository: Git):
    """Git has no such place; what is on the machine beside it is nobody's business."""
    files = needing("file://../small")
    repository.commit({f"demo/{name}": text for name, text in files.items()})
    source = Source("git", repository.url, "demo", reference="branch:main")
    pin = await sources.resolve(source, NOBODY)
    root = await sources.chart(source, pin, NOBODY)
    written(root.parent / "small", small("1.0.0"))
    with pytest.raises(Problem) as caught:
        depending.neighbour(root, root / "demo", "../../small", "small")
    assert caught.value.code == "chart.dependency"
    assert "is not at ../../small" in caught.value.message


@pytest.mark.parametrize(
    ("part", "given"),
    [
        pytest.param(Source("oci", "oci://a.example/charts/small"), True, id="where the chart is"),
        pytest.param(Source("oci", "oci://b.example/charts/small"), False, id="elsewhere"),
        pytest.param(
            Source("repository", "https://b.example", "small"), False, id="at a name like it"
        ),
        pytest.param(Source("local", "../small"), False, id="in the same tree"),
    ],
)
def test_whom_the_credentials_of_the_chart_are_shown_to(part: Source, given: bool):
    whole = Source("oci", "oci://a.example/charts/demo")
    access = Credentials(username="somebody", password="word", token="said")
    shown = depending.access_to(part, whole, access)
    assert (shown == access) is given
    assert bool(shown.username or shown.password or shown.token) is given


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(
            {"Chart.yaml": needing("''")["Chart.yaml"]}, "lacks what it depends on", id="nowhere"
        ),
        pytest.param(
            {"Chart.yaml": needing("'@stable'")["Chart.yaml"]},
            "lacks what it depends on",
            id="a name that only its author's machine knows",
        ),
        pytest.param(
            {"Chart.yaml": needing("file://../../etc")["Chart.yaml"]},
            "is not at ../../etc",
            id="out of the tree",
        ),
        pytest.param({"Chart.lock": "OLD"}, "`helm dependency update`", id="an old lock"),
    ],
)
async def test_what_cannot_be_fetched(
    sources: Sources, pages: Pages, tmp_path: Path, change: packing.Files, said: str
):
    pages.publish(small("1.0.0"))
    files = needing(pages.url) | change
    if "Chart.lock" in files:
        files["Chart.lock"] = lock(pages.url, "1.0.0", wanted="~0.9.0")
    place = written(tmp_path / "demo", files)
    found = await refusal(sources, Source("local", place))
    assert (found.code, said in f"{found.message} {found.hint}") == ("chart.dependency", True)
