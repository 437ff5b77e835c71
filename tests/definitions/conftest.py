"""The engine, the built-in definitions, and goldens that lie under tests/golden."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from syrupy.location import PyTestLocation

from lateen.api.definition import Definition
from lateen.cue.engine import Engine
from lateen.definitions import files


class Manifests(SingleFileSnapshotExtension):
    """One YAML file for each case: tests/golden/<folder>/<test file>/<test>[<case>].yaml."""

    _write_mode = WriteMode.TEXT
    file_extension = "yaml"

    @classmethod
    def dirname(cls, *, test_location: PyTestLocation) -> str:
        file = Path(test_location.filepath)
        return str(file.parents[1] / "golden" / file.parent.name / file.stem)


@pytest.fixture
def golden(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Compare YAML text with its golden; `--snapshot-update` writes it anew."""
    return snapshot.use_extension(Manifests)


@pytest.fixture(scope="module")
async def engine(anyio_backend: str) -> AsyncIterator[Engine]:
    async with Engine() as engine:
        yield engine


@pytest.fixture(scope="module")
async def builtins(engine: Engine) -> dict[str, Definition]:
    """The built-in definitions by name; no two kinds share one."""
    return {definition.name: definition for definition in await files.builtins(engine)}
