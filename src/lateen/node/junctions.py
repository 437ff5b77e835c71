"""How containers of pods with loopback addresses reach Services and other pods: see `junction`.

One junction serves all pods of the node. It is begun with the first of them, as only then it is
known which user namespace they are in, and begun again when it is gone or they are in another one.
"""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import anyio
import anyio.to_thread

from lateen.node import addresses, balancing, junction, pausing
from lateen.node.balancing import Entrance

_LOG = logging.getLogger(__name__)
_PATIENCE = 30.0  # seconds for an answer
_NETWORKS = (addresses.SERVICES, addresses.LOOPBACK_PODS, addresses.LOOPBACK_SERVICES)
_ALONE = "with loopback addresses containers reach neither Services nor other pods"


class Program:
    """A junction that runs. Blocking; raises `OSError` for what the kernel refuses there."""

    def __init__(self, process: int) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(_PATIENCE)
        self._control = ours
        arguments = [str(process), pausing.PROGRAM, *map(str, _NETWORKS)]
        command = [sys.executable, "-I", junction.__file__, *arguments]
        with theirs:
            self._child = subprocess.Popen(command, stdin=theirs.fileno())
        try:
            self._answer()
        except OSError:
            self.close()
            raise

    @property
    def runs(self) -> bool:
        return self._child.poll() is None

    def plug(self, process: int, address: str) -> None:
        self._ask("plug", {"process": process, "address": address})

    def listen(self, address: str, port: int, protocol: str) -> socket.socket:
        asked = {"address": address, "port": port, "protocol": protocol}
        [number] = self._ask("listen", asked)
        return socket.socket(fileno=number)

    def close(self) -> None:
        """End it; what it made ends with the last of its sockets."""
        self._control.close()
        try:
            self._child.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def _ask(self, verb: str, asked: Mapping[str, object]) -> list[int]:
        self._control.send(json.dumps([verb, asked]).encode())
        return self._answer()

    def _answer(self) -> list[int]:
        try:
            data, numbers, _, _ = socket.recv_fds(self._control, 4096, 1)
        except TimeoutError:
            self._child.kill()  # or a later question would have this one's answer
            raise
        if not data:
            raise ConnectionResetError("its program has ended")
        told = json.loads(data)
        if told:
            raise OSError(told["errno"], told["message"])
        return numbers


class Junctions:
    """The node's, if it needs one. Must be used on one event loop."""

    def __init__(self) -> None:
        self.why = "" if sys.platform == "linux" else "only Linux can bring them there"
        self._program: Program | None = None
        self._users = ""  # the user namespace it is in
        self._count = 0
        self._known = False  # whether there can be one, as far as may be
        self._plugged: dict[str, tuple[int, str]] = {}  # uid of a pod -> process, address
        self._refused: dict[str, str] = {}  # uid of a pod -> why it could not be
        self._lock = anyio.Lock()
        self._changed = anyio.Event()

    @property
    def device(self) -> str:
        """What entrances of the present junction are told by, empty where there is none."""
        return f"junction {self._count}" if self._program else ""

    def reason(self, uid: str = "") -> str:
        """Why containers, or those of a pod, reach nobody; empty unless that is known."""
        why = "" if self.joined(uid) else self._refused.get(uid, self.why)
        return f"{_ALONE}: {why}" if why else ""

    def joined(self, uid: str) -> bool:
        """Whether the containers of a pod reach Services and other pods."""
        return self._program is not None and uid in self._plugged

    async def changes(self) -> None:
        """Wait until there is another junction, or another reason for none."""
        await self._changed.wait()

    async def rehearse(self) -> None:
        """Find out whether there could be a junction, as far as that can be known without pods;
        once, and whoever asks again meanwhile waits.
        """
        async with self._lock:
            if not self.why and not self._known:
                self._known = True
                try:
                    program = await anyio.to_thread.run_sync(Program, 0)
                    await anyio.to_thread.run_sync(program.close)
                except OSError as error:
                    self._tell(_said(error))

    async def join(self, uid: str, process: int, address: str) -> None:
        """Link the containers of a pod, in which this is the first process; a pod that cannot be
        linked is alone.
        """
        async with self._lock:
            if self.joined(uid) and self._plugged[uid] == (process, address):
                return
            self.leave(uid)
            self._known = True
            try:
                users = _users(process)
                if self._program is None or not self._program.runs or users != self._users:
                    await self._begin(process, users)
                await self._plug(process, address)
            except OSError as error:
                self._refused[uid] = _said(error)
                self._tell(_said(error))
            else:
                self._plugged[uid] = process, address
                self._tell("")

    def leave(self, uid: str) -> None:
        """The link ends with the pod's sandbox."""
        self._plugged.pop(uid, None)
        self._refused.pop(uid, None)

    async def open(self, entrance: Entrance) -> socket.socket:
        """A socket for connections, there or on the machine.

        Raises:
            OSError: it cannot be had.
        """
        if not self.device or entrance.device != self.device:
            return await balancing.bind(entrance)
        async with self._lock:
            if self._program is None or not self._program.runs:
                await self._revive()
                raise ConnectionResetError("the junction has ended")
            what = entrance.address, entrance.port, entrance.protocol
            return await anyio.to_thread.run_sync(self._program.listen, *what)

    async def _revive(self) -> None:
        """Have another junction, for those who were at one that has ended."""
        for process, _ in list(self._plugged.values()):
            with suppress(OSError):  # it may have ended as well
                await self._begin(process, _users(process))
                return

    async def close(self) -> None:
        async with self._lock:
            if self._program is not None:
                await anyio.to_thread.run_sync(self._program.close)
            self._program = None
            self._plugged.clear()

    async def _begin(self, process: int, users: str) -> None:
        """Begin a junction, and bring those over who were at another one."""
        if self._program is not None:
            await anyio.to_thread.run_sync(self._program.close)
            self._program = None
        self._program = await anyio.to_thread.run_sync(Program, process)
        self._users = users
        self._count += 1
        for uid, (known, address) in list(self._plugged.items()):
            try:
                await self._plug(known, address)
            except OSError as error:
                _LOG.warning("pod %s reaches nobody any more: %s", uid, error)
                del self._plugged[uid]
        self._notify()

    async def _plug(self, process: int, address: str) -> None:
        assert self._program is not None
        await anyio.to_thread.run_sync(self._program.plug, process, address)

    def _tell(self, why: str) -> None:
        if why != self.why:
            self.why = why
            _LOG.info("%s", self.reason() or "containers reach Services and other pods")
            self._notify()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()


def _users(process: int) -> str:
    """The user namespace that a process is in.

    Raises:
        OSError: we may not know.
    """
    try:
        return str(Path(f"/proc/{process}/ns/user").readlink())
    except FileNotFoundError as error:
        raise OSError(error.errno, "the engine's containers are not on this machine") from error
    except PermissionError as error:
        raise OSError(error.errno, "the engine's containers are another user's") from error


def _said(error: OSError) -> str:
    return error.strerror or str(error)
