"""What tests of Terraform do and ask: Configurations, states, runs that are under way."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import orjson

from lateen.api.manifest import Manifest
from lateen.base.clock import SystemClock
from lateen.controllers import settings
from lateen.controllers.terraform import overseeing, tooling
from lateen.sources import obtaining
from tests.controllers.laboratory import Laboratory, Task

API = "terraform.core.oam.dev"
PATIENCE = 90.0  # seconds; a process of Terraform for each command, on two busy cores


def configuration(name: str, hcl: str, **spec: Any) -> Manifest:
    return {
        "apiVersion": f"{API}/v1beta2",
        "kind": "Configuration",
        "metadata": {"name": name},
        "spec": {"hcl": hcl, **spec},
    }


class Site:
    """One namespace, and the Terraform controller of the plane it is on."""

    def __init__(self, lab: Laboratory, directory: Path) -> None:
        self.lab = lab
        self.directory = directory
        self.namespace = lab.namespace
        self.settings = settings.Settings(
            terraform_program=tooling.LIBRARY, terraform_drift_minutes=0
        )
        self._task: Task | None = None

    def start(self, **chosen: Any) -> None:
        self.settings = self.settings.model_copy(update=chosen)
        self._task = Task(self.lab.plane.kube.portal, self._run)

    async def _run(self, started: Callable[[], None]) -> None:
        plane = self.lab.plane
        async with (
            obtaining.sources(self.directory / "kept", local=True) as sources,
            anyio.create_task_group() as tasks,
        ):
            overseer = overseeing.Overseer(
                plane.client, plane.engine, SystemClock(), self.settings, sources, self.directory
            )
            tasks.start_soon(overseer.run, tasks)
            started()

    def stop(self) -> None:
        if self._task is not None:
            # what runs is interrupted, and takes its time to end on a busy machine
            self.lab.plane.call(self._cancel, self._task)
            self._task.join(60)
            self._task = None

    async def _cancel(self, task: Task) -> None:
        task.cancel()

    def restart(self, **chosen: Any) -> None:
        self.stop()
        self.start(**chosen)

    def leave(self) -> None:
        """Let everything of the namespace go, whatever a test has left."""
        for each in self.lab.list("Configuration"):
            self.lab.patch(
                "Configuration", each["metadata"]["name"], {"metadata": {"finalizers": None}}
            )
        self.stop()

    def get(self, name: str) -> Manifest:
        return self.lab.get("Configuration", name)

    def applied(self, name: str) -> dict[str, Any]:
        found = self.get(name)
        return dict((found.get("status") or {}).get("apply") or {})

    def reaches(self, name: str, state: str, within: float = PATIENCE) -> dict[str, Any]:
        """Wait for a state of what is declared now; returns `status.apply`."""

        def there() -> dict[str, Any]:
            found = self.get(name)
            status = found.get("status") or {}
            current = status.get("observedGeneration") == found["metadata"]["generation"]
            applied = dict(status.get("apply") or {})
            return applied if current and applied.get("state") == state else {}

        try:
            return self.lab.eventually(f"{name} is {state}", there, within)
        except AssertionError as error:
            status = self.get(name).get("status")
            raise AssertionError(f"{error}\n{status}\n{self.log(name)}") from None

    def state(self, name: str) -> dict[str, Any] | None:
        """What Terraform remembers of a Configuration; None for nothing."""
        found = self.secret(f"tfstate-default-{name}")
        return None if found is None else orjson.loads(gzip.decompress(found["tfstate"]))

    def resources(self, name: str) -> set[str]:
        found = self.state(name) or {}
        return {f"{r['type']}.{r['name']}" for r in found.get("resources", ()) if r["instances"]}

    def log(self, name: str) -> str:
        return ((self.secret(f"tf-log-{name}") or {}).get("log") or b"").decode()

    def secret(self, name: str) -> dict[str, bytes] | None:
        found = self.lab.find("Secret", name)
        if found is None:
            return None
        return {key: base64.b64decode(value) for key, value in (found.get("data") or {}).items()}
