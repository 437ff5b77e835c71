"""One pod in containers: its sandbox, and the attempts of its containers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio

from lateen.api.manifest import Manifest
from lateen.base.problem import Problem
from lateen.node import creating, records, volumes
from lateen.node.creating import Setting
from lateen.node.drivers import Attempt, Launch, Outcome, Phase
from lateen.node.engines import Engine
from lateen.node.images import Images
from lateen.node.logs import Selection
from lateen.node.networks import Network

Key = tuple[str, int]

_LATE = 15.0  # seconds after SIGKILL for a container to end
_LOOK = 1.0  # seconds between looks at one that is to end, should its event be lost
_SHOWN = 1024  # bytes of a probe's output that are worth keeping
_HOST = "127.0.0.1"
_ALIVE = frozenset({"running", "paused", "stopping", "restarting"})


class Shared:
    """What all pods of the node share: the engine, while there is one."""

    def __init__(self, plane: str, network: Network, images: Images, lowest: int) -> None:
        self.plane = plane
        self.lowest = lowest  # the first port that may be listened at
        self.network = network
        self.images = images
        self.pause = ""
        self.current: Engine | None = None
        self.why = "no container engine was looked for yet"
        self.changed = anyio.Event()
        self._taken = anyio.Event()

    @property
    def engine(self) -> Engine:
        """Raises `Problem` `node.engine` when there is none."""
        if self.current is None:
            raise Problem("node.engine", self.why, retry=True)
        return self.current

    async def wait(self) -> Engine:
        while self.current is None:
            await self._taken.wait()
        return self.current

    def take(self, engine: Engine, pause: str) -> None:
        self.current, self.pause = engine, pause
        self._taken.set()
        self._tell()

    def lose(self, why: str) -> None:
        if self.current is not None or self.why != why:
            self._tell()
        self.current, self.why = None, why
        if self._taken.is_set():
            self._taken = anyio.Event()

    def _tell(self) -> None:
        self.changed.set()
        self.changed = anyio.Event()


class EngineLog:
    """`drivers.Log` of a container."""

    def __init__(self, shared: Shared, identity: str) -> None:
        self._shared = shared
        self._identity = identity

    async def read(self, selection: Selection) -> AsyncGenerator[bytes]:
        query = {"follow": "true"} if selection.follow else {}
        if selection.tail >= 0:
            query["tail"] = str(selection.tail)
        if selection.since:
            since = datetime.fromisoformat(selection.since).replace(tzinfo=UTC)
            query["since"] = f"{since.timestamp():.6f}"
        if selection.timestamps:
            query["timestamps"] = "true"
        left = selection.limit or float("inf")
        async with aclosing(self._shared.engine.logs(self._identity, query)) as chunks:
            async for chunk in chunks:
                yield chunk[: int(min(left, len(chunk)))]
                left -= len(chunk)
                if left <= 0:
                    return


class Box:
    """`drivers.OpenSandbox` of one pod; finds what an earlier node left."""

    def __init__(self, pod: Manifest, directory: Path, shared: Shared) -> None:
        self.address = ""
        self._pod = pod
        self._uid = str(pod["metadata"]["uid"])
        self._root = directory
        self._shared = shared
        self._own = not (pod.get("spec") or {}).get("hostNetwork")  # has a network of its own
        self._sandbox = ""
        self._attempts: dict[Key, Attempt] = {}
        self._starting: set[Key] = set()
        self._ended: dict[Key, anyio.Event] = {}
        self._lock = anyio.Lock()  # one look at the engine at a time, so that none is outdated

    @property
    def directory(self) -> Path:
        return self._root

    def attempts(self) -> Sequence[Attempt]:
        return [self._attempts[key] for key in sorted(self._attempts)]

    # what the engine says

    async def take(self, engine: Engine, present: Iterable[Mapping[str, Any]]) -> bool:
        """Take in what the engine lists of the pod; whether anything is new."""
        listed = {}
        for each in present:
            if creating.CONTAINER in each["Labels"]:
                key = each["Labels"][creating.CONTAINER], int(each["Labels"][creating.ATTEMPT])
                listed[key] = each
        changed = False
        for key in {*records.numbers(self._root), *listed}:
            known = self._attempts.get(key)
            runs = key in listed and listed[key].get("State") == "running"
            if runs and known is not None and known.phase is Phase.RUNNING:
                continue
            changed |= await self._look(engine, key)
        return changed

    async def unboxed(self, engine: Engine, present: Iterable[Mapping[str, Any]]) -> bool:
        """Whether the sandbox has ended, by what the engine lists, which may be older than it."""
        runs = {str(each["Id"]) for each in present if each.get("State") == "running"}
        return self._sandbox not in runs and await self.lost_sandbox(engine)

    async def look(self, key: Key) -> bool:
        return await self._look(self._shared.engine, key)

    async def _look(self, engine: Engine, key: Key) -> bool:
        """Learn what became of an attempt; whether that is new."""
        if key in self._starting:
            return False
        async with self._lock:
            at = records.prefix(self._root, *key)
            state = records.load(at.with_suffix(".state"))
            before = self._attempts.get(key)
            if state.get("phase") not in (Phase.EXITED, Phase.FAILED):
                state = await self._inspect(engine, key, state)
            found = records.attempt(*key, state, records.load(at.with_suffix(".stop")))
            self._attempts[key] = found
            ended = self._ended.setdefault(key, anyio.Event())
            if found.ended:
                ended.set()
            return found != before

    async def _inspect(self, engine: Engine, key: Key, state: dict[str, str]) -> dict[str, str]:
        found = await engine.show(state.get("id") or self._name(key))
        if found is not None and found["State"].get("Status") in ("created", "configured"):
            # made, and never started: the node died in between
            await engine.remove(found["Id"])
            found = None
        now = str(time.time())
        state = state | (_state(found, engine) if found else {})
        if found is None:
            state |= {"phase": Phase.EXITED, "exit": "137", "lost": "1", "finished": now}
            state.setdefault("started", now)
        at = records.prefix(self._root, *key)
        at.parent.mkdir(parents=True, exist_ok=True)
        records.store(at.with_suffix(".state"), state)
        return state

    # the sandbox

    async def prepare(self, engine: Engine) -> None:
        """Give the pod its network, unless it has it."""
        if not self._own:
            self.address = _HOST
            self._write_files()
            return
        name = f"{self._name()}-pause"
        found = await engine.show(name)
        if found is None or not found["State"].get("Running"):
            # whatever still runs is in a network that nobody leads to any more
            await self.stop_all(2.0, "lost")
            await self._shared.network.detach(self._uid, keep=True)
            found = await self._start_sandbox(engine, name, found)
        pid = int(found["State"]["Pid"])
        self.address = await self._shared.network.attach(self._uid, pid)
        self._sandbox = str(found["Id"])
        self._write_files()

    async def _start_sandbox(
        self, engine: Engine, name: str, found: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        """Start it, or make it first; one that ended is the same again, as others belong to it."""
        network = self._shared.network
        plugged = network.entrance(self._uid) is not None
        publish = None if plugged else await network.attach(self._uid, 0)
        setting = Setting(self._labels())
        lowest = self._shared.lowest
        config = creating.sandbox(self._pod, self._shared.pause, setting, publish, lowest)
        try:
            identity = str(found["Id"]) if found else await engine.create(name, config)
            await engine.start(identity)
        except Problem as problem:
            if problem.code == "node.engine":
                raise
            message = f"the pod's sandbox cannot be made: {problem.message}"
            raise Problem("node.network", message, retry=True) from problem
        started = await engine.show(identity)
        if started is None or not started["State"].get("Running"):
            raise Problem("node.network", "the pod's sandbox ended at once", retry=True)
        return started

    async def lost_sandbox(self, engine: Engine) -> bool:
        """Whether the sandbox has ended since it was prepared."""
        found = await engine.show(self._sandbox) if self._sandbox else None
        if not self._sandbox or (found is not None and found["State"].get("Running")):
            return False
        self._sandbox = ""
        return True

    def _write_files(self) -> None:
        _published(self._root / "hosts", creating.hosts(self._pod, self.address))

    def _labels(self) -> dict[str, str]:
        meta = self._pod["metadata"]
        return {
            creating.PLANE: self._shared.plane,
            creating.POD: self._uid,
            "io.kubernetes.pod.name": str(meta.get("name", "")),
            "io.kubernetes.pod.namespace": str(meta.get("namespace", "")),
        }

    def _name(self, key: Key | None = None) -> str:
        name = f"lateen-{self._shared.plane}-{self._uid}"
        return f"{name}-{key[0]}-{key[1]}" if key else name

    # starting

    async def start(self, launch: Launch) -> None:
        key = (launch.container, launch.number)
        if key in self._attempts or key in self._starting:
            return
        self._starting.add(key)
        try:
            await self._start(self._shared.engine, launch, key)
        finally:
            self._starting.discard(key)
        await self.look(key)

    async def _start(self, engine: Engine, launch: Launch, key: Key) -> None:
        policy = str(launch.spec.get("imagePullPolicy") or "IfNotPresent")
        wanted = str(launch.spec.get("image") or "")
        image = await self._shared.images.obtain(engine, wanted, policy, launch.pull_secrets)
        if self._own and not self._sandbox:
            await self.prepare(engine)
        files = {"/etc/hosts": str(self._root / "hosts")} if self._own else {}
        if launch.resolver:
            _published(self._root / "resolv.conf", launch.resolver)
            files["/etc/resolv.conf"] = str(self._root / "resolv.conf")
        # Docker takes the name of the sandbox, and refuses another one
        name = creating.hostname(self._pod) if self._own and engine.name == "podman" else ""
        setting = Setting(self._labels(), self._sandbox, files, name)
        config = creating.container(launch, image, setting)
        config["HostConfig"]["LogConfig"] = engine.log_config
        volumes.furnish(launch)
        at = records.prefix(self._root, *key)
        at.parent.mkdir(parents=True, exist_ok=True)
        await self._forget(engine, key)
        # not to be cancelled: a container half started would be found by nobody
        with anyio.CancelScope(shield=True):
            await self._create(engine, key, config, at.with_suffix(".state"))

    async def _create(
        self, engine: Engine, key: Key, config: Mapping[str, Any], file: Path
    ) -> None:
        state = {"phase": str(Phase.STARTING), "image": str(config["Image"])}
        records.store(file, state)
        try:
            identity = await engine.create(self._name(key), config)
        except Problem as problem:
            if problem.code == "node.engine":
                raise
            file.unlink()
            await engine.remove(self._name(key))  # a name that is taken is by a start cut short
            raise Problem("node.create", problem.message, retry=True) from problem
        state |= {"id": identity, "identity": f"{engine.name}://{identity}"}
        records.store(file, state)
        try:
            await engine.start(identity)
        except Problem as problem:
            if problem.code == "node.engine":
                raise
            now = str(time.time())
            code = (
                "127" if "not found" in problem.message or "no such" in problem.message else "128"
            )
            state |= {"phase": str(Phase.FAILED), "exit": code, "started": now, "finished": now}
            records.store(file, state | {"message": problem.message})
            await engine.remove(identity)

    async def _forget(self, engine: Engine, key: Key) -> None:
        """The last two attempts of a container are kept, for their logs."""
        for old in [k for k in self._attempts if k[0] == key[0] and k[1] < key[1] - 1]:
            await engine.remove(self._name(old))
            del self._attempts[old]
        records.prune(self._root, key[0], key[1] - 1)

    # ending

    async def stop(self, container: str, grace: float, why: str) -> None:
        for key, attempt in list(self._attempts.items()):
            if key[0] == container and not attempt.ended:
                await self._stop(key, grace, why)

    async def stop_all(self, grace: float, why: str) -> None:
        """Raises the first of the Problems there were."""
        problems = []

        async def stop(key: Key) -> None:
            try:
                await self._stop(key, grace, why)
            except Problem as problem:
                problems.append(problem)

        async with anyio.create_task_group() as group:
            for key, attempt in list(self._attempts.items()):
                if not attempt.ended:
                    group.start_soon(stop, key)
        if problems:
            raise problems[0]

    async def _stop(self, key: Key, grace: float, why: str) -> None:
        at = records.prefix(self._root, *key)
        # the first reason is the one that counts
        why = records.load(at.with_suffix(".stop")).get("why", why)
        records.store(at.with_suffix(".stop"), {"grace": str(grace), "why": why})
        engine = await self._shared.wait()
        state = records.load(at.with_suffix(".state"))
        name = state.get("id") or self._name(key)
        if grace > 0:
            await engine.kill(name, state.get("stop_signal") or "SIGTERM")
        if not await self._wait_end(key, grace):
            await (await self._shared.wait()).kill(name, "SIGKILL")
            if not await self._wait_end(key, _LATE):
                raise Problem("node.engine", f"container {name} does not end", retry=True)

    async def _wait_end(self, key: Key, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            with anyio.move_on_after(min(left, _LOOK)):
                await self._ended[key].wait()
                return True
            if self._shared.current is not None:
                await self.look(key)
        return self._ended[key].is_set()

    def running(self, container: str) -> str:
        """The name of the container that runs.

        Raises:
            Problem: `node.exec` when none does.
        """
        for attempt in reversed(self.attempts()):
            if attempt.container == container and attempt.phase is Phase.RUNNING:
                return self._name((container, attempt.number))
        raise Problem("node.exec", f"container {container} does not run")

    async def execute(self, container: str, argv: Sequence[str], timeout: float) -> Outcome:
        running = [a for a in self.attempts() if a.container == container and not a.ended]
        if not running:
            return Outcome(126, f"{container} does not run")
        engine = self._shared.engine
        name = self._name((container, running[-1].number))
        output = b""
        async with asyncio.timeout(timeout):
            command = await engine.prepare(name, argv)
            async with engine.attached(f"exec/{command}/start") as streams:
                while chunk := await streams.read():
                    output = (output + chunk[1])[-_SHOWN:]
        code, _ = await engine.outcome(command)
        return Outcome(code, output.decode(errors="replace").strip())


def _state(found: Mapping[str, Any], engine: Engine) -> dict[str, str]:
    """An attempt as records keep it, from what inspecting its container gives."""
    state = found["State"]
    made = {
        "id": str(found["Id"]),
        "identity": f"{engine.name}://{found['Id']}",
        "image": str(found.get("Image", "")),
        "started": str(_seconds(state.get("StartedAt"))),
        "stop_signal": str((found.get("Config") or {}).get("StopSignal") or ""),
    }
    if state.get("Running") or state.get("Status") in _ALIVE:
        return made | {"phase": str(Phase.RUNNING), "pid": str(state.get("Pid") or 0)}
    made |= {
        "phase": str(Phase.EXITED),
        "exit": str(state.get("ExitCode") or 0),
        "finished": str(_seconds(state.get("FinishedAt")) or time.time()),
    }
    if state.get("OOMKilled"):
        made |= {"reason": "OOMKilled", "message": "it needed more memory than its limit"}
    elif state.get("Error"):
        made["message"] = str(state["Error"])
    return made


def _seconds(text: str | None) -> float:
    """Seconds since 1970, 0 for the year 1 that engines write for never."""
    if not text or text.startswith("0001"):
        return 0.0
    return datetime.fromisoformat(text).timestamp()


def _published(path: Path, text: str) -> None:
    """Write a file that a container reads as whatever user it runs as."""
    path.write_text(text)
    path.chmod(0o644)
