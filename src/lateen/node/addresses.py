"""Addresses for pods out of one subnet, remembered in a file beside each pod."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, ip_address
from pathlib import Path

from lateen.base import hashing
from lateen.base.problem import Problem

SERVICES = IPv4Network("10.96.0.0/16")  # as the control plane of the machine gives them
LOOPBACK_PODS = IPv4Network("127.64.0.0/10")  # far from 127.0.0.1 and what people use by hand
LOOPBACK_SERVICES = IPv4Network("127.128.0.0/10")
_PLANES = 1 << 14  # of a /24 each


def identity(directory: Path) -> str:
    """Eight hex digits that differ between the planes of a machine."""
    return hashing.digest(str(directory.resolve()), 8)


def loopback_subnet(plane: str) -> IPv4Network:
    """A /24 for the pods of a plane."""
    return _part(LOOPBACK_PODS, plane)


def service_subnet(plane: str) -> IPv4Network:
    """A /24 for the Services of a plane."""
    return _part(LOOPBACK_SERVICES, plane)


def _part(whole: IPv4Network, plane: str) -> IPv4Network:
    return IPv4Network((whole.network_address + int(plane, 16) % _PLANES * 256, 24))


def of_loopback(address: str) -> bool:
    """Whether it is that of a pod with a loopback address."""
    return ip_address(address) in LOOPBACK_PODS


def bridge_subnets(plane: str) -> Iterator[IPv4Network]:
    """The /22 networks of 10.200.0.0 to 10.254.255.255, in an order of the plane's own."""
    count = 55 * 64
    first = int(plane, 16) % count
    for step in range(count):
        yield IPv4Network((IPv4Address("10.200.0.0") + (first + step) % count * 1024, 22))


def choose(candidates: Iterable[IPv4Network], taken: Iterable[IPv4Network]) -> IPv4Network:
    """The first candidate that overlaps nothing taken.

    Raises:
        Problem: `node.network` when there is none.
    """
    used = [network for network in taken if network.prefixlen]  # the default route is no clash
    for candidate in candidates:
        if not any(candidate.overlaps(network) for network in used):
            return candidate
    raise Problem("node.network", "no network in 10.200.0.0 to 10.254.255.255 is free", retry=True)


class Book:
    """Which pod has which address: `PODS/UID/address` holds it."""

    def __init__(self, pods: Path, subnet: IPv4Network) -> None:
        self._pods = pods
        self._subnet = subnet
        self._used: dict[str, IPv4Address] = {}
        self._next = 0
        for file in pods.glob("*/address"):
            address = IPv4Address(file.read_text().strip())
            if address in subnet:
                self._used[file.parent.name] = address

    def take(self, uid: str) -> str:
        """The pod's address: the one it has, or the one unused for longest.

        Raises:
            Problem: `node.network` when all are taken.
        """
        if uid in self._used:
            return str(self._used[uid])
        size = self._subnet.num_addresses - 3  # network, bridge and broadcast are no pod's
        taken = set(self._used.values())
        for step in range(size):
            number = (self._next + step) % size
            address = self._subnet.network_address + 2 + number
            if address not in taken:
                self._next = number + 1
                self._used[uid] = address
                path = self._pods / uid / "address"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"{address}\n")
                return str(address)
        raise Problem("node.network", f"all {size} addresses of the node are taken", retry=True)

    def give_back(self, uid: str) -> None:
        self._used.pop(uid, None)
        (self._pods / uid / "address").unlink(missing_ok=True)
