"""Every example in the documentation and in examples/ is what it says: it renders, offline."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from lateen.api import checking
from lateen.api.application import Application
from lateen.api.definition import DefinitionKind
from lateen.base import documents
from lateen.base.documents import Document
from lateen.controllers.application import preview
from lateen.cue.engine import Engine
from lateen.definitions import files, loading, templates
from tests.docs import pages

EXAMPLES = sorted((pages.ROOT / "examples").rglob("*.yaml"))


def written() -> Iterator[Document]:
    for block in pages.blocks("yaml"):
        yield from documents.load(block.text, block.source)
    for path in EXAMPLES:
        yield from documents.load(path.read_text(), str(path.relative_to(pages.ROOT)))


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


@pytest.mark.anyio
@pytest.mark.parametrize("document", APPLICATIONS, ids=named)
async def test_it_renders(document: Document, catalogue: loading.Catalogue, engine: Engine):
    found = await preview.preview(Application(document.data), catalogue, engine)
    assert found.manifests
    assert found.warnings == []


@pytest.mark.anyio
@pytest.mark.parametrize("block", list(pages.blocks("cue")), ids=lambda block: block.source)
async def test_a_definition_can_be_read(block: pages.Block, engine: Engine):
    definition = await files.read(block.text, block.source, engine)
    assert (await templates.Shelf(engine).schema(definition)).fields
