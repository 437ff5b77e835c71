"""Where containers with loopback addresses meet Services and other pods: a network namespace.

127.0.0.0/8 is each container's own, so that what the node has there is brought into it: a container
gets a link to this namespace, and routes. Here every such address is local. Sockets are opened here
and given to the node, which takes connections and carries them on as it does for processes. What is
made lasts as long as this process or one of its sockets, so that nothing is left of a node.

No root is needed: who made the containers may join the user namespace that they are in.

The node runs this file as a program, `python -I junction.py PROCESS PROGRAM NETWORK...`: PROCESS is
one of a container, 0 for a trial without any, PROGRAM what it must run, for engines elsewhere count
other processes than we do. Requests and answers are JSON, one a packet, on standard input.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

GATEWAY = "169.254.65.1"
_INSIDE = "169.254.64."  # and the last part of the pod's address
_PREFIX = 23
_BRIDGE = "junction"
_LINK = "lateen0"  # in a container
_LOCAL_TABLE = 255  # which is asked before all others, and knows 127.0.0.0/8
_HOST_SCOPE = 254
_LONGEST = 65536  # of a request
_BEGINS = 10.0  # seconds for a container that is started to run its program
_LOOK = 0.01  # seconds between looks whether it does
_NEWUSER = 0x10000000
_NEWNET = 0x40000000


class Junction:
    """Raises `OSError` where the kernel refuses."""

    def __init__(self, process: int, program: str, networks: list[str]) -> None:
        self._program = program
        self._networks = networks
        self._machine = Path("/proc/self/ns/net").stat().st_ino
        _join(process)
        _call("unshare", _NEWNET)
        self._own = os.open("/proc/self/ns/net", os.O_RDONLY)
        with _netlink() as link:
            loopback = _up(link, "lo")
            link.link("add", ifname=_BRIDGE, kind="bridge")
            [index] = link.link_lookup(ifname=_BRIDGE)
            link.addr("add", index=index, address=GATEWAY, prefixlen=_PREFIX)
            _up(link, _BRIDGE)
            _carry_loopback(_BRIDGE)
            for network in networks:
                link.route(
                    "add",
                    dst=network,
                    oif=loopback,
                    type="local",
                    table=_LOCAL_TABLE,
                    scope=_HOST_SCOPE,
                )

    def plug(self, process: int, address: str) -> None:
        """Link a container, in which this is the first process, of the pod with this address."""
        place = os.open(f"/proc/{process}", os.O_RDONLY | os.O_DIRECTORY)
        try:
            theirs = os.open("ns/net", os.O_RDONLY, dir_fd=place)
            apart = os.fstat(theirs).st_ino != self._machine
            contained = apart and self._runs(place)
        finally:
            os.close(place)
        try:
            if not contained:
                raise OSError(errno.ESRCH, "the engine's containers are not on this machine")
            number = address.rpartition(".")[2]
            with _netlink() as link:
                remove(link, f"pod{number}")
            try:
                _call("setns", theirs, _NEWNET)
                self._furnish(number)
            finally:
                _call("setns", self._own, _NEWNET)
            with _netlink() as link:
                [bridge] = link.link_lookup(ifname=_BRIDGE)
                [index] = link.link_lookup(ifname=f"pod{number}")
                link.link("set", index=index, master=bridge, state="up")
        finally:
            os.close(theirs)

    def _runs(self, place: int) -> bool:
        """Whether a process of /proc runs the program. An engine says that a container runs while
        its first process is still the engine's own, which is about to turn into it.
        """
        deadline = time.monotonic() + _BEGINS
        while True:
            with os.fdopen(os.open("cmdline", os.O_RDONLY, dir_fd=place)) as file:
                found = file.read().partition("\0")[0] == self._program
            if found or time.monotonic() > deadline:
                return found
            time.sleep(_LOOK)

    def _furnish(self, number: str) -> None:
        """In the container's namespace: its end of the link, and what is found there."""
        with _netlink() as link:
            remove(link, _LINK)  # of an earlier junction
            peer = {"ifname": f"pod{number}", "net_ns_fd": self._own}
            link.link("add", ifname=_LINK, kind="veth", peer=peer)
            [index] = link.link_lookup(ifname=_LINK)
            own = _INSIDE + number
            link.addr("add", index=index, address=own, prefixlen=_PREFIX)
            _up(link, _LINK)
            _carry_loopback(_LINK)
            for network in self._networks:
                link.route(
                    "add",
                    dst=network,
                    gateway=GATEWAY,
                    oif=index,
                    prefsrc=own,
                    table=_LOCAL_TABLE,
                )

    def listen(self, address: str, port: int, protocol: str) -> socket.socket:
        """A socket at an address of this namespace."""
        stream = protocol == "TCP"
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
        try:
            if stream:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind((address, port))
        except OSError:
            made.close()
            raise
        return made


def _join(process: int) -> None:
    """Be where one may plug links into a container, or for a trial into nothing."""
    ours, theirs = (Path(f"/proc/{each}/ns/user") for each in ("self", process))
    if not process:
        if os.geteuid() != 0:
            _call("unshare", _NEWUSER)
    elif ours.readlink() != theirs.readlink():
        with theirs.open("rb") as file:
            _call("setns", file.fileno(), _NEWUSER)


def _carry_loopback(device: str) -> None:
    """Let addresses of 127.0.0.0/8 come and go, which the kernel takes for a fault elsewhere."""
    Path(f"/proc/sys/net/ipv4/conf/{device}/route_localnet").write_text("1")


def _up(link: Any, name: str) -> int:
    [index] = link.link_lookup(ifname=name)
    link.link("set", index=index, state="up")
    return int(index)


def remove(link: Any, name: str) -> None:
    """Remove an interface, if there is one: it may go with its namespace at any time."""
    from pyroute2.netlink.exceptions import NetlinkError

    for index in link.link_lookup(ifname=name):
        try:
            link.link("del", index=index)
        except NetlinkError as error:
            if error.code != errno.ENODEV:
                raise


@contextmanager
def _netlink() -> Iterator[Any]:
    """A connection to the kernel, in the namespace that we are in."""
    # here, as a user namespace is not joined with the threads that it may have
    from pyroute2 import IPRoute
    from pyroute2.netlink.exceptions import NetlinkError

    try:
        with IPRoute() as link:
            yield link
    except NetlinkError as error:
        raise OSError(error.code, os.strerror(error.code)) from error


def _call(name: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _answer(control: socket.socket, made: socket.socket | None, error: OSError | None) -> None:
    told = {"errno": error.errno, "message": error.strerror} if error else {}
    socket.send_fds(control, [json.dumps(told).encode()], [made.fileno()] if made else [])


def main(arguments: list[str]) -> int:
    """Until the node closes its end. Exit code 1 when there can be no junction."""
    process, program, *networks = arguments
    control = socket.socket(fileno=0)
    try:
        junction = Junction(int(process), program, networks)
    except OSError as error:
        _answer(control, None, error)
        return 1
    _answer(control, None, None)
    while request := control.recv(_LONGEST):
        verb, asked = json.loads(request)
        made = None
        try:
            if verb == "plug":
                junction.plug(**asked)
            else:
                made = junction.listen(**asked)
        except OSError as error:
            _answer(control, None, error)
        else:
            _answer(control, made, None)
        finally:
            if made is not None:
                made.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
