"""A control plane that takes applications, and the command line run against it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from typer.testing import CliRunner, Result

from lateen import hub
from lateen.api import names
from lateen.api.manifest import Key
from lateen.cli import main
from lateen.controllers import installing
from lateen.cue.engine import Engine
from lateen.definitions import files
from lateen.hub import kubeconfig, members
from tests.conftest import Embedded

APP = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
  components:
    - name: web
      type: webservice
      properties: {image: nginx}
"""


@dataclass(frozen=True)
class Shell:
    """Runs `lateen` as a user in one namespace would."""

    kubeconfig: Path
    folder: Path

    def run(self, *arguments: str, given: str | None = None) -> Result:
        return CliRunner().invoke(
            main.build(),
            list(arguments),
            input=given,
            env={
                "KUBECONFIG": str(self.kubeconfig),
                "LATEEN_DATA_DIR": str(self.folder / "data"),
                "COLUMNS": "200",
            },
        )

    @contextmanager
    def open(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Start a command in a process of its own, so as to see what it says while it goes on."""
        with subprocess.Popen(
            [Path(sys.executable).with_name("lateen"), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig), "COLUMNS": "200"},
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def write(self, text: str, name: str = "app.yaml") -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """Runs `lateen` in an empty directory, without a control plane."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    env = {"HOME": str(tmp_path), "LATEEN_DATA_DIR": str(tmp_path / "d"), "COLUMNS": "200"}

    def called(*arguments, given=None):
        return CliRunner().invoke(main.build(), arguments, input=given, env=env)

    return called


@pytest.fixture(scope="session")
def plane(kube):
    """Kubernetes with our kinds and the built-in definitions; no controllers of ours."""
    kube.call(_install, kube.client)
    return kube


async def _install(client: hub.Client) -> None:
    async with Engine() as engine:
        await installing.install(client, await files.builtins(engine), [])


@pytest.fixture
def shell(plane, tmp_path):
    return Shell(plane.kubeconfig, tmp_path)


@pytest.fixture
def controller(plane, namespace):
    """Plays the controllers' part: `controller(status)` writes it as soon as the application is
    there.
    """
    tasks = []
    key = Key("core.oam.dev", "Application", namespace, "shop", "v1beta1")

    async def play(status) -> None:
        while True:
            try:
                await plane.client.patch(key, {"status": status}, subresource="status")
                return
            except hub.ApiError as error:
                if not error.not_found:
                    raise
                await anyio.sleep(0.05)

    def start(status) -> None:
        tasks.append(plane.portal.start_task_soon(play, status))

    yield start
    for task in tasks:
        task.cancel()


@dataclass(frozen=True)
class Member:
    """The plane, joined to itself under another name."""

    name: str
    plane: Embedded

    def cut(self) -> None:
        """Let its address lead nowhere."""
        self._lead(base64.b64encode(b"https://127.0.0.1:1").decode())

    def spoil(self) -> None:
        """Have no address."""
        self._lead(None)

    def unplug(self) -> None:
        """Be reached with a plugin that is not there."""
        plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "/none/plugin"}
        body = {
            "metadata": {"labels": {names.CLUSTER_CREDENTIAL: members.DYNAMIC}},
            "data": {"exec": base64.b64encode(json.dumps(plugin).encode()).decode()},
        }
        self.plane.call(self.plane.client.patch, members.key(self.name), body)

    def _lead(self, endpoint: str | None) -> None:
        body = {"data": {"endpoint": endpoint}}
        self.plane.call(self.plane.client.patch, members.key(self.name), body)


@pytest.fixture
def member(plane):
    name = f"member-{uuid.uuid4().hex[:6]}"
    entries = kubeconfig.read(plane.kubeconfig)
    plane.call(plane.client.create, members.secret(name, entries.cluster, entries.user, {}))
    yield Member(name, plane)
    plane.call(plane.client.delete, members.key(name))
