"""Where a standalone control plane keeps what is its own."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_ROOM: Final = 8 << 20  # bytes that the database and the logs need to go on for a while


@dataclass(frozen=True, slots=True)
class Directory:
    """The data directory of one control plane."""

    root: Path  # absolute

    @property
    def kube(self) -> Path:
        """Database, certificates, tokens and kubeconfigs; written by the kube program alone."""
        return self.root / "kube"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def status(self) -> Path:
        return self.run / "status.json"

    @property
    def lock(self) -> Path:
        """Held by the supervisor as long as it lives; its text names the process."""
        return self.run / "supervisor.pid"

    @property
    def port(self) -> Path:
        """The port of the last start, so that kubeconfigs that were copied stay right."""
        return self.run / "port"

    def kubeconfig(self, who: str = "admin") -> Path:
        """The kubeconfig of `admin`, `controllers` or `node`."""
        return self.kube / f"{who}.kubeconfig"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def prepare(self) -> None:
        """Make the directories, readable by their owner only."""
        for path in (self.root, self.logs, self.run):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)


def directory(given: str | Path | None = None) -> Directory:
    """The directory given, or that of `$LATEEN_DATA_DIR`, or `~/.lateen`."""
    chosen = given or os.environ.get("LATEEN_DATA_DIR") or Path.home() / ".lateen"
    return Directory(Path(chosen).expanduser().absolute())


def lack(directory: Directory) -> str:
    """That there is hardly room left for the data; empty where there is."""
    try:
        free = shutil.disk_usage(directory.root).free
    except OSError:
        return ""
    if free >= _ROOM:
        return ""
    return f"there is no room left where {directory.root} is: {free >> 10} KiB are free"


def write(path: Path, value: Mapping[str, Any]) -> None:
    """Replace a JSON file as a whole: a reader sees the old one or the new one."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(value, file, indent=2)
            file.write("\n")
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read(path: Path) -> dict[str, Any]:
    """A JSON object written by `write`; empty when there is none, or it is none of ours."""
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
