"""Data goes with its claim, and only where it is to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import pytest

from lateen import hub
from lateen.api.manifest import Key, Manifest
from lateen.node import claims
from lateen.node.claims import Claims
from tests.conftest import Embedded
from tests.controllers import laboratory
from tests.controllers.laboratory import Mortal, Task
from tests.e2e.planes import until


@pytest.fixture
def link(kube: Embedded, tmp_path: Path) -> Iterator[Mortal]:
    """That of what looks after claims, which is at work."""
    with kube.portal.wrap_async_context_manager(laboratory.connect(kube.kubeconfig)) as made:

        async def run(started: Callable[[], None]) -> None:
            started()
            await Claims(hub.Client(made), tmp_path).run()

        task = Task(kube.portal, run)
        yield made
        task.stop()


def claimed(kube: Embedded, namespace: str, name: str) -> Key:
    """The volume of a new claim of this name."""
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "storageClassName": "lateen",
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Mi"}},
        },
    }
    kube.call(kube.client.apply, claim)

    def bound() -> Manifest | None:
        found: Manifest = kube.call(kube.client.get, _claim(namespace, name))
        return found if (found.get("status") or {}).get("phase") == "Bound" else None

    return Key("", "PersistentVolume", "", until(bound)["spec"]["volumeName"], "v1")


def _claim(namespace: str, name: str) -> Key:
    return Key("", "PersistentVolumeClaim", namespace, name, "v1")


def test_data_that_somebody_keeps_at_the_last_moment_stays(
    kube: Embedded, namespace: str, link: Mortal, tmp_path: Path
) -> None:
    volume = claimed(kube, namespace, "data")
    file = tmp_path / volume.name / "file"
    file.write_text("mine")
    asked = []

    async def keep() -> None:
        spec = {"persistentVolumeReclaimPolicy": "Retain"}
        asked.append(await kube.client.patch(volume, {"spec": spec}))

    link.interrupt("get", "persistentvolumes", keep, "")
    kube.call(kube.client.delete, _claim(namespace, "data"))
    until(lambda: asked)
    try:
        phase = until(lambda: kube.call(kube.client.get, volume)["status"]["phase"])
        assert (phase, file.read_text()) == ("Released", "mine")
    finally:
        kube.call(kube.client.delete, volume)


def test_a_volume_that_somebody_deletes_at_the_last_moment_is_no_fault(
    kube: Embedded,
    namespace: str,
    link: Mortal,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    volume = claimed(kube, namespace, "data")
    file = tmp_path / volume.name / "file"
    file.write_text("whose last word is not known")
    gone = []

    async def drop() -> None:
        await kube.client.delete(volume)
        while await found(kube, volume):  # who protects it lets go of it
            await anyio.sleep(0.05)
        gone.append(volume)

    link.interrupt("get", "persistentvolumes", drop, "")
    kube.call(kube.client.delete, _claim(namespace, "data"))
    until(lambda: gone)
    claimed(kube, namespace, "next")
    told = [each for each in caplog.records if each.name == claims.__name__]
    assert [each.message for each in told if each.levelno > logging.INFO] == []
    assert file.exists()


async def found(kube: Embedded, key: Key) -> bool:
    try:
        await kube.client.get(key)
    except hub.ApiError as error:
        if error.not_found:
            return False
        raise
    return True
