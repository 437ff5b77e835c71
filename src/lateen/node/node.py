"""The standalone node: the pods that are bound to it run here, as processes or in containers."""

from __future__ import annotations

import fcntl
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import aiohttp
import anyio
import anyio.to_thread
from anyio.abc import TaskGroup, TaskStatus

from lateen.api.manifest import Manifest
from lateen.base.backoff import Backoff
from lateen.base.problem import Problem
from lateen.hub import ApiError, Client, Informer
from lateen.node import addresses, engines, limiting, metering, networks, registration, server
from lateen.node.claims import Claims
from lateen.node.containers import Containers
from lateen.node.events import Recorder
from lateen.node.fabric import Fabric
from lateen.node.gates import Ingresses
from lateen.node.launching import Reader, Surroundings
from lateen.node.measuring import Measurements
from lateen.node.pods import Runner, Tools
from lateen.node.runtimes import Runtimes
from lateen.node.settings import Settings
from lateen.node.tokens import Tokens

_LOG = logging.getLogger(__name__)
_CRASHES = Backoff(first=1.0, factor=2.0, ceiling=60.0)


class Noted(Protocol):
    """Is told what the node cannot give here, in sentences, when that has changed."""

    def __call__(self, *, notes: Sequence[str]) -> None: ...


@dataclass(frozen=True)
class Started:
    """`port` is that of the kubelet API; `notes` are what it cannot do here, in sentences."""

    port: int
    notes: tuple[str, ...] = ()


async def run(
    client: Client,
    settings: Settings,
    *,
    noted: Noted = lambda *, notes: None,
    task_status: TaskStatus[Started] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Run the node until cancelled; `task_status` tells what to know of it, `noted` what of its
    notes is different later.

    Cancelled, it ends all processes within `settings.stop_grace`; they are started again with the
    next node. When it dies instead, they go on, and the next node takes them over.

    Raises:
        Problem: `node.directory` when another node uses the directory, `node.network` when the
            network asked for cannot be had.
        OSError: the port is taken, or a file cannot be read.
    """
    settings.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _sole(settings):
        pods = settings.directory / "pods"
        network = await networks.choose(settings, pods)
        fleet = Fleet(client, settings, noted)
        driver = Runtimes(settings, network, fleet.changed, fleet.engine_arrived)
        unisolated = await anyio.to_thread.run_sync(lambda: driver.isolation.reason)
        _LOG.info("processes are %s", f"not isolated: {unisolated}" if unisolated else "isolated")
        unlimited = await anyio.to_thread.run_sync(lambda: driver.unlimited)
        _LOG.info("%s", unlimited or "limits hold for processes")
        async with anyio.create_task_group() as group:
            group.start_soon(driver.run)
            try:
                await fleet.run(driver, network, task_status)
            except anyio.get_cancelled_exc_class():
                with anyio.CancelScope(shield=True):
                    await driver.stop_everything(settings.stop_grace)
                    await network.close()
                raise
            finally:
                driver.close()


async def _first(*waits: Callable[[], Awaitable[None]]) -> None:
    """Wait for whatever comes first."""
    async with anyio.create_task_group() as group:

        async def wait(each: Callable[[], Awaitable[None]]) -> None:
            await each()
            group.cancel_scope.cancel()

        for each in waits:
            group.start_soon(wait, each)


@contextmanager
def _sole(settings: Settings) -> Iterator[None]:
    """Two nodes on one directory would each run every pod."""
    with (settings.directory / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Problem(
                "node.directory",
                f"another node uses {settings.directory}",
                hint="stop it, or choose another data directory",
            ) from error
        yield


def _notes(driver: Runtimes, alone: str) -> Iterator[str]:
    """What the node cannot give here."""
    if unisolated := driver.isolation.reason:
        yield f"processes are not isolated: {unisolated}"
    yield from filter(None, (driver.unlimited, alone))


class Fleet:
    """All pods of the node, each with a runner."""

    def __init__(self, client: Client, settings: Settings, noted: Noted) -> None:
        self._client = client
        self._settings = settings
        self._noted = noted
        self._runners: dict[str, Runner] = {}
        self._pending: list[Manifest] = []
        self._arrived = anyio.Event()
        self._engine = anyio.Event()

    def changed(self, uid: str) -> None:
        """Something has started or ended in a pod."""
        if uid in self._runners:
            self._runners[uid].wake()

    def engine_arrived(self) -> None:
        """Containers can be run: pods may have waited for that."""
        self._engine.set()
        for runner in self._runners.values():
            runner.wake()

    async def run(
        self, driver: Runtimes, network: networks.Grounded, task_status: TaskStatus[Started]
    ) -> None:
        selector = f"spec.nodeName={self._settings.name}"
        informer = Informer(self._client, "", "v1", "Pod", field_selector=selector)
        informer.on_change(self._noticed)
        plane = addresses.identity(self._settings.directory)
        measurements = Measurements(driver.leaders)
        meter = metering.Meter(self._client, informer, measurements, self._settings.name)
        kubelet = server.Kubelet(informer, driver, meter)
        async with (
            aiohttp.ClientSession() as session,
            server.serve(kubelet, self._settings) as port,
            anyio.create_task_group() as group,
        ):
            told = partial(self._told, driver, port, network)
            node = await self._register(told)
            client, settings = self._client, self._settings
            group.start_soon(registration.keep_lease, client, settings, node, told)
            changes = partial(_first, driver.containers.changes, network.junctions.changes)
            group.start_soon(registration.keep_registered, client, settings, told, changes)
            group.start_soon(self._rehearse, network)  # beside all that follows
            group.start_soon(informer.run)
            await informer.wait_synced()
            await self._clear(informer, driver, network)
            group.start_soon(self._keep_clear, informer, driver.containers, network)
            fabric = Fabric(self._client, informer, network, plane, self._settings.lowest_port)
            group.start_soon(fabric.run)
            group.start_soon(self._announce_metrics, port)
            gates = Ingresses(self._client, fabric.behind, self._settings.directory)
            group.start_soon(gates.run)
            volumes = Claims(self._client, self._settings.directory / "volumes")
            group.start_soon(volumes.run)
            recorder = Recorder(self._client, self._settings.name)
            surroundings = Surroundings(fabric.variables, partial(networks.names, network))
            reader = Reader(self._client, Tokens(self._client))
            tools = Tools(
                self._client,
                informer,
                driver,
                recorder,
                session,
                reader,
                surroundings,
                driver.isolation,
                driver.held,
                partial(networks.alone, network),
                self._settings.refresh_volumes,
                self._settings.lowest_port,
            )
            notes = _notes(driver, await self._rehearse(network))
            task_status.started(Started(port, tuple(notes)))
            group.start_soon(self._keep_noted, driver, network)
            await self._admit(tools, group)

    async def _rehearse(self, network: networks.Grounded) -> str:
        """Why containers, if there may be any, do not reach others, as far as that is known."""
        if network.gateway or self._settings.container_engine == engines.NONE:
            return ""
        await network.junctions.rehearse()
        return networks.alone(network)

    async def _keep_noted(self, driver: Runtimes, network: networks.Grounded) -> None:
        """Whether containers reach others is known for sure when there are some."""
        while True:
            await network.junctions.changes()
            self._noted(notes=[*_notes(driver, await self._rehearse(network))])

    def _told(self, driver: Runtimes, port: int, network: networks.Grounded) -> registration.Told:
        engine = driver.containers.engine
        return registration.Told(
            port,
            f"{engine.name}://{engine.version}" if engine else "",
            driver.containers.reason,
            driver.isolation.reason,
            driver.unlimited,
            engine.held if engine else limiting.ALL,
            networks.alone(network),
        )

    async def _register(self, told: Callable[[], registration.Told]) -> Manifest:
        failures = 0
        while True:
            try:
                return await registration.register(self._client, self._settings, told())
            except ApiError as error:
                if not error.transient and not error.forbidden:  # rights come with the server
                    raise
                failures += 1
                _LOG.warning("the node cannot be registered yet: %s", error)
                await anyio.sleep(_CRASHES.delay(failures))

    async def _announce_metrics(self, port: int) -> None:
        """While the node runs the API server asks it for metrics."""
        settings = self._settings
        failures = 0
        try:
            while True:
                try:
                    if not await metering.announce(
                        self._client, settings.authority, settings.certificate, port
                    ):
                        _LOG.warning("no metrics.k8s.io: the kube program is of an older Lateen")
                    await anyio.sleep_forever()
                except ApiError as error:
                    failures += 1
                    _LOG.warning("metrics.k8s.io cannot be announced yet: %s", error)
                    await anyio.sleep(_CRASHES.delay(failures))
        finally:
            with anyio.CancelScope(shield=True):
                await metering.withdraw(self._client)

    async def _clear(self, informer: Informer, driver: Runtimes, network: networks.Network) -> None:
        """Pods that were deleted while no node ran: nothing of them may stay."""
        wanted = {str(pod["metadata"]["uid"]) for pod in informer.list()}
        contained = driver.containers.known()  # for which an engine is needed
        async with anyio.create_task_group() as group:
            for uid in driver.known() - contained - wanted:
                group.start_soon(driver.discard, uid)
        await network.sweep(wanted | contained)

    async def _keep_clear(
        self, informer: Informer, driver: Containers, network: networks.Grounded
    ) -> None:
        """The same for containers, whenever an engine comes; it may stand in the way of pods."""
        while True:
            await self._engine.wait()
            self._engine = anyio.Event()
            await network.admit()
            wanted = {str(pod["metadata"]["uid"]) for pod in informer.list()}
            for uid in driver.known() - wanted - set(self._runners):
                try:
                    await driver.discard(uid)
                except Problem as problem:
                    _LOG.warning("what is left of pod %s stays for now: %s", uid, problem.message)

    def _noticed(self, old: Manifest | None, new: Manifest | None) -> None:
        uid = str((new or old or {})["metadata"]["uid"])
        if old is not None and str(old["metadata"]["uid"]) != uid:
            self._tell(str(old["metadata"]["uid"]), None)  # another pod of the same name
        if new is not None and uid not in self._runners:
            self._pending.append(new)
            self._arrived.set()
        else:
            self._tell(uid, new)

    def _tell(self, uid: str, pod: Manifest | None) -> None:
        if uid in self._runners:
            self._runners[uid].update(pod)
        elif pod is None:
            self._pending = [p for p in self._pending if p["metadata"]["uid"] != uid]

    async def _admit(self, tools: Tools, group: TaskGroup) -> None:
        """Give every new pod a runner."""
        while True:
            for pod in self._pending:
                uid = str(pod["metadata"]["uid"])
                if uid in self._runners:
                    self._runners[uid].update(pod)
                else:
                    self._runners[uid] = Runner(pod, tools)
                    group.start_soon(self._keep, uid, tools)
            self._pending = []
            self._arrived = anyio.Event()
            await self._arrived.wait()

    async def _keep(self, uid: str, tools: Tools) -> None:
        """Run a pod to its end. A fault in one must not end the others: it is run anew."""
        crashes = 0
        while not self._runners[uid].gone:
            try:
                await self._runners[uid].run()
            except Exception:
                crashes += 1
                _LOG.exception("the runner of pod %s broke off and is made anew", uid)
                before = self._runners[uid]
                self._runners[uid] = Runner(before.pod, tools)
                self._runners[uid].gone = before.gone
                await anyio.sleep(_CRASHES.delay(crashes))
        del self._runners[uid]
