"""What every test may ask for: an embedded Kubernetes of this run, and a namespace of its own."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import anyio
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from lateen import hub
from lateen.api.manifest import Key

T = TypeVar("T")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@dataclass(frozen=True)
class Embedded:
    """A running Kubernetes with its workload controllers, in a loop of its own."""

    kubeconfig: Path
    portal: BlockingPortal
    client: hub.Client  # lives in the portal's loop: use it through `call` only

    def call(self, function: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Run something of the portal's loop from a test or fixture that has none."""
        return self.portal.call(function, *args)


@pytest.fixture(scope="session")
def kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """One Kubernetes for each worker of the test run."""
    with (
        start_blocking_portal("asyncio") as portal,
        portal.wrap_async_context_manager(_start(tmp_path_factory.mktemp("kube"))) as kubeconfig,
        portal.wrap_async_context_manager(hub.connect(kubeconfig)) as client,
    ):
        yield Embedded(kubeconfig, portal, client)


@pytest.fixture
def namespace(kube: Embedded) -> Iterator[str]:
    """The name of a fresh namespace, ready for pods."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    kube.call(_make_namespace, kube.client, name)
    yield name
    kube.call(kube.client.delete, Key("", "Namespace", "", name, "v1"))


async def _make_namespace(client: hub.Client, name: str) -> None:
    await client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    with anyio.fail_after(10):
        while True:  # without its service account no pod is let in
            try:
                await client.get(Key("", "ServiceAccount", name, "default", "v1"))
                return
            except hub.ApiError as error:
                if not error.not_found:
                    raise
            await anyio.sleep(0.02)


def _start(directory: Path) -> AbstractAsyncContextManager[Path]:
    if importlib.util.find_spec("lateen.standalone.kube") is None:
        return _sketch(directory)
    return _real(directory)


@asynccontextmanager
async def _real(directory: Path) -> AsyncIterator[Path]:
    from lateen.standalone.kube import Kube

    async with Kube(directory) as started:
        yield started.kubeconfig


@asynccontextmanager
async def _sketch(directory: Path) -> AsyncIterator[Path]:
    # until lateen.standalone.kube exists
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    subprocess.run(
        ["openssl", "genrsa", "-out", directory / "sa.key", "2048"], check=True, capture_output=True
    )
    (directory / "tokens.csv").write_text("tok,admin,admin,system:masters\n")
    config = directory / "kc"
    config.write_text(
        f"""apiVersion: v1
kind: Config
clusters: [{{name: c, cluster: {{server: "https://127.0.0.1:{port}",
  insecure-skip-tls-verify: true}}}}]
users: [{{name: u, user: {{token: tok}}}}]
contexts: [{{name: x, context: {{cluster: c, user: u}}}}]
current-context: x
"""
    )
    program = os.environ.get("LATEEN_TEST_KUBE", "/tmp/proto/kube")
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, directory, str(port), "all"], stdout=log, stderr=subprocess.STDOUT
        )
    try:
        last = time.monotonic() + 60
        async with hub.connect(config) as client:
            while not await client.ready():
                assert time.monotonic() < last, (directory / "log").read_text()[-2000:]
                await anyio.sleep(0.1)
            while time.monotonic() < last:  # the controllers come later
                try:
                    await client.get(Key("", "ServiceAccount", "default", "default", "v1"))
                    break
                except hub.ApiError:
                    await anyio.sleep(0.1)
        yield config
    finally:
        process.kill()
        process.wait()
