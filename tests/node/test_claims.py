"""Data goes with its claim, and only where it is to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lateen import hub
from lateen.api.manifest import Key, Manifest
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


def test_data_that_somebody_keeps_at_the_last_moment_stays(
    kube: Embedded, namespace: str, link: Mortal, tmp_path: Path
) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": namespace},
        "spec": {
            "storageClassName": "lateen",
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Mi"}},
        },
    }
    kube.call(kube.client.apply, claim)
    key = Key("", "PersistentVolumeClaim", namespace, "data", "v1")

    def bound() -> Manifest | None:
        found: Manifest = kube.call(kube.client.get, key)
        return found if (found.get("status") or {}).get("phase") == "Bound" else None

    name = until(bound)["spec"]["volumeName"]
    file, volume = tmp_path / name / "file", Key("", "PersistentVolume", "", name, "v1")
    file.write_text("mine")
    asked = []

    async def keep() -> None:
        spec = {"persistentVolumeReclaimPolicy": "Retain"}
        asked.append(await kube.client.patch(volume, {"spec": spec}))

    link.interrupt("get", "persistentvolumes", keep, "")
    kube.call(kube.client.delete, key)
    until(lambda: asked)
    try:
        phase = until(lambda: kube.call(kube.client.get, volume)["status"]["phase"])
        assert (phase, file.read_text()) == ("Released", "mine")
    finally:
        kube.call(kube.client.delete, volume)
