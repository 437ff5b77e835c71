"""What the node asks of whatever runs a pod: processes, or an engine with containers.

A pod runs in a sandbox, which gives it its address. Each start of a container in it is an attempt,
numbered from 0; the number is the restart count of the status. Attempts survive the node: a driver
that is made anew finds what an earlier one left.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from lateen.api.manifest import Manifest
from lateen.node.logs import Selection

Peer = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Phase(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    EXITED = "exited"
    FAILED = "failed"  # never ran; `message` says why


@dataclass(frozen=True, slots=True)
class Attempt:
    """One start of a container. Times are seconds since 1970, 0 when it has not come to that."""

    container: str
    number: int
    phase: Phase
    pid: int = 0
    group: int = 0  # of an isolated process: the pid of the first one in there
    started: float = 0.0
    finished: float = 0.0
    exit_code: int = 0
    signal: int = 0
    reason: str = ""  # in a word, where there is one for how it ended: "OOMKilled"
    message: str = ""
    stopped_for: str = ""  # why we ended it: "deleted", "liveness", "node"; "lost" when nobody did
    identity: str = ""  # as statuses name it, "podman://..."; empty for a process
    image: str = ""  # the id of the image it runs from

    @property
    def ended(self) -> bool:
        return self.phase in (Phase.EXITED, Phase.FAILED)

    @property
    def interrupted(self) -> bool:
        """Ended through no doing of its own or of its pod: with the node, or with the machine."""
        return self.ended and self.stopped_for in ("node", "lost")


@dataclass(frozen=True)
class Launch:
    """What to run. `directory` empty means the sandbox's own, or that of the image."""

    container: str
    number: int
    command: Sequence[str]
    env: Mapping[str, str]
    directory: str
    grace: float  # seconds between SIGTERM and SIGKILL when nobody says otherwise
    args: Sequence[str] = ()
    # the pod and the container as they are declared, where on this machine its volumes are, and
    # for an engine its pull Secrets, decoded
    pod: Manifest | None = None
    spec: Mapping[str, Any] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)
    pull_secrets: Sequence[Mapping[str, str]] = ()
    resolver: str = ""  # a resolv.conf for it; empty leaves the machine's

    @property
    def argv(self) -> list[str]:
        return [*self.command, *self.args]


@dataclass(frozen=True)
class Outcome:
    """Of a command run beside a container: its exit code, and the end of what it printed."""

    exit_code: int
    output: str


class Log(Protocol):
    def read(self, selection: Selection) -> AsyncGenerator[bytes]:
        """The selected part in chunks; with `follow` until nothing more can come."""
        ...


class Sandbox(Protocol):
    """Where the containers of one pod run."""

    @property
    def address(self) -> str: ...

    @property
    def directory(self) -> Path:
        """For the files of volumes; removed with the sandbox."""
        ...

    def attempts(self) -> Sequence[Attempt]:
        """What is known, by number within each container; the last two of each at least."""
        ...

    async def start(self, launch: Launch) -> None:
        """Start an attempt, once: a second call with its number does nothing.

        Returns when it runs or has failed to; a failure is told by `attempts`.

        Raises:
            Problem: what it needs cannot be had for now: an image, the engine.
        """
        ...

    async def stop(self, container: str, grace: float, why: str) -> None:
        """End the container's running attempt; returns when it has ended, at once if none runs."""
        ...


class Executor(Protocol):
    """Runs commands beside a container, in its environment, as probes and hooks need it."""

    async def execute(self, container: str, argv: Sequence[str], timeout: float) -> Outcome:
        """Raises `TimeoutError` after `timeout` seconds, and ends the command."""
        ...


class Session(Protocol):
    """A command, or a container's own process, that somebody talks to."""

    async def read(self) -> tuple[int, bytes] | None:
        """The next piece, after 1 for output or 2 for errors; None when there is no more."""
        ...

    async def write(self, data: bytes) -> None: ...

    async def end_input(self) -> None: ...

    async def resize(self, width: int, height: int) -> None:
        """Of its terminal, if it has one."""
        ...

    async def wait(self) -> int:
        """Its exit code, once `read` has given all."""
        ...


@dataclass(frozen=True)
class Command:
    """What is to be run beside a container; no `argv` means its own process."""

    container: str
    argv: Sequence[str] = ()
    stdin: bool = False
    tty: bool = False


class Visited(Protocol):
    """Pods that run here, for those who come to look."""

    def talk(self, uid: str, command: Command) -> AbstractAsyncContextManager[Session]:
        """Raises `Problem` on entering: `node.exec` when it does not run, or cannot be."""
        ...

    async def dial(self, uid: str, port: int) -> Peer:
        """A connection to a port of a pod.

        Raises:
            Problem: `node.dial` when nobody answers.
        """
        ...

    def log(self, uid: str, container: str, back: int) -> Log | None: ...


class Counted(Protocol):
    """Pods that run here, for who measures them."""

    def leaders(self) -> Mapping[tuple[str, str], int]:
        """By pod and container, the process that all others of what runs of it descend from."""
        ...


class Driver(Protocol):
    """Calls the `changed(uid)` it was made with whenever an attempt starts or ends."""

    def known(self) -> set[str]:
        """UIDs of all pods there is something of: processes, logs, addresses."""
        ...

    async def open(self, pod: Manifest) -> OpenSandbox:
        """The pod's sandbox, made or found.

        Raises:
            Problem: `node.network` when there is no address left, or it cannot be given;
                `node.engine` when there is none that answers.
        """
        ...

    async def release(self, uid: str) -> None:
        """The pod has ended: end what is left, free its address; logs and exit codes stay."""
        ...

    async def discard(self, uid: str) -> None:
        """The pod is gone: end what runs of it, and remove all there is of it."""
        ...

    def log(self, uid: str, container: str, back: int) -> Log | None:
        """The log of a container's latest attempt, or of one `back` before; None for no attempt."""
        ...


class OpenSandbox(Sandbox, Executor, Protocol):
    """What a driver gives."""
