"""Ports that only root may listen at, and where those are instead who are not."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_LIFT = 61000  # beyond those that the kernel gives to whoever asks for any
_HIGHEST = 65535
_SAID = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
_USUAL = 1024
_COMMON = "127.0.0.1"  # others listen there as well: what is wanted there is wanted as it is


def lowest() -> int:
    """The first port that we may listen at; 0 where that is any."""
    if sys.platform != "linux" or os.geteuid() == 0:
        return 0
    try:
        return int(_SAID.read_text())
    except (OSError, ValueError):
        return _USUAL


def lift(address: str, port: int, least: int) -> int:
    """The port where the machine finds a port of somebody with a loopback address of their own,
    when nobody may listen below `least`. Pure.
    """
    own = address.startswith("127.") and address != _COMMON
    return port + _LIFT if own and 0 < port < min(least, _HIGHEST - _LIFT) else port
