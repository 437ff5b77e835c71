"""Finds the control plane that runs on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lateen.standalone import directories, locks
from lateen.standalone.directories import Directory


@dataclass(frozen=True, slots=True)
class Running:
    """A control plane whose supervisor lives."""

    pid: int  # of the supervisor
    port: int  # of the API on 127.0.0.1; 0 until it is chosen
    state: str  # starting, ready, stopping
    kubeconfig: Path
    directory: Directory


def running(data_dir: str | Path | None = None) -> Running | None:
    """The control plane of a data directory (by default the usual one), if it runs."""
    directory = directories.directory(data_dir)
    if not locks.held(directory.lock):
        return None
    pid = int(directories.read(directory.lock).get("pid", 0))
    status = directories.read(directory.status)
    return Running(
        pid=pid,
        port=int(status.get("port", 0)),
        state=str(status.get("state", "starting")),
        kubeconfig=directory.kubeconfig(),
        directory=directory,
    )


def kubeconfig(data_dir: str | Path | None = None) -> Path | None:
    """The administrator's kubeconfig of a running control plane."""
    found = running(data_dir)
    return found.kubeconfig if found and found.kubeconfig.exists() else None
