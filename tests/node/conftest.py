"""Sandboxes for real processes, and a node of the embedded Kubernetes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lateen import hub
from lateen.node import RUNTIME_CLASS, fabric
from lateen.node.cgroups import Cgroups
from lateen.node.settings import Settings
from tests.conftest import Embedded, embedded

ROOT = sys.platform == "linux" and os.geteuid() == 0
NETWORKS = [
    "loopback",
    pytest.param("namespaces", marks=pytest.mark.skipif(not ROOT, reason="needs root on Linux")),
]

# to be asked whether this machine lets us limit what processes use: by each worker under a name of
# its own, as another one would remove what this one has just made
CGROUPS = Cgroups(f"lateen-asked-{os.getpid()}")


def until(condition: Callable[[], Any], seconds: float = 90.0) -> Any:
    """Wait for a condition to be true; gives what it gave."""
    last = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < last, f"not within {seconds} s"
        time.sleep(0.05)
    return found


def settings_at(place: Path, **more: Any) -> Settings:
    """Those of a node for itself: it has no control plane, and none of its files."""
    nowhere = place / "none"
    given: dict[str, Any] = {"network": "loopback", **more}
    return Settings("lateen", place / "n", nowhere, nowhere, nowhere, **given)


class Node:
    """A node in a process of its own, which can be killed and started again."""

    def __init__(self, kube: Path, directory: Path, network: str, engine: str = "none") -> None:
        self.directory = directory
        self._log = directory.with_suffix(".log")
        self._arguments = [str(kube), str(directory), network, engine]
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        source = Path(__file__).parents[2] / "src"
        program = Path(__file__).with_name("alone.py")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(program), *self._arguments],
                env={**os.environ, "PYTHONPATH": str(source)},
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        told = self._process.stdout.readline()
        assert told, self.log
        self.port = int(told)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        if self._process is not None and self._process.stdout is not None:
            self._process.send_signal(number)
            self._process.wait(90)
            self._process.stdout.close()
            self._process = None


@pytest.fixture(scope="session")
def kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """A Kubernetes of these tests' own: elsewhere pods are to have no node to go to."""
    with embedded(tmp_path_factory.mktemp("kube")) as made:
        yield made


@pytest.fixture(scope="module", params=NETWORKS)
def node(
    request: pytest.FixtureRequest, kube: Embedded, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Node]:
    with at_work(kube, tmp_path_factory.mktemp("node"), request.param) as made:
        yield made


@contextmanager
def at_work(kube: Embedded, place: Path, network: str, engine: str = "none") -> Iterator[Node]:
    """A node in `place` that may do what it must, and in whose log nothing broke off."""
    allow(kube)
    made = Node(kube.kubeconfig.parent, place / "node", network, engine)
    made.start()
    yield made
    made.stop()
    assert "Traceback" not in made.log


def allow(kube: Embedded) -> None:
    """What the controllers install for the node."""
    kube.call(_allow, kube.client)


async def _allow(client: hub.Client) -> None:
    try:
        for each in (RUNTIME_CLASS, *fabric.rights("lateen")):
            await client.create(each)
    except hub.ApiError as error:
        if not error.already_exists:
            raise
