from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from lateen.sources import obtaining
from lateen.sources.obtaining import Sources
from tests.sources import servers
from tests.sources.servers import Git, Pages, Registry


@pytest.fixture
async def sources(tmp_path: Path) -> AsyncIterator[Sources]:
    async with obtaining.sources(tmp_path / "kept", local=True) as made:
        yield made


@pytest.fixture
def pages() -> Iterator[Pages]:
    with servers.serving(Pages()) as site:
        yield site


@pytest.fixture
def registry() -> Iterator[Registry]:
    with servers.serving(Registry()) as site:
        yield site


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Git]:
    with servers.git(tmp_path / "repository") as served:
        yield served
