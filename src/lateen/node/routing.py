"""The way out for pods in network namespaces: forwarding, and masquerading by nftables.

Pods reach what the machine reaches, under its address. Nobody beyond the machine reaches a pod:
connections to the subnet that begin elsewhere are dropped. Needs root.

Docker drops what others forward, even from one pod to another. It leaves a chain to say what it is
to let through, of iptables, which it needs itself.

The node runs this file as a program, `python -I routing.py open|admit|close TABLE SUBNET`: what
pyroute2 knows of nftables takes 18 MB, for a few calls in the node's life.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
_SOURCE, _DESTINATION = 12, 16  # offsets of the addresses in an IPv4 header
_EQUAL, _OTHER = 0, 1
_DROP, _ACCEPT = 0, 1
_NETWORK_HEADER = 1
_SOURCE_NAT = 100  # the priority that NAT has
_CT_DIRECTION = 1
_REGISTER = 1
_DOCKER = "DOCKER-USER"

Expression = dict[str, Any]


def main(arguments: list[str]) -> int:
    """Exit code 1, and the reason on standard error, when the kernel refuses."""
    [verb, table, subnet] = arguments
    try:
        if verb == "open":
            open_way(table, IPv4Network(subnet))
        if verb == "close":
            close_way(table)
        _admit(table, subnet, wanted=verb != "close")
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def open_way(table: str, subnet: IPv4Network) -> None:
    """Let pods of a subnet out; replaces what an earlier node left under the table's name.

    Raises:
        OSError: the kernel refuses, or has no nftables.
    """
    from pyroute2.nftables.expressions import masq, verdict

    close_way(table)
    with _nftables() as nft:
        nft.table("add", name=table)
        nft.chain(
            "add",
            table=table,
            name="out",
            type="nat",
            hook="postrouting",
            priority=_SOURCE_NAT,
            policy=_ACCEPT,
        )
        away = [*_match(_SOURCE, subnet, _EQUAL), *_match(_DESTINATION, subnet, _OTHER)]
        nft.rule("add", table=table, chain="out", expressions=(away, masq()))
        nft.chain("add", table=table, name="in", type="filter", hook="forward", policy=_ACCEPT)
        intruding = [
            *_match(_DESTINATION, subnet, _EQUAL),
            *_match(_SOURCE, subnet, _OTHER),
            _expression("ct", {"dreg": _REGISTER, "key": _CT_DIRECTION}),
            _compare(b"\0", _EQUAL),  # not an answer
        ]
        nft.rule("add", table=table, chain="in", expressions=(intruding, verdict(_DROP)))
    _FORWARD.write_text("1\n")


def _admit(table: str, subnet: str, *, wanted: bool) -> None:
    """Have Docker let pods out, and answers in; with nothing of Docker there is nothing to do."""
    if not shutil.which("iptables") or not _iptables("-n", "-L", _DOCKER):
        return
    named = ("-m", "comment", "--comment", table)
    answers = ("-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED")
    for rule in (("-s", subnet), ("-d", subnet, *answers)):
        whole = (_DOCKER, *rule, *named, "-j", "ACCEPT")
        there = _iptables("-C", *whole)
        if there != wanted and not _iptables("-I" if wanted else "-D", *whole):
            raise OSError(f"iptables does not take rules for {_DOCKER}")


def _iptables(*arguments: str) -> bool:
    return subprocess.run(["iptables", "-w", *arguments], capture_output=True).returncode == 0


def close_way(table: str) -> None:
    """Remove the rules; forwarding stays on, as others may rely on it by now."""
    with _nftables() as nft:
        if any(found.get_attr("NFTA_TABLE_NAME") == table for found in nft.get_tables()):
            nft.table("del", name=table)


def _match(offset: int, subnet: IPv4Network, sign: int) -> list[Expression]:
    payload = {"dreg": _REGISTER, "base": _NETWORK_HEADER, "offset": offset, "len": 4}
    mask = {"attrs": [("NFTA_DATA_VALUE", subnet.netmask.packed)]}
    nothing = {"attrs": [("NFTA_DATA_VALUE", b"\0\0\0\0")]}
    masking = {"sreg": _REGISTER, "dreg": _REGISTER, "len": 4, "mask": mask, "xor": nothing}
    return [
        _expression("payload", payload),
        _expression("bitwise", masking),
        _compare(subnet.network_address.packed, sign),
    ]


def _compare(value: bytes, sign: int) -> Expression:
    data = {"attrs": [("NFTA_DATA_VALUE", value)]}
    return _expression("cmp", {"sreg": _REGISTER, "op": sign, "data": data})


def _expression(name: str, values: Mapping[str, Any]) -> Expression:
    from pyroute2.nftables.expressions import genex

    made: Expression = genex(name, values)
    return made


@contextmanager
def _nftables() -> Iterator[Any]:
    from pyroute2.netlink.exceptions import NetlinkError
    from pyroute2.nftables.main import NFTables

    try:
        with NFTables(nfgen_family=2) as nft:
            yield nft
    except NetlinkError as error:
        raise OSError(error.code, os.strerror(error.code)) from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
