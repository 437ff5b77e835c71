"""The control planes that the command line is tried on. One worker runs the tests that use them;
once it goes on with others they are stopped, as even what idles takes its share of two cores.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e import planes
from tests.e2e.planes import Plane, Shell
from tests.node.engine import IMAGE, Podman


@pytest.fixture(scope="package")
def both() -> Iterator[tuple[Plane, Plane]]:
    """Two control planes that were started at the same moment."""
    with (
        ThreadPoolExecutor(2) as pool,
        planes.directory() as one,
        planes.directory() as two,
        contextlib.ExitStack() as stack,
    ):
        for started in [pool.submit(plane.start) for plane in (one, two)]:
            started.result()
        for plane in (one, two):
            stack.enter_context(plane.running())
        yield one, two


@pytest.fixture(scope="package")
def plane(both: tuple[Plane, Plane]) -> Plane:
    """The control plane of a newcomer. One thing runs there from the start: a CronJob takes a
    minute, which other tests fill.
    """
    made = both[0]
    made.new_namespace("kinds")
    made.run("up", "-f", planes.FILES / "kinds.yaml", "-n", "kinds", "--no-wait")
    return made


@pytest.fixture(scope="package")
def other(both: tuple[Plane, Plane]) -> Plane:
    """A second one on the same machine, for what may go wrong."""
    return both[1]


@pytest.fixture(scope="package")
def equipped(podman: Podman) -> Iterator[Plane]:
    """One with a container engine. Its image is there as the public one that examples name."""
    podman.run("tag", IMAGE, "docker.io/library/busybox:1.37")
    with planes.directory() as made:
        made.start(str(podman.socket))
        with made.running():
            yield made
        assert podman.run("ps", "--format", "{{.Names}}").split() == []


@pytest.fixture
def namespace(plane: Plane) -> Iterator[str]:
    """Deleted where something runs in it, as that takes 140 requests: most bad input takes less."""
    name = plane.new_namespace()
    yield name
    if plane.objects("Application", name, "core.oam.dev", "v1beta1") or plane.objects("Pod", name):
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
