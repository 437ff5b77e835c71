"""What processes may use of the processors is held by the kernel, in cgroups, if we may make any.

Each container of a process pod has one, in a directory of the plane's own, which is made beside the
node's own cgroup (version 2, where those with processes in them have no others below) or in it
(version 1). Where it is, is on file in the pod's directory before it is there: who comes after a
crash, perhaps from another session with other cgroups, removes it. Nothing else is touched.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from lateen.base import quantity

_LOG = logging.getLogger(__name__)

_RECORD = "cgroup"  # beside the attempts of a container
_MEMBERS = "cgroup.procs"
_GIVEN = "cgroup.controllers"
_DIVIDED = "cgroup.subtree_control"
_PERIOD = 100_000  # microseconds over which a limit holds
_SHORTEST = 1_000  # that the kernel lets anybody have of it
# by version: the file, the least, for a request of one core, the most
_WEIGHTS = {1: ("cpu.shares", 2, 1024, 262_144), 2: ("cpu.weight", 1, 100, 10_000)}
_PATIENCE = 5.0  # seconds for what is killed to be gone


@dataclass(frozen=True)
class Hierarchy:
    """Where cgroups that divide the processors may be made: in `parent`."""

    version: int
    parent: Path


class Cgroups:
    """Those of one plane, in directories with its `name`. All of it is blocking."""

    def __init__(self, name: str, process: Path = Path("/proc/self")) -> None:
        self._name = name
        self._process = process

    @property
    def reason(self) -> str:
        """Why nothing can be limited here, empty when it can. Found out by trying, once."""
        return self._tried[1]

    def make(self, directory: Path, container: str, spec: Mapping[str, Any]) -> None:
        """Have a cgroup for a container of the pod with this directory, where there can be one.

        Raises:
            OSError: the kernel refuses.
        """
        hierarchy, _ = self._tried
        if hierarchy is None:
            return
        record = directory / "containers" / container / _RECORD
        group = hierarchy.parent / self._name / f"{directory.name}.{container}"
        before = _recorded(record)
        if before not in (None, group):
            _remove(before)
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(str(group))
        _make(hierarchy, group, values(hierarchy.version, spec.get("resources") or {}))

    def close(self) -> None:
        """Leave nothing in the kernel, if nothing runs."""
        hierarchy, _ = self._tried
        if hierarchy is not None:
            _discard(hierarchy.parent / self._name)

    @cached_property
    def _tried(self) -> tuple[Hierarchy | None, str]:
        try:
            mounts = (self._process / "mountinfo").read_text()
            own = (self._process / "cgroup").read_text()
        except FileNotFoundError:
            return None, "this system has no cgroups"
        why = ""
        for hierarchy in hierarchies(mounts, own):
            try:
                self._try(hierarchy)
            except OSError as error:
                why = why or f"no cgroup can be made in {hierarchy.parent}: {error.strerror}"
            else:
                return hierarchy, ""
        return None, why or "no cgroups that divide the processors are to be seen"

    def _try(self, hierarchy: Hierarchy) -> None:
        """Raises `OSError` where a process cannot be limited."""
        group = hierarchy.parent / self._name / "trial"
        try:
            _make(hierarchy, group, values(hierarchy.version, {"limits": {"cpu": "1"}}))
            enter = ["sh", "-c", 'echo 0 > "$0"', str(group / _MEMBERS)]
            if subprocess.run(enter, stderr=subprocess.DEVNULL, check=False).returncode:
                raise OSError(errno.EACCES, "processes cannot be moved to it")
        finally:
            _discard(group)
            _discard(group.parent)


def hierarchies(mounts: str, own: str) -> Iterator[Hierarchy]:
    """Where to try, the nearest first. Pure.

    `mounts` and `own` are what the kernel says in `mountinfo` and `cgroup` of a process.
    """
    lines = [line.split(":", 2) for line in own.splitlines()]
    apart = any("cpu" in controllers.split(",") for _, controllers, _ in lines)
    for line in mounts.splitlines():
        root, point, kind, options = _mount(line)
        for _, controllers, path in lines:
            first = kind == "cgroup" and "cpu" in options and "cpu" in controllers.split(",")
            second = kind == "cgroup2" and not controllers and not apart
            if not (first or second) or not _within(path, root):
                continue
            place = point / path.removeprefix(root).lstrip("/")
            if first:
                yield Hierarchy(1, place)
                continue
            while place != point:
                place = place.parent
                yield Hierarchy(2, place)
            if path == root:  # only the first of all may have processes and others below
                yield Hierarchy(2, point)


def values(version: int, resources: Mapping[str, Any]) -> dict[str, str]:
    """What to write into which file of a cgroup. Pure."""
    limit = quantity.parse((resources.get("limits") or {}).get("cpu"))
    request = quantity.parse((resources.get("requests") or {}).get("cpu"))
    quota = max(_SHORTEST, int(limit * _PERIOD)) if limit else None
    limits = (
        {"cpu.max": f"{quota or 'max'} {_PERIOD}"}
        if version == 2
        else {"cpu.cfs_period_us": str(_PERIOD), "cpu.cfs_quota_us": str(quota or -1)}
    )
    return {**weight(version, request or Decimal()), **limits}


def weight(version: int, cores: Decimal) -> dict[str, str]:
    """What to write for the part that one is to get of processors that are all in use. Pure."""
    name, least, whole, most = _WEIGHTS[version]
    return {name: str(min(most, max(least, int(cores * whole))))}


def entrance(directory: Path, container: str) -> str:
    """The file that a process of a container enters its cgroup by, empty where there is none."""
    group = _recorded(directory / "containers" / container / _RECORD)
    return str(group / _MEMBERS) if group else ""


def admit(entrance: str, pid: int) -> None:
    """Put a process into a cgroup, unless it has ended, or the container has."""
    if entrance:
        with suppress(OSError):  # then nobody is left to be limited
            Path(entrance).write_text(str(pid))


def clear(directory: Path) -> None:
    """Remove the cgroups of a pod, and end whatever is left in them."""
    for record in (directory / "containers").glob(f"*/{_RECORD}"):
        if group := _recorded(record):
            _remove(group)
        record.unlink(missing_ok=True)


def _recorded(record: Path) -> Path | None:
    try:
        return Path(record.read_text())
    except FileNotFoundError:
        return None


def _mount(line: str) -> tuple[str, Path, str, list[str]]:
    before, _, after = line.partition(" - ")
    root, point = (word.replace(r"\040", " ") for word in before.split(" ")[3:5])
    kind, _, options = after.split(" ", 2)
    return root, Path(point), kind, options.split(",")


def _within(path: str, root: str) -> bool:
    """Whether it is seen in a mount of `root`; `/..` is above all that we see."""
    return ".." not in path and (path == root or path.startswith(f"{root.rstrip('/')}/"))


def _make(hierarchy: Hierarchy, group: Path, wanted: Mapping[str, str]) -> None:
    group.parent.mkdir(exist_ok=True)
    if hierarchy.version == 2:
        for above in (hierarchy.parent, group.parent):
            _divide(above)
    # all pods together: as much as a machine's worth of requests, not as one process
    _write(group.parent, weight(hierarchy.version, Decimal(os.cpu_count() or 1)))
    group.mkdir(exist_ok=True)
    _write(group, wanted)


def _write(group: Path, wanted: Mapping[str, str]) -> None:
    for name, value in wanted.items():
        try:
            (group / name).write_text(value)
        except OSError as error:
            # version 1 refuses what is more than those above have, which holds anyway
            if name != "cpu.cfs_quota_us" or error.errno != errno.EINVAL:
                raise


def _divide(group: Path) -> None:
    """Let those below have parts of the processors."""
    if "cpu" not in (group / _GIVEN).read_text().split():
        raise OSError(errno.ENOENT, "it may not divide the processors")
    if "cpu" not in (group / _DIVIDED).read_text().split():
        (group / _DIVIDED).write_text("+cpu")


def _remove(group: Path) -> None:
    """With all that is in it: by now there is nobody who would collect it."""
    deadline = time.monotonic() + _PATIENCE
    while group.is_dir() and time.monotonic() < deadline:
        with suppress(OSError):  # as it is removed, or goes on ending
            for pid in map(int, (group / _MEMBERS).read_text().split()):
                if pid:  # 0 is somebody whom we do not see, and would be ourselves
                    os.kill(pid, signal.SIGKILL)
            group.rmdir()
            return
        time.sleep(0.01)
    if group.is_dir():
        _LOG.warning("the cgroup %s stays: its processes do not end", group)


def _discard(group: Path) -> None:
    """Remove it if nothing is in it."""
    with suppress(OSError):
        group.rmdir()
