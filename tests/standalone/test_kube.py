"""The native Kubernetes: it answers, keeps to itself, survives, and says what is wrong."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from lateen import hub
from lateen.api.manifest import Key
from lateen.base.problem import Problem
from lateen.standalone.kube import Kube

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Kube]:
    """One that the tests only look at. Its path is longer than the name of a socket may be."""
    directory = tmp_path_factory.mktemp("kube") / ("long-" * 20) / "data"
    async with Kube(directory) as started:
        yield started


async def test_it_answers_with_its_version_and_namespaces(running: Kube) -> None:
    async with hub.connect(running.kubeconfig) as client:
        version = await client.version()
        namespaces, _ = await client.list("", "v1", "Namespace")
    assert version["gitVersion"].startswith("v1.")
    assert (version["major"], version["minor"]) == tuple(version["gitVersion"][1:].split(".")[:2])
    assert {"default", "kube-system"} <= {each["metadata"]["name"] for each in namespaces}


async def test_its_controllers_and_scheduler_run(running: Kube) -> None:
    async with hub.connect(running.kubeconfig) as client:
        await client.create(deployment("made"))
        with anyio.fail_after(30):
            while True:
                pods, _ = await client.list("", "v1", "Pod", namespace="default")
                said = [each.get("status", {}).get("conditions", []) for each in pods]
                if said and said[0]:  # the scheduler found no node
                    break
                await anyio.sleep(0.05)
    assert said[0][0]["reason"] == "Unschedulable"


async def test_what_is_made_again_has_the_version_that_was_told(running: Kube) -> None:
    versions: list[tuple[str, str]] = []  # as told, and as it is
    async with hub.connect(running.kubeconfig) as client, anyio.create_task_group() as tasks:

        async def work(name: str) -> None:
            key = Key("", "ConfigMap", "default", name, "v1")
            meta = {"name": name, "namespace": "default"}
            for _ in range(15):
                made = await client.create(
                    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}
                )
                found = await client.get(key)
                told, live = (each["metadata"]["resourceVersion"] for each in (made, found))
                versions.append((told, live))
                await client.delete(key)

        for index in range(8):
            tasks.start_soon(work, f"again-{index}")
    assert [pair for pair in versions if pair[0] != pair[1]] == []
    assert len(versions) == 8 * 15


async def test_its_files_are_for_their_owner_only(running: Kube) -> None:
    modes = {
        path.relative_to(running.directory): path.stat().st_mode & 0o777
        for path in running.directory.rglob("*")
    }
    directories = {path for path in modes if (running.directory / path).is_dir()}
    assert {modes[path] for path in directories} == {0o700}
    assert {mode for path, mode in modes.items() if path not in directories} == {0o600}
    assert {Path("admin.kubeconfig"), Path("node.kubeconfig"), Path("tokens.csv")} <= set(modes)


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads /proc")
async def test_it_listens_on_loopback_only(running: Kube) -> None:
    inodes = {
        str(link.readlink())
        for link in Path(f"/proc/{running.pid}/fd").iterdir()
        if link.is_symlink()
    }
    listening = [
        fields[1]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for fields in (line.split() for line in Path(table).read_text().splitlines()[1:])
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes
    ]
    assert listening == [f"0100007F:{running.port:04X}"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/readyz", 200, id="health is told to all"),
        pytest.param("/version", 401, id="nothing else is"),
        pytest.param("/api/v1/namespaces", 401, id="least of all objects"),
    ],
)
async def test_without_a_token_there_is_health_only(running: Kube, path: str, status: int) -> None:
    assert await anyio.to_thread.run_sync(anonymous, running, path) == status


async def test_the_node_may_be_a_node_and_no_more(running: Kube) -> None:
    async with hub.connect(running.directory / "node.kubeconfig") as client:
        made = await client.create(
            {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "lateen"}}
        )
        assert made["metadata"]["name"] == "lateen"
        await client.list("node.k8s.io", "v1", "RuntimeClass")
        await client.list("", "v1", "Pod", field_selector="spec.nodeName=lateen")
        for denied in (
            client.list("", "v1", "Secret"),
            client.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "other"}}),
        ):
            with pytest.raises(hub.ApiError) as caught:
                await denied
            assert caught.value.forbidden


async def test_a_directory_in_use_is_told(running: Kube) -> None:
    with pytest.raises(Problem) as caught:
        async with Kube(running.directory):
            pytest.fail("two of them in one directory")
    assert caught.value.code == "standalone.data-dir-in-use"
    assert str(running.directory) in caught.value.message


async def test_a_port_in_use_is_told(running: Kube, tmp_path: Path) -> None:
    with pytest.raises(Problem) as caught:
        async with Kube(tmp_path, port=running.port):
            pytest.fail("two of them on one port")
    assert caught.value.code == "standalone.port-in-use"
    assert str(running.port) in caught.value.message


@pytest.mark.parametrize(
    "stamp",
    [
        pytest.param({"format": 99, "kubernetes": "v1.37.0"}, id="another layout"),
        pytest.param({"format": 1, "kubernetes": "v1.99.0"}, id="another Kubernetes"),
    ],
)
async def test_data_of_a_newer_version_is_refused(tmp_path: Path, stamp: dict[str, object]) -> None:
    (tmp_path / "version").write_text(json.dumps(stamp))
    with pytest.raises(Problem) as caught:
        async with Kube(tmp_path):
            pytest.fail("opened data it may not understand")
    assert caught.value.code == "standalone.data-newer"
    assert json.loads((tmp_path / "version").read_text()) == stamp
    assert not (tmp_path / "state.db").exists()


async def test_data_and_credentials_survive_a_kill(tmp_path: Path) -> None:
    async with Kube(tmp_path, controllers=["none"]) as first:
        async with hub.connect(first.kubeconfig) as client:
            await client.create(
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kept"}}
            )
        credentials = first.kubeconfig.read_text()
        assert first.pid is not None
        os.kill(first.pid, signal.SIGKILL)
        assert await first.ended() == -signal.SIGKILL
        port = first.port
    (tmp_path / "pki" / "apiserver.crt").write_text("damaged by a full disk, say")
    async with (
        Kube(tmp_path, port=port, controllers=["none"]) as second,
        hub.connect(second.kubeconfig) as client,
    ):
        kept = await client.get(Key("", "Namespace", "", "kept", "v1"))
    assert kept["status"]["phase"] == "Active"
    assert second.kubeconfig.read_text() == credentials


async def test_sigterm_ends_it_as_a_whole_even_while_somebody_watches(tmp_path: Path) -> None:
    async with Kube(tmp_path) as kube, hub.connect(kube.kubeconfig) as client:
        namespaces, version = await client.list("", "v1", "Namespace")
        assert namespaces
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch, client, version)
            await anyio.sleep(0.2)
            assert kube.pid is not None
            with anyio.fail_after(30):
                os.kill(kube.pid, signal.SIGTERM)
                assert await kube.ended() == 0
            tasks.cancel_scope.cancel()
        with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
            probe.connect(("127.0.0.1", kube.port))


async def watch(client: hub.Client, version: str) -> None:
    try:
        async for _ in client.watch("", "v1", "Namespace", resource_version=version):
            pass
    except hub.ApiError as error:
        assert error.transient  # noqa: PT017 - a server that goes away is what this is about


def anonymous(kube: Kube, path: str) -> int:
    context = ssl.create_default_context(cafile=str(kube.directory / "pki" / "ca.crt"))
    try:
        url = f"https://127.0.0.1:{kube.port}{path}"
        with urllib.request.urlopen(url, context=context) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def deployment(name: str) -> dict[str, object]:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "main", "image": "none"}]},
            },
        },
    }
