"""What every test may ask for: an embedded Kubernetes of this run, and a namespace of its own."""

from __future__ import annotations

import gc
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import anyio
import hypothesis
import orjson
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from lateen import hub
from lateen.api.manifest import Key
from lateen.base import natives
from tests import faults
from tests.node import engine

T = TypeVar("T")

# The same values in every run, so that a run says something about the change it is of; without a
# time limit, as machines are busy. `LATEEN_EXPLORE=1` looks for new ones.
hypothesis.settings.register_profile(
    "lateen", deadline=None, derandomize="LATEEN_EXPLORE" not in os.environ, print_blob=True
)
hypothesis.settings.load_profile("lateen")

gc.disable()  # until all tests are read: each worker makes an object for every one

# The Kubernetes of a test is small and short-lived: its garbage collector, and those of the other
# Go programs, need not keep them so. A start takes a fifth less CPU, for a third more memory.
os.environ.setdefault("GOGC", "300")

# What is large or slow to make is made once: one worker has all tests that use it.
# And what looks at all processes of the machine must not see those of its own double.
_ONCE = {
    "both": "e2e",
    "cloudy": "cloud",
    "neighbours": "clusters",
    "podman": "containers",
    "node": "node",
}


def pytest_itemcollected(item: pytest.Item) -> None:
    """Early: once all are collected, xdist reads the groups before a conftest has its turn."""
    used = getattr(item, "fixturenames", ())
    if group := next((group for name, group in _ONCE.items() if name in used), None):
        item.add_marker(pytest.mark.xdist_group(group))


def pytest_collection_finish(session: pytest.Session) -> None:
    """All tests are read.

    A worker in which groups count for nothing would show only in a run that takes twice as long:
    each makes everything.
    """
    gc.freeze()  # nor are they to be looked through ever again
    gc.enable()
    if getattr(session.config.option, "loadgroup", False):
        for item in session.items:
            marked = item.get_closest_marker("xdist_group")
            if marked and not item.nodeid.endswith(f"@{marked.args[0]}"):
                raise pytest.UsageError(
                    f"xdist and pytest {pytest.__version__} pass over groups of tests: install "
                    "pytest as pyproject.toml has it"
                )


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@dataclass(frozen=True)
class Embedded:
    """A running Kubernetes with its workload controllers, in a loop of its own."""

    kubeconfig: Path
    process: Kube
    portal: BlockingPortal
    client: hub.Client  # lives in the portal's loop: use it through `call` only

    def call(self, function: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Run something of the portal's loop from a test or fixture that has none."""
        return self.portal.call(function, *args)


@pytest.fixture(scope="session")
def kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """One Kubernetes for each worker of the test run. It has no nodes."""
    with embedded(tmp_path_factory.mktemp("kube")) as made:
        yield made


@contextmanager
def embedded(directory: Path) -> Iterator[Embedded]:
    """A Kubernetes with its data in `directory`."""
    with (
        start_blocking_portal("asyncio") as portal,
        _running(directory) as (process, kubeconfig),
        portal.wrap_async_context_manager(hub.connect(kubeconfig)) as client,
    ):
        yield Embedded(kubeconfig, process, portal, client)


@pytest.fixture(scope="session")
def podman() -> Iterator[engine.Podman]:
    if why := engine.reason():
        pytest.skip(why)
    if packages := engine.missing():
        pytest.fail(f"to be installed first: apt-get install {' '.join(packages)}")
    # not in pytest's directory: what a killed run leaves mounted cannot be removed from there
    directory = Path(tempfile.mkdtemp(prefix="lateen-podman-"))
    made = engine.Podman(directory)
    made.start()
    yield made
    made.close()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def namespace(kube: Embedded, request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a fresh namespace, ready for pods.

    It is deleted where a node runs them. Elsewhere it goes with its Kubernetes, in which nothing
    runs: to delete it takes 140 requests, more CPU than most tests.
    """
    name = f"test-{uuid.uuid4().hex[:8]}"
    kube.call(make_namespace, kube.client, name)
    yield name
    if "node" in request.fixturenames:
        kube.call(kube.client.delete, Key("", "Namespace", "", name, "v1"))


async def make_namespace(client: hub.Client, name: str) -> None:
    await client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    with anyio.fail_after(90):
        while True:  # without its service account no pod is let in
            try:
                await client.get(Key("", "ServiceAccount", name, "default", "v1"))
                return
            except hub.ApiError as error:
                if not error.not_found:
                    raise
            await anyio.sleep(0.02)


@contextmanager
def _running(directory: Path) -> Iterator[tuple[Kube, Path]]:
    process = Kube(directory)
    kubeconfig = process.start()
    try:
        yield process, kubeconfig
    finally:
        process.stop()


class Kube:
    """The native program on a port of its own; it tells on a line when it is ready."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def start(self) -> Path:
        """The kubeconfig, once it is ready. A second time it goes on with what it had."""
        with (self._directory / "kube.log").open("ab") as log:
            self._process = process = subprocess.Popen(
                [
                    natives.locate("kube"),
                    f"--data-dir={self._directory / 'data'}",
                    f"--die-with-parent={os.getpid()}",
                    f"--port={self.port}",
                ],
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert process.stdout is not None
        event = orjson.loads(process.stdout.readline() or b"{}")
        assert event.get("event") == "ready", f"{event}, see {log.name}"
        kubeconfig = Path(event["kubeconfig"])
        found = re.search(r"server: https://127\.0\.0\.1:(\d+)", kubeconfig.read_text())
        assert found is not None
        self.port = int(found[1])
        return kubeconfig

    def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        self._ended(self._process)

    def kill(self) -> None:
        """As the machine it is on would: nothing is finished."""
        assert self._process is not None
        self._process.kill()
        self._ended(self._process)

    def back_up(self) -> None:
        """Keep a copy of what is stored by now; it goes on meanwhile."""
        with (
            closing(sqlite3.connect(self._store)) as live,
            closing(sqlite3.connect(self._directory / "backup.db")) as copy,
        ):
            live.backup(copy)

    def restore(self) -> None:
        """Stop it, and start it with what was stored at the time of the backup."""
        self.stop()
        for each in self._store.parent.glob(f"{self._store.name}*"):
            each.unlink()
        shutil.copy(self._directory / "backup.db", self._store)
        self.start()

    @property
    def _store(self) -> Path:
        return self._directory / "data" / "state.db"

    @staticmethod
    def _ended(process: subprocess.Popen[bytes]) -> None:
        process.wait(90)
        if process.stdout is not None:
            process.stdout.close()


@dataclass(frozen=True)
class Neighbour:
    """Another Kubernetes, to be joined; `proxy` is how it is reached."""

    kubeconfig: Path
    process: Kube
    client: hub.Client  # as `Embedded.client`, and not through the proxy
    proxy: faults.Proxy


@pytest.fixture(scope="session")
def neighbours(
    kube: Embedded, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Neighbour, Neighbour]]:
    """Two more Kubernetes in the network of this run, each behind a proxy that can fail."""
    with ExitStack() as stack:
        yield (
            stack.enter_context(_neighbour(kube, tmp_path_factory.mktemp("first"))),
            stack.enter_context(_neighbour(kube, tmp_path_factory.mktemp("second"))),
        )


@contextmanager
def _neighbour(kube: Embedded, directory: Path) -> Iterator[Neighbour]:
    with (
        _running(directory) as (process, kubeconfig),
        kube.portal.wrap_async_context_manager(hub.connect(kubeconfig)) as client,
        kube.portal.wrap_async_context_manager(faults.Proxy(process.port)) as proxy,
    ):
        yield Neighbour(kubeconfig, process, client, proxy)
