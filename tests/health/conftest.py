"""The engine of the health tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from lateen.cue.engine import Engine


@pytest.fixture(scope="module")
async def engine(anyio_backend: str) -> AsyncIterator[Engine]:
    async with Engine() as engine:
        yield engine
