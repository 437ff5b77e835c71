"""The control planes that the command line is tried on. One worker runs all of these tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e import planes
from tests.e2e.planes import Plane, Shell

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.xdist_group("e2e"))


@pytest.fixture(scope="session")
def plane() -> Iterator[Plane]:
    """The control plane of a newcomer."""
    with planes.made() as made:
        yield made


@pytest.fixture(scope="session")
def other() -> Iterator[Plane]:
    """A second one on the same machine, for what may go wrong."""
    with planes.made() as made:
        yield made


@pytest.fixture
def namespace(plane: Plane) -> Iterator[str]:
    name = plane.new_namespace()
    yield name
    plane.drop_namespace(name)


@pytest.fixture
def stranger(tmp_path: Path) -> Shell:
    """Somebody without any control plane."""
    return Shell(tmp_path / "home", {"LATEEN_DATA_DIR": str(tmp_path / "none")})


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file to give to a command."""

    def written(text: str, name: str = "app.yaml") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return written
