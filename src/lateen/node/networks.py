"""How pods get an address of their own: a namespace on a bridge, or a loopback address.

With root on Linux each pod has a network namespace, so any number of replicas can listen on one
port. Elsewhere each has an address of 127.0.0.0/8, which its process is told to listen on (`HOST`).
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Protocol, TypeVar

import anyio.to_thread

from lateen.base import hashing
from lateen.base.problem import Problem
from lateen.node import addresses, junction, namespaces, routing
from lateen.node.junctions import Junctions
from lateen.node.settings import Settings

_LOG = logging.getLogger(__name__)
logging.getLogger("pyroute2").setLevel(logging.WARNING)  # every packet, otherwise

T = TypeVar("T")


class Network(Protocol):
    async def attach(self, uid: str, process: int = 0) -> str:
        """The pod's address, the same one each time, ready to be listened on.

        The pod's namespace becomes that of `process`, should it have none; 0 makes a new one.

        Raises:
            Problem: `node.network`.
        """
        ...

    async def detach(self, uid: str, *, keep: bool = False) -> None:
        """Take the network away; with `keep` the pod gets the same address again."""
        ...

    def entrance(self, uid: str) -> Path | None:
        """The namespace that the pod's processes must be started in."""
        ...

    async def sweep(self, known: Iterable[str]) -> None:
        """Remove what is left of pods other than these."""
        ...

    async def close(self) -> None:
        """Leave nothing in the kernel; pods keep their addresses on file."""
        ...


class Ground(Protocol):
    """What Services stand on. `gateway` is where pods find the machine, empty where they have no
    network of their own; `device` is what they come in at.
    """

    @property
    def gateway(self) -> str: ...

    @property
    def device(self) -> str: ...

    @property
    def junctions(self) -> Junctions:
        """Where containers find it that have a network of their engine's."""
        ...

    async def hold(self, addresses: set[str]) -> None:
        """Make these addresses the machine's, and no others of Services any more."""
        ...

    async def admit(self) -> None:
        """Have what engines set up on the machine let pods through."""
        ...


class Grounded(Network, Ground, Protocol):
    """What a node has."""


def alone(ground: Ground, uid: str = "") -> str:
    """Why containers, or those of a pod, reach no other pods, empty when they do."""
    return "" if ground.gateway else ground.junctions.reason(uid)


def names(ground: Ground, uid: str) -> str:
    """The name server that a pod finds, empty for none but those of the machine."""
    return ground.gateway or (junction.GATEWAY if ground.junctions.joined(uid) else "")


async def choose(settings: Settings, pods: Path) -> Grounded:
    """The kind of network that the settings ask for.

    Raises:
        Problem: `node.network` when it is `namespaces`, and they cannot be had.
    """
    plane = addresses.identity(settings.directory)
    if settings.network == "loopback" or (settings.network == "auto" and sys.platform != "linux"):
        return Loopback(plane, pods)
    bridged = Bridged(plane, pods, settings.directory / "subnet")
    try:
        await bridged.open()
    except (OSError, Problem) as error:
        if settings.network == "namespaces":
            hint = "run as root, or with the network setting `loopback`"
            message = f"network namespaces cannot be had: {error}"
            raise Problem("node.network", message, hint=hint) from error
        _LOG.info("pods get loopback addresses, as network namespaces cannot be had: %s", error)
        return Loopback(plane, pods)
    return bridged


class Loopback:
    gateway = ""
    device = ""

    def __init__(self, plane: str, pods: Path) -> None:
        self.junctions = Junctions()
        self._book = addresses.Book(pods, addresses.loopback_subnet(plane))

    async def attach(self, uid: str, process: int = 0) -> str:
        address = self._book.take(uid)
        if process:
            await self.junctions.join(uid, process, address)
        return address

    async def detach(self, uid: str, *, keep: bool = False) -> None:
        self.junctions.leave(uid)
        if not keep:
            self._book.give_back(uid)

    def entrance(self, uid: str) -> Path | None:
        return None

    async def hold(self, addresses: set[str]) -> None:
        return  # all of 127.0.0.0/8 is ours

    async def admit(self) -> None:
        return

    async def sweep(self, known: Iterable[str]) -> None:
        return

    async def close(self) -> None:
        await self.junctions.close()


class Bridged:
    """One bridge for the plane, one veth pair for each pod."""

    def __init__(self, plane: str, pods: Path, record: Path) -> None:
        self._plane = plane
        self._pods = pods
        self._record = record
        self._bridge = f"lt-{plane}"
        self._subnet = IPv4Network("0.0.0.0/32")
        self._book = addresses.Book(pods, self._subnet)
        self.junctions = Junctions()  # which nobody needs
        self._held: set[str] | None = None
        self._lock = threading.Lock()  # the kernel's tables are changed by one thread at a time

    @property
    def gateway(self) -> str:
        return str(self._subnet.network_address + 1)

    @property
    def device(self) -> str:
        return self._bridge

    async def hold(self, addresses: set[str]) -> None:
        if addresses != self._held:
            await self._locked(lambda: self._hold(addresses))
            self._held = set(addresses)

    def _hold(self, addresses: set[str]) -> None:
        with _netlink() as link:
            [index] = link.link_lookup(ifname=self._bridge)
            present = {str(a.get_attr("IFA_LOCAL")) for a in link.get_addr(index=index, family=2)}
            for address in addresses - present:
                link.addr("add", index=index, address=address, prefixlen=32)
            for address in present - addresses - {self.gateway}:
                link.addr("del", index=index, address=address, prefixlen=32)

    async def open(self) -> None:
        """Make the bridge.

        Raises:
            OSError: not allowed, or not possible on this system.
        """
        await self._locked(self._try_namespace)
        self._subnet = await self._locked(self._make_bridge)
        self._book = addresses.Book(self._pods, self._subnet)
        await self._route("open")

    async def attach(self, uid: str, process: int = 0) -> str:
        address = self._book.take(uid)
        try:
            await self._locked(lambda: self._plug(uid, address, process))
        except OSError as error:
            message = f"the pod's network cannot be made: {error}"
            raise Problem("node.network", message, retry=True) from error
        return address

    async def detach(self, uid: str, *, keep: bool = False) -> None:
        await self._locked(lambda: self._unplug(uid))
        if not keep:
            self._book.give_back(uid)

    def entrance(self, uid: str) -> Path | None:
        return namespaces.DIRECTORY / f"lateen-{self._plane}-{_short(uid)}"

    async def sweep(self, known: Iterable[str]) -> None:
        kept = {self.entrance(uid) for uid in known}
        for path in namespaces.DIRECTORY.glob(f"lateen-{self._plane}-*"):
            if path not in kept:
                await self._locked(partial(namespaces.remove, path))

    async def close(self) -> None:
        await self.sweep(())
        await self._route("close")
        await self._locked(self._remove_bridge)

    async def admit(self) -> None:
        await self._route("admit")

    async def _route(self, verb: str) -> None:
        """Open or close the way out; without one, pods still reach each other and the machine."""
        arguments = [verb, f"lateen-{self._plane}", str(self._subnet)]
        program = [sys.executable, "-I", routing.__file__, *arguments]
        done = await anyio.run_process(program, check=False)
        if done.returncode != 0:
            reason = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
            _LOG.warning("pods cannot reach beyond this machine: %s", " ".join(reason))

    async def _locked(self, function: Callable[[], T]) -> T:
        def run() -> T:
            with self._lock:
                return function()

        return await anyio.to_thread.run_sync(run)

    def _try_namespace(self) -> None:
        """The right to make bridges does not bring the right to make namespaces."""
        path = namespaces.DIRECTORY / f"lateen-{self._plane}-trial"
        namespaces.create(path)
        namespaces.remove(path)

    def _make_bridge(self) -> IPv4Network:
        with _netlink() as link:
            index = _index(link, self._bridge)
            subnet = self._choose(link, index)
            if index is None:
                link.link("add", ifname=self._bridge, kind="bridge")
                index = link.link_lookup(ifname=self._bridge)[0]
            gateway = str(subnet.network_address + 1)
            if not any(a.get_attr("IFA_LOCAL") == gateway for a in link.get_addr(index=index)):
                link.addr("add", index=index, address=gateway, prefixlen=subnet.prefixlen)
            link.link("set", index=index, state="up")
        return subnet

    def _choose(self, link: Any, bridge: int | None) -> IPv4Network:
        """The plane's subnet: that of last time, unless something else has taken it since."""
        taken = [
            IPv4Network((route.get_attr("RTA_DST"), route["dst_len"]))
            for route in link.get_routes(family=socket.AF_INET)
            if route.get_attr("RTA_DST") and route.get_attr("RTA_OIF") != bridge
        ]
        recorded = self._record.read_text().split() if self._record.exists() else []
        candidates = [IPv4Network(text) for text in recorded]
        subnet = addresses.choose([*candidates, *addresses.bridge_subnets(self._plane)], taken)
        self._record.parent.mkdir(parents=True, exist_ok=True)
        self._record.write_text(f"{subnet}\n")
        return subnet

    def _plug(self, uid: str, address: str, process: int) -> None:
        path = self.entrance(uid)
        assert path is not None
        host = f"lt{self._plane[:4]}{_short(uid)}"
        if process and not namespaces.holds(path, process):
            self._unplug(uid)  # of an earlier sandbox
        namespaces.create(path, process)
        with _netlink() as link:
            if _index(link, host) is None:
                with path.open("rb") as file:
                    peer = {"ifname": "eth0", "net_ns_fd": file.fileno()}
                    link.link("add", ifname=host, kind="veth", peer=peer)
            [bridge] = link.link_lookup(ifname=self._bridge)
            [index] = link.link_lookup(ifname=host)
            link.link("set", index=index, master=bridge, state="up")
        namespaces.inside(path, lambda: self._furnish(address))

    def _furnish(self, address: str) -> None:
        """In the pod's namespace: bring its interfaces up."""
        with _netlink() as link:
            [loopback] = link.link_lookup(ifname="lo")
            link.link("set", index=loopback, state="up")
            [index] = link.link_lookup(ifname="eth0")
            prefix = self._subnet.prefixlen
            link.addr("replace", index=index, address=address, prefixlen=prefix)
            link.link("set", index=index, state="up")
            gateway = str(self._subnet.network_address + 1)
            link.route("replace", dst="default", gateway=gateway)

    def _unplug(self, uid: str) -> None:
        path = self.entrance(uid)
        assert path is not None
        with _netlink() as link:
            # at once, as the namespace may live on for a while with a last process
            junction.remove(link, f"lt{self._plane[:4]}{_short(uid)}")
        namespaces.remove(path)

    def _remove_bridge(self) -> None:
        with _netlink() as link:
            junction.remove(link, self._bridge)


def _short(uid: str) -> str:
    return hashing.digest(uid, 9)  # an interface has a name of 15 characters at most


def _index(link: Any, name: str) -> int | None:
    found = link.link_lookup(ifname=name)
    return int(found[0]) if found else None


@contextmanager
def _netlink() -> Iterator[Any]:
    """A connection to the kernel, in the namespace of the calling thread.

    Raises:
        OSError: what the kernel refused.
    """
    # here, as the loopback mode does without these 10 MB
    from pyroute2 import IPRoute
    from pyroute2.netlink.exceptions import NetlinkError

    try:
        with IPRoute() as link:
            yield link
    except NetlinkError as error:
        raise OSError(error.code, os.strerror(error.code)) from error
