"""The port of the API: the one asked for, else the one of last time, else 7443, else any."""

from __future__ import annotations

import socket
from pathlib import Path

USUAL = 7443


def choose(asked: int, remembered: int) -> int:
    """A port for the API server; 0 stands for none asked for or remembered.

    What was asked for is taken as it is: if it is in use, the kube program says so.
    """
    if asked:
        return asked
    for port in (remembered, USUAL):
        if port and _free(port):
            return port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def remembered(path: Path) -> int:
    """The port of the last start; 0 when there was none."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0


def _free(port: int) -> bool:
    with socket.socket() as probe:
        # as the server will do: connections of the last run that linger are no hindrance
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
