"""The driver for pods that are plain processes of this machine."""

from __future__ import annotations

import errno
import logging
import marshal
import os
import py_compile
import select
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from lateen.api import manifest as manifests
from lateen.api.manifest import Manifest
from lateen.base.problem import Problem
from lateen.node import (
    addresses,
    cgroups,
    dialling,
    isolating,
    limiting,
    logs,
    namespaces,
    records,
    sessions,
    volumes,
)
from lateen.node.cgroups import Cgroups
from lateen.node.drivers import Attempt, Command, Launch, Outcome, Peer, Session
from lateen.node.exits import Exits
from lateen.node.isolating import Isolation
from lateen.node.networks import Network
from lateen.node.settings import Settings

if TYPE_CHECKING:
    from lateen.node.shim import Task

_LOG = logging.getLogger(__name__)
_SHIM = Path(__file__).with_name("shim.py")
_PATIENCE = 30.0  # seconds for a shim to say that the process runs
_LATE = 15.0  # seconds after the grace period until the shim itself is killed
_SHOWN = 1024  # bytes of a probe's output that are worth keeping


class Processes:
    """`drivers.Driver` for processes. Must be made and used on one event loop."""

    def __init__(
        self, settings: Settings, network: Network, changed: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._network = network
        self._changed = changed
        self._pods = settings.directory / "pods"
        self._pods.mkdir(parents=True, exist_ok=True, mode=0o700)
        # the compiled file runs in less time and memory, and outlives an update of this package
        self._shim = settings.directory / "shim.pyc"
        py_compile.compile(str(_SHIM), cfile=str(self._shim), doraise=True)
        self._exits = Exits()
        self.isolation = Isolation(settings.isolation, settings.hidden)
        plane = addresses.identity(settings.directory)
        self.cgroups = Cgroups(f"lateen-{plane}", settings.process_pids)
        self._open: dict[str, ProcessSandbox] = {}

    @property
    def held(self) -> frozenset[str]:
        """The kinds of limits that hold. Blocking at first."""
        return limiting.OF_SHIMS | self.cgroups.held

    @property
    def loose(self) -> frozenset[str]:
        """The kinds that somebody may count on and that do not hold."""
        wanted = limiting.ALL | ({"pids"} if self._settings.process_pids else set())
        return wanted - self.held

    def known(self) -> set[str]:
        return {
            path.name for path in self._pods.iterdir() if not (path / records.CONTAINED).exists()
        }

    async def open(self, pod: Manifest) -> ProcessSandbox:
        uid = str(manifests.metadata(pod)["uid"])
        directory = self._pods / uid
        (directory / "work").mkdir(parents=True, exist_ok=True)
        before = _recorded(directory)
        sandbox = self._open.get(uid) or self._sandbox(uid)
        if before and before != await self._network.attach(uid):
            # what runs listens where nobody looks any more
            await sandbox.stop_all(self._settings.stop_grace, "node")
        sandbox.address = await self._network.attach(uid)
        return sandbox

    async def release(self, uid: str) -> None:
        await self._end(uid, 0, "deleted")
        await self._network.detach(uid)

    async def discard(self, uid: str) -> None:
        await self.release(uid)
        self._open.pop(uid, None)
        await anyio.to_thread.run_sync(partial(shutil.rmtree, self._pods / uid, ignore_errors=True))

    def log(self, uid: str, container: str, back: int) -> logs.File | None:
        of_container = [n for c, n in records.numbers(self._pods / uid) if c == container]
        if len(of_container) <= back:
            return None
        number = of_container[-1 - back]
        at = records.prefix(self._pods / uid, container, number)
        return logs.File(at.with_suffix(".log"), partial(records.held, at))

    @asynccontextmanager
    async def talk(self, uid: str, command: Command) -> AsyncIterator[Session]:
        if not command.argv:
            log = self.log(uid, command.container, 0)
            if log is None or not log.live():
                raise Problem("node.exec", f"container {command.container} does not run")
            async with sessions.listening(log) as heard:
                yield heard
            return
        place = self._opened(uid).surroundings(command.container)
        entrance = self._network.entrance(uid)
        env = {"TERM": "xterm", **place.env} if command.tty else place.env
        if place.leader and not isolating.holds(place.leader, command.argv[0], env):
            raise Problem("node.exec", f"cannot run {command.argv[0]}: {os.strerror(errno.ENOENT)}")
        argv = [*place.entering, *command.argv]
        groups = cgroups.entrances(self._pods / uid, command.container)
        async with sessions.local(
            argv, env, place.directory, entrance, groups, stdin=command.stdin, tty=command.tty
        ) as session:
            yield session

    async def dial(self, uid: str, port: int) -> Peer:
        return await dialling.dial(self._network.entrance(uid), self._opened(uid).address, port)

    def leaders(self) -> dict[tuple[str, str], int]:
        return {
            (uid, attempt.container): records.shim(
                sandbox.directory, attempt.container, attempt.number
            )
            for uid, sandbox in self._open.items()
            for attempt in sandbox.attempts()
            if not attempt.ended
        }

    def _opened(self, uid: str) -> ProcessSandbox:
        if uid not in self._open:
            raise Problem("node.exec", "the pod does not run")
        return self._open[uid]

    async def stop_everything(self, grace: float) -> None:
        """End all processes, as the node ends; they are started again with it."""
        async with anyio.create_task_group() as group:
            for uid in self.known():
                group.start_soon(self._end, uid, grace, "node")

    async def _end(self, uid: str, grace: float, why: str) -> None:
        sandbox = self._open.get(uid) or self._sandbox(uid)
        await sandbox.stop_all(grace, why)
        await anyio.to_thread.run_sync(cgroups.clear, self._pods / uid)

    def close(self) -> None:
        """Watch nothing any more; what runs goes on running."""
        self._exits.close()
        self.cgroups.close()

    def _sandbox(self, uid: str) -> ProcessSandbox:
        entrance = self._network.entrance(uid)
        changed = partial(self._changed, uid)
        made = ProcessSandbox(
            self._pods / uid,
            entrance,
            self._shim,
            self._settings,
            self.isolation,
            self.cgroups,
            self._exits,
            changed,
        )
        self._open[uid] = made
        return made


@dataclass(frozen=True)
class Surroundings:
    """Where something is run beside a process: by the command `entering`, if there is one."""

    env: Mapping[str, str]
    directory: str
    entering: Sequence[str] = ()
    leader: int = 0  # the first process in the view that is entered


class ProcessSandbox:
    """`drivers.OpenSandbox` of one pod; finds what an earlier node left running."""

    def __init__(
        self,
        directory: Path,
        entrance: Path | None,
        shim: Path,
        settings: Settings,
        isolation: Isolation,
        groups: Cgroups,
        exits: Exits,
        changed: Callable[[], None],
    ) -> None:
        self.address = ""
        self._root = directory
        self._entrance = entrance
        self._command = [settings.python, "-I", "-S", "-X", "utf8", str(shim)]
        self._settings = settings
        self._isolation = isolation
        self._groups = groups
        self._exits = exits
        self._changed = changed
        self._attempts: dict[tuple[str, int], Attempt] = {}
        self._ended: dict[tuple[str, int], anyio.Event] = {}
        self._launches: dict[str, Launch] = {}
        for container, number in records.numbers(directory):
            self._take(container, number)

    @property
    def directory(self) -> Path:
        return self._root

    def attempts(self) -> Sequence[Attempt]:
        return [self._attempts[key] for key in sorted(self._attempts)]

    async def start(self, launch: Launch) -> None:
        key = (launch.container, launch.number)
        self._launches[launch.container] = launch
        if key in self._attempts:
            return
        task = await anyio.to_thread.run_sync(self._task, launch)
        at = records.prefix(self._root, *key)
        at.parent.mkdir(parents=True, exist_ok=True)
        records.prune(self._root, launch.container, launch.number - 1)
        for old in [k for k in self._attempts if k[0] == key[0] and k[1] < launch.number - 1]:
            del self._attempts[old]
        # not to be cancelled: a process half started would be found by nobody
        with anyio.CancelScope(shield=True):
            spawn = partial(_spawn, self._command, task, at)
            pid = await anyio.to_thread.run_sync(namespaces.inside, self._entrance, spawn)
            try:
                self._take(*key)
            finally:
                if key not in self._attempts or self._attempts[key].ended:
                    self._exits.watch(pid, _reaped)  # it is a child that nobody watches yet
        self._changed()

    def _task(self, launch: Launch) -> Task:
        resolver = ""
        if launch.resolver:
            (self._root / "resolv.conf").write_text(launch.resolver)
            resolver = str(self._root / "resolv.conf")
        volumes.furnish(launch)
        enclosure = self._isolation.enclose(launch, self._root, resolver)
        self._groups.make(self._root, launch.container, launch.spec)
        killed = cgroups.count(self._root, launch.container)
        return {
            "prefix": str(records.prefix(self._root, launch.container, launch.number)),
            "argv": launch.argv,
            "env": {**launch.env, records.MARK: self._root.name},
            "enclosure": enclosure,
            "directory": launch.directory or str(self._root / "work"),
            "resolver": resolver,
            "grace": launch.grace,
            "memory": limiting.memory(launch.spec) if killed or limiting.OF_SHIMS else 0,
            "cgroups": cgroups.entrances(self._root, launch.container),
            "killed": killed,
            "log_bytes": self._settings.log_bytes,
            "log_files": self._settings.log_files,
        }

    async def stop(self, container: str, grace: float, why: str) -> None:
        running = [k for k, a in self._attempts.items() if k[0] == container and not a.ended]
        for key in running:
            await self._stop(key, grace, why)

    async def stop_all(self, grace: float, why: str) -> None:
        async with anyio.create_task_group() as group:
            for key, attempt in list(self._attempts.items()):
                if not attempt.ended:
                    group.start_soon(self._stop, key, grace, why)

    async def _stop(self, key: tuple[str, int], grace: float, why: str) -> None:
        at = records.prefix(self._root, *key)
        # the first reason is the one that counts
        why = records.load(at.with_suffix(".stop")).get("why", why)
        records.store(at.with_suffix(".stop"), {"grace": str(grace), "why": why})
        _signal(records.shim(self._root, *key), at, signal.SIGTERM)
        with anyio.move_on_after(grace + _LATE):
            await self._ended[key].wait()
            return
        _LOG.warning("the shim of %s does not end: killed", at)
        _signal(records.shim(self._root, *key), at, signal.SIGKILL)
        await self._ended[key].wait()

    async def execute(self, container: str, argv: Sequence[str], timeout: float) -> Outcome:
        running = [a for a in self.attempts() if a.container == container and not a.ended]
        if not running:
            return Outcome(126, f"{container} does not run")
        place = self._surroundings(running[-1])
        groups = cgroups.entrances(self._root, container)
        argv = [*place.entering, *argv]
        run = partial(_execute, argv, place.env, place.directory, groups, timeout)
        return await anyio.to_thread.run_sync(namespaces.inside, self._entrance, run)

    def surroundings(self, container: str) -> Surroundings:
        """Of what runs of a container.

        Raises:
            Problem: `node.exec` when nothing does.
        """
        running = [a for a in self.attempts() if a.container == container and not a.ended]
        if not running:
            raise Problem("node.exec", f"container {container} does not run")
        return self._surroundings(running[-1])

    def _surroundings(self, attempt: Attempt) -> Surroundings:
        """The environment and directory of a running container; from the kernel when adopted."""
        launch = self._launches.get(attempt.container)
        work = str(self._root / "work")
        process = Path("/proc", str(attempt.pid))
        try:
            if attempt.group:  # a directory in there may not be on the machine
                entering = isolating.inside(attempt.group)
                env = launch.env if launch else _environment(process)
                return Surroundings(env, work, entering, attempt.group)
            if launch is None:
                return Surroundings(_environment(process), str((process / "cwd").readlink()))
        except OSError:  # it is just ending
            return Surroundings({}, work)
        return Surroundings(launch.env, launch.directory or work)

    def _take(self, container: str, number: int) -> None:
        """Read an attempt from file, and watch it while it runs."""
        key = (container, number)
        attempt = records.read(self._root, container, number)
        if attempt is None:
            raise Problem("node.start", f"the shim of {container} ended without a word", retry=True)
        self._attempts[key] = attempt
        ended = self._ended.setdefault(key, anyio.Event())
        if attempt.ended:
            ended.set()
            return
        self._exits.watch(records.shim(self._root, container, number), partial(self._exited, key))

    def _exited(self, key: tuple[str, int]) -> None:
        if key in self._attempts:
            self._take(*key)
            self._changed()


def _environment(process: Path) -> dict[str, str]:
    text = (process / "environ").read_bytes().decode(errors="surrogateescape")
    return dict(pair.split("=", 1) for pair in text.split("\0") if "=" in pair)


def _reaped() -> None:
    """Nothing more is to be done for a shim that told all it had to tell."""


def _recorded(directory: Path) -> str:
    file = directory / "address"
    return file.read_text().strip() if file.exists() else ""


def _spawn(command: list[str], task: Task, at: Path) -> int:
    """Start a shim and wait until its process runs or cannot. Blocking; returns the shim's pid."""
    task_read, task_write = os.pipe()
    told_read, told_write = os.pipe()
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    try:
        pid = os.posix_spawn(
            command[0],
            command,
            {},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, task_read, 0),
                (os.POSIX_SPAWN_DUP2, told_write, 1),
                (os.POSIX_SPAWN_OPEN, 2, str(at.with_suffix(".err")), flags, 0o600),
            ],
            setsid=True,
        )
    finally:
        os.close(task_read)
        os.close(told_write)
    with os.fdopen(task_write, "wb") as file:
        file.write(marshal.dumps(dict(task)))
    select.select([told_read], [], [], _PATIENCE)
    os.close(told_read)
    return pid


def _signal(pid: int, at: Path, number: int) -> None:
    """Signal a shim, if it is still it: the lock vouches for the pid."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    except (AttributeError, OSError):
        if records.held(at):
            os.kill(pid, number)
        return
    try:
        if records.held(at):  # asked after the pid is pinned
            signal.pidfd_send_signal(fd, number)
    except ProcessLookupError:
        return
    finally:
        os.close(fd)


def _execute(
    argv: Sequence[str],
    env: Mapping[str, str],
    directory: str,
    groups: Sequence[str],
    timeout: float,
) -> Outcome:
    """Run a command to its end. Blocking."""
    # a file, not a pipe: something it leaves in the background may hold a pipe for ever
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                list(argv),
                env=dict(env),
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        except OSError as error:
            return Outcome(127, f"cannot run {argv[0]}: {error.strerror}")
        cgroups.admit(groups, process.pid)
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise TimeoutError(f"{argv[0]} took longer than {timeout:g} s") from error
        size = output.seek(0, os.SEEK_END)
        output.seek(max(0, size - _SHOWN))
        return Outcome(code, output.read().decode(errors="replace").strip())
