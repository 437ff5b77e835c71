from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lateen.sources import obtaining
from lateen.sources.obtaining import Sources
from tests.sources.fixtures import pages, registry, repository

__all__ = ["pages", "registry", "repository", "sources"]


@pytest.fixture
async def sources(tmp_path: Path) -> AsyncIterator[Sources]:
    async with obtaining.sources(tmp_path / "kept", local=True) as made:
        yield made
