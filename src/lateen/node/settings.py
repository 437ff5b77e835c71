"""What the node is told at its start, and nothing else."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lateen.base import lifting
from lateen.node import isolating
from lateen.node.images import Thrift

Network = Literal["auto", "namespaces", "loopback"]


@dataclass(frozen=True)
class Settings:
    """Sizes are in bytes, times in seconds.

    `network`: `namespaces` gives each pod a network namespace (Linux, root), `loopback` an address
    of its own in 127.0.0.0/8; `auto` takes the first where it is possible. `isolation`: `on` runs
    no process that is not isolated, `auto` isolates where it is possible.
    """

    name: str
    directory: Path  # the node's own: pods, logs
    certificate: Path  # of the kubelet API, with its key, signed by
    key: Path
    authority: Path  # which must also have signed who asks
    port: int = 0  # of the kubelet API on 127.0.0.1; 0 takes a free one
    network: Network = "auto"
    container_engine: str = "auto"  # the socket of one, or `none`
    lowest_port: int = field(default_factory=lifting.lowest)  # that may be listened at
    isolation: isolating.Mode = "auto"  # of processes
    hidden: tuple[Path, ...] = ()  # directories that isolated processes do not see
    thrift: Thrift = field(default_factory=Thrift)  # with images
    process_pids: int = 4096  # of a container of processes, with threads; 0 for any
    sweep_interval: float = 600.0  # between looks for images that nothing uses
    version: str = "v0.1.0"
    capacity: int = 250  # pods
    refresh_volumes: float = 30.0  # mounted ConfigMaps, Secrets, tokens are looked at this often
    log_bytes: int = 10 * 1024 * 1024  # a log file is rotated at this size
    log_files: int = 5  # of one process, the one being written among them
    lease_interval: float = 10.0
    refresh_interval: float = 300.0  # the Node object is looked after this often
    stop_grace: float = 10.0  # at most, for all processes together when the node stops
    python: str = field(default=sys.executable)  # that the shims run with
