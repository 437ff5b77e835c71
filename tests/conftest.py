"""What every test may ask for: an embedded Kubernetes of this run, and a namespace of its own."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
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

T = TypeVar("T")

# The same values in every run, so that a run says something about the change it is of; without a
# time limit, as machines are busy. `LATEEN_EXPLORE=1` looks for new ones.
hypothesis.settings.register_profile(
    "lateen", deadline=None, derandomize="LATEEN_EXPLORE" not in os.environ, print_blob=True
)
hypothesis.settings.load_profile("lateen")


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
        _running(tmp_path_factory.mktemp("kube")) as kubeconfig,
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


@contextmanager
def _running(directory: Path) -> Iterator[Path]:
    """The native program on a free port; it tells on a line of its own when it is ready."""
    with (
        (directory / "kube.log").open("wb") as log,
        subprocess.Popen(
            [
                natives.locate("kube"),
                f"--data-dir={directory / 'data'}",
                f"--die-with-parent={os.getpid()}",
            ],
            stdout=subprocess.PIPE,
            stderr=log,
        ) as process,
    ):
        assert process.stdout is not None
        try:
            event = orjson.loads(process.stdout.readline() or b"{}")
            assert event.get("event") == "ready", f"{event}, see {log.name}"
            yield Path(event["kubeconfig"])
        finally:
            process.terminate()
            process.wait(20)
