"""Servers that sources are fetched from, each empty and for one test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sources import servers
from tests.sources.servers import Git, Pages, Registry


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
