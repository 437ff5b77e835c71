"""Every example in the documentation and in examples/ is what it says: it renders, offline."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lateen.api import checking
from lateen.api.application import Application
from lateen.api.definition import DefinitionKind
from lateen.base import documents
from lateen.base.documents import Document
from lateen.cli import sources, surroundings, tailoring
from lateen.cli.scripting import Script
from lateen.controllers.application import preview
from lateen.cue.engine import Engine, Fill
from lateen.definitions import files, loading, templates
from lateen.hub import members
from lateen.sources import obtaining
from tests.docs import pages

EXAMPLES = [
    path
    for path in sorted((pages.ROOT / "examples").rglob("*.yaml"))
    if "charts"
    not in path.relative_to(pages.ROOT).parts  # they belong to the application that delivers them
]


def written() -> Iterator[Document]:
    for block in pages.blocks("yaml"):
        yield from documents.load(block.text, block.source)
    for path in EXAMPLES:
        for document in sources.checked([str(path)]):
            yield replace(document, source=str(path.relative_to(pages.ROOT)))


OBJECTS = [document for document in written() if "kind" in document.data]
APPLICATIONS = [document for document in OBJECTS if document.data["kind"] == "Application"]
DEFINITIONS = [document for document in OBJECTS if document.data["kind"] in list(DefinitionKind)]


def named(document: Document) -> str:
    return f"{document.source} {document.data['metadata']['name']}"


@pytest.fixture(scope="module")
async def engine(anyio_backend: str) -> AsyncIterator[Engine]:
    async with Engine() as started:
        yield started


@pytest.fixture(scope="module")
async def catalogue(engine: Engine) -> loading.Catalogue:
    folder = pages.ROOT / "examples" / "definitions"
    given = await files.load_path(folder, engine)
    given += [files.from_object(document.data, document) for document in DEFINITIONS]
    return loading.Static([*await files.builtins(engine), *given])


def test_there_is_something_to_look_at():
    assert {document.source.partition(":")[0] for document in APPLICATIONS} >= {
        "README.md",
        "docs/how-to.md",
        "examples/hello.yaml",
        "examples/environments.yaml",
    }


@pytest.mark.parametrize("document", OBJECTS, ids=named)
def test_its_form_is_right(document: Document):
    assert checking.check(document.data) == []


def asked_for(app: Application) -> members.Roster:
    """A cluster for each selector of the application: which there are is not known offline."""
    selectors = [(each.properties or {}).get("clusterLabelSelector") for each in app.policies]
    login = {"server": "https://127.0.0.1"}, {"token": "x"}
    secrets = [
        members.secret(f"member-{index}", *login, labels)
        for index, labels in enumerate(filter(None, selectors))
    ]
    return members.Roster.of(secrets, {})


@pytest.mark.anyio
@pytest.mark.parametrize("document", APPLICATIONS, ids=named)
async def test_it_renders(
    document: Document, catalogue: loading.Catalogue, engine: Engine, tmp_path: Path
):
    async with obtaining.sources(tmp_path, local=True) as fetching:
        around = surroundings.of(None, "default", fetching)
        app = Application(document.data)
        found = await preview.preview(
            app, catalogue, engine, surroundings=around, clusters=asked_for(app)
        )
    assert found.manifests
    late = "parameter.late"  # what only a delivery can know is no fault of an example
    assert [each for each in found.warnings if each.code != late] == []


SCRIPTS = {block.text.partition(":")[0]: block for block in pages.blocks("cue")}
ADOPTING = [SCRIPTS["#Adopt"], SCRIPTS["rules"]]


@pytest.mark.anyio
async def test_what_is_given_to_adopt_works(engine: Engine):
    template, rules = (Script(block.source, block.text, engine) for block in ADOPTING)
    words = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "words"}}
    adoption = tailoring.Adoption("read-only", "native", "shop", "default", "", (words,))
    app = await tailoring.application(template, adoption)
    assert [each["name"] for each in app["spec"]["components"]] == ["words"]
    found = await rules.evaluate("context: _", Fill("context.data", words, "words"), "rules")
    assert found.value[0]["peerResources"][0]["selectors"] == {"name": "words-settings"}


@pytest.mark.anyio
@pytest.mark.parametrize(
    "block",
    [block for block in pages.blocks("cue") if block not in ADOPTING],
    ids=lambda block: block.source,
)
async def test_a_definition_can_be_read(block: pages.Block, engine: Engine):
    definition = await files.read(block.text, block.source, engine)
    assert (await templates.Shelf(engine).schema(definition)).fields
