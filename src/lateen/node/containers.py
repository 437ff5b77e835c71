"""The driver for pods that run in containers of an engine on this machine.

What the engine has is the truth about what runs; what an attempt came to is on file as well, so
that it is known when the engine or its containers are gone. Each attempt is a container of its own
name, so that none is ever made twice.
"""

from __future__ import annotations

import logging
import os
import platform
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Any

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup

from lateen.api import manifest as manifests
from lateen.api.manifest import Manifest
from lateen.base import lifting
from lateen.base.backoff import Backoff
from lateen.base.problem import Problem
from lateen.node import addresses, creating, dialling, engines, pausing, records, sessions
from lateen.node.boxes import Box, EngineLog, Shared
from lateen.node.drivers import Command, Peer, Session
from lateen.node.engines import Engine
from lateen.node.images import Images
from lateen.node.networks import Network
from lateen.node.settings import Settings

_LOG = logging.getLogger(__name__)
_RETRIES = Backoff(first=0.5, factor=2.0, ceiling=10.0)
_RESYNC = 60.0  # seconds between looks for what events did not tell


class Containers:
    """`drivers.Driver` for containers. `arrived` is called when an engine answers (again), before
    anything is started in it. `run` must be running for anything to happen.
    """

    def __init__(
        self,
        settings: Settings,
        network: Network,
        changed: Callable[[str], None],
        arrived: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._network = network
        self._changed = changed
        self._arrived = arrived
        self._pods = settings.directory / "pods"
        self._pods.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._plane = addresses.identity(settings.directory)
        self._label = f"{creating.PLANE}={self._plane}"
        images = Images(settings.directory / "pulled.json", settings.thrift)
        self._shared = Shared(self._plane, network, images, settings.lowest_port)
        self._found: set[str] = set()  # pods of which the engine has something
        self._open: dict[str, Box] = {}
        self._running = anyio.CancelScope(shield=True)

    @property
    def engine(self) -> Engine | None:
        """The engine that answers, if any does."""
        return self._shared.current

    @property
    def reason(self) -> str:
        """Why there is no engine."""
        return self._shared.why

    async def changes(self) -> None:
        """Wait until an engine comes, or goes."""
        await self._shared.changed.wait()

    def known(self) -> set[str]:
        return self._found | {
            path.parent.name for path in self._pods.glob(f"*/{records.CONTAINED}")
        }

    async def run(self) -> None:
        """Stay with an engine, look for one while there is none, until `close`."""
        with self._running:
            await self._stay()

    def close(self) -> None:
        self._running.cancel()

    async def _stay(self) -> None:
        failures = 0
        while True:
            try:
                candidates = engines.sockets(self._settings.container_engine, os.environ)
                async with engines.connect(candidates) as engine:
                    failures = 0
                    await self._follow(engine)
                    self._shared.lose("the connection to it ended")
            except Problem as problem:
                if self._shared.current is not None:
                    _LOG.warning("containers: %s", problem.message)
                self._shared.lose(problem.message)
            failures += 1
            await anyio.sleep(_RETRIES.delay(failures))

    async def _follow(self, engine: Engine) -> None:
        """Take in what an engine has, then what happens to it, until it is gone."""
        lost: Problem | None = None
        async with anyio.create_task_group() as group:
            group.start_soon(self._look_after, engine, group)
            group.start_soon(self._keep_swept, engine)
            try:
                await self._listen(engine, group)
            except Problem as problem:
                lost = problem
            group.cancel_scope.cancel()
        if lost is not None:
            raise lost

    async def _listen(self, engine: Engine, group: TaskGroup) -> None:
        async with aclosing(engine.events(self._label)) as events:
            async for event in events:
                if event:
                    try:
                        await self._happened(engine, event, group)
                    except Problem as problem:
                        if problem.code == "node.engine":
                            raise
                        # it changes while we look; the next event or resync tells
                        _LOG.warning("containers: %s", problem.message)
                    continue
                # nothing is missed from here on
                await self._take_all(engine, group)
                self._shared.take(engine, await _pause(engine))
                known = f"{engine.name} {engine.version}"
                _LOG.info("containers run in %s at %s", known, engine.path)
                self._arrived()

    async def _look_after(self, engine: Engine, group: TaskGroup) -> None:
        while True:
            await anyio.sleep(_RESYNC)
            try:
                await self._take_all(engine, group)
            except Problem as problem:
                _LOG.warning("containers: %s", problem.message)

    async def _keep_swept(self, engine: Engine) -> None:
        while True:
            await anyio.sleep(self._settings.sweep_interval)
            try:
                await self.sweep(engine)
            except (Problem, OSError) as problem:
                _LOG.warning("images that nothing uses stay for now: %s", problem)

    async def sweep(self, engine: Engine) -> None:
        """Remove images that nobody's container is made from, when it is time."""
        place = await engine.storage() or self._settings.directory
        used = {str(each.get("ImageID")) for each in await engine.containers()}
        await self._shared.images.sweep(engine, used, place)

    async def _take_all(self, engine: Engine, group: TaskGroup) -> None:
        """See what there is."""
        present: dict[str, list[Mapping[str, Any]]] = {}
        for each in await engine.containers(self._label):
            present.setdefault(each["Labels"][creating.POD], []).append(each)
        self._found = set(present)
        for uid, box in list(self._open.items()):
            listed = present.get(uid, ())
            if await box.take(engine, listed):
                self._changed(uid)
            if await box.unboxed(engine, listed):
                group.start_soon(self._end_lost, uid, box)

    async def _happened(self, engine: Engine, event: Mapping[str, Any], group: TaskGroup) -> None:
        action = str(event.get("Action") or event.get("status") or "")
        told = (event.get("Actor") or {}).get("Attributes") or {}
        uid = str(told.get(creating.POD) or "")
        box = self._open.get(uid)
        # every probe makes events of its own
        if box is None or action.startswith(("exec", "health", "attach", "create")):
            return
        if creating.CONTAINER in told:
            key = told[creating.CONTAINER], int(told[creating.ATTEMPT])
            if await box.look(key):
                self._changed(uid)
        elif await box.lost_sandbox(engine):
            group.start_soon(self._end_lost, uid, box)

    async def _end_lost(self, uid: str, box: Box) -> None:
        """What runs without its sandbox is reached by nobody: it is to start again with one."""
        try:
            await box.stop_all(2.0, "lost")
        except Problem as problem:
            _LOG.warning("containers: %s", problem.message)
        self._changed(uid)

    async def open(self, pod: Manifest) -> Box:
        engine = self._shared.engine
        uid = str(manifests.metadata(pod)["uid"])
        box = self._open.get(uid)
        if box is None:
            directory = self._pods / uid
            directory.mkdir(parents=True, exist_ok=True)
            (directory / records.CONTAINED).write_text(f"{engine.path}\n")
            box = Box(pod, directory, self._shared)
            await box.take(engine, await engine.containers(f"{creating.POD}={uid}"))
            self._open[uid] = box
        await box.prepare(engine)
        return box

    async def release(self, uid: str) -> None:
        await self._clear(uid, keep=True)
        await self._network.detach(uid)

    async def discard(self, uid: str) -> None:
        await self._clear(uid, keep=False)
        await self._network.detach(uid)
        self._open.pop(uid, None)
        self._found.discard(uid)
        await anyio.to_thread.run_sync(partial(shutil.rmtree, self._pods / uid, ignore_errors=True))

    async def _clear(self, uid: str, *, keep: bool) -> None:
        """Remove a pod's containers; with `keep` only end what holds its network."""
        engine = await self._shared.wait()
        box = self._open.get(uid)
        if box is not None:
            await box.stop_all(0, "deleted")
        found = await engine.containers(f"{creating.POD}={uid}")
        # the sandbox last: an engine does not let go of what others belong to
        for each in sorted(found, key=lambda each: creating.CONTAINER not in each["Labels"]):
            if not keep:
                await engine.remove(each["Id"])
            elif creating.CONTAINER not in each["Labels"]:
                await engine.kill(each["Id"], "SIGKILL")

    def log(self, uid: str, container: str, back: int) -> EngineLog | None:
        of_container = [n for c, n in records.numbers(self._pods / uid) if c == container]
        if len(of_container) <= back:
            return None
        at = records.prefix(self._pods / uid, container, of_container[-1 - back])
        identity = records.load(at.with_suffix(".state")).get("id")
        return EngineLog(self._shared, identity) if identity else None

    @asynccontextmanager
    async def talk(self, uid: str, command: Command) -> AsyncIterator[Session]:
        name = self._box(uid).running(command.container)
        engine = self._shared.engine
        async with sessions.contained(
            engine, name, command.argv, stdin=command.stdin, tty=command.tty
        ) as session:
            yield session

    async def dial(self, uid: str, port: int) -> Peer:
        entrance, address = self._network.entrance(uid), self._box(uid).address
        if entrance is None:  # from the machine
            port = lifting.lift(address, port, self._settings.lowest_port)
        return await dialling.dial(entrance, address, port)

    def leaders(self) -> dict[tuple[str, str], int]:
        return {
            (uid, attempt.container): attempt.pid
            for uid, box in self._open.items()
            for attempt in box.attempts()
            if not attempt.ended and attempt.pid
        }

    def _box(self, uid: str) -> Box:
        if uid not in self._open:
            raise Problem("node.exec", "the pod does not run")
        return self._open[uid]

    async def stop_everything(self, grace: float) -> None:
        """End all containers, as the node ends; they are started again with it."""
        if self._shared.current is None:
            return
        async with anyio.create_task_group() as group:
            for uid, box in self._open.items():
                group.start_soon(self._stop, uid, box, grace)

    async def _stop(self, uid: str, box: Box, grace: float) -> None:
        try:
            await box.stop_all(grace, "node")
            await self._clear(uid, keep=True)
            # what is started again is reached where the engine has been told
            await self._network.detach(uid, keep=True)
        except Problem as problem:
            _LOG.warning("containers: %s", problem.message)


async def _pause(engine: Engine) -> str:
    """The id of the image that sandboxes are made from."""
    found = await engine.image(f"{pausing.NAME}:latest")
    if found is None:
        machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), "")
        await engine.load(pausing.NAME, pausing.archive(machine or platform.machine()))
        found = await engine.image(f"{pausing.NAME}:latest")
    if found is None:
        raise Problem("node.engine", f"the engine at {engine.path} loads no images", retry=True)
    return str(found["Id"])
