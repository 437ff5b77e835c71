"""Connections into a pod: to what listens on its own 127.0.0.1, or on its address."""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from pathlib import Path

import anyio.to_thread

from lateen.base.problem import Problem
from lateen.node import namespaces
from lateen.node.drivers import Peer

_TIMEOUT = 5.0  # seconds


async def dial(entrance: Path | None, address: str, port: int) -> Peer:
    """A connection to a port of a pod.

    Raises:
        Problem: `node.dial` when nobody answers.
    """
    # elsewhere 127.0.0.1 is that of the machine, not of the pod
    hosts = ["127.0.0.1", address] if entrance is not None else [address]
    failure = ""
    for host in hosts:
        connect = partial(socket.create_connection, (host, port), _TIMEOUT)
        try:
            made = await anyio.to_thread.run_sync(namespaces.inside, entrance, connect)
        except OSError as error:
            failure = error.strerror or str(error)
            continue
        made.setblocking(False)
        return await asyncio.open_connection(sock=made)
    raise Problem("node.dial", f"nobody answers at port {port} of the pod: {failure}")
