"""Which driver a pod has: processes for the runtime class `process`, containers otherwise."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import anyio

from lateen.api.manifest import Manifest
from lateen.node import limiting, planning
from lateen.node.containers import Containers
from lateen.node.drivers import Command, Driver, Log, OpenSandbox, Peer, Session
from lateen.node.networks import Network
from lateen.node.processes import Processes
from lateen.node.settings import Settings


class Runtimes:
    """`drivers.Driver` over both. Their pods share one directory and one network."""

    def __init__(
        self,
        settings: Settings,
        network: Network,
        changed: Callable[[str], None],
        arrived: Callable[[], None],
    ) -> None:
        self._processes = Processes(settings, network, changed)
        self.isolation = self._processes.isolation
        self.containers = Containers(settings, network, changed, arrived)

    def known(self) -> set[str]:
        return self._processes.known() | self.containers.known()

    async def open(self, pod: Manifest) -> OpenSandbox:
        driver: Driver = self._processes if planning.is_process(pod) else self.containers
        return await driver.open(pod)

    async def release(self, uid: str) -> None:
        await self._of(uid).release(uid)

    async def discard(self, uid: str) -> None:
        await self._of(uid).discard(uid)

    def held(self, pod: Manifest) -> frozenset[str]:
        """The kinds of limits that hold for a pod."""
        if planning.is_process(pod):
            return self._processes.held
        return self.containers.engine.held if self.containers.engine else limiting.ALL

    @property
    def unlimited(self) -> str:
        """Which limits of processes do not hold, and why; empty when all do. Blocking at first."""
        loose = self._processes.loose
        why = self._processes.cgroups.reason(loose)
        said = f"{limiting.listed(loose)} do not hold for processes{why and f': {why}'}"
        return said if loose else ""

    def log(self, uid: str, container: str, back: int) -> Log | None:
        return self._of(uid).log(uid, container, back)

    def talk(self, uid: str, command: Command) -> AbstractAsyncContextManager[Session]:
        return self._of(uid).talk(uid, command)

    async def dial(self, uid: str, port: int) -> Peer:
        return await self._of(uid).dial(uid, port)

    def leaders(self) -> dict[tuple[str, str], int]:
        return {**self._processes.leaders(), **self.containers.leaders()}

    def _of(self, uid: str) -> Processes | Containers:
        return self.containers if uid in self.containers.known() else self._processes

    async def stop_everything(self, grace: float) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(self._processes.stop_everything, grace)
            group.start_soon(self.containers.stop_everything, grace)

    async def run(self) -> None:
        """Until `close`, also when cancelled: what runs can be stopped only while this does."""
        await self.containers.run()

    def close(self) -> None:
        self._processes.close()
        self.containers.close()
