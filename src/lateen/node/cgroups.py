"""What processes may use of the machine is held by the kernel, in cgroups, if we may make any.

Each container of a process pod has one wherever there are limits to be had: version 2 has all in
one place, version 1 processors, memory and numbers of processes each in another. They are in a
directory of the plane's own, which is made beside the node's own cgroup (version 2, where those
with processes in them have no others below) or in it (version 1). Where they are, is on file in the
pod's directory before they are there: who comes after a crash, perhaps from another session with
other cgroups, removes them. Nothing else is touched.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from lateen.base import quantity
from lateen.node import limiting

_LOG = logging.getLogger(__name__)

KINDS = frozenset({"cpu", "memory", "pids"})  # of limits, as the kernel calls what holds them
_RECORD = "cgroup"  # beside the attempts of a container
_MEMBERS = "cgroup.procs"
_GIVEN = "cgroup.controllers"
_DIVIDED = "cgroup.subtree_control"
_COUNTS = ("memory.events", "memory.oom_control")  # of version 2, of 1
_SPARE = {"memory.oom.group", "memory.swap.max", "memory.swappiness"}  # that kernels may lack
_PERIOD = 100_000  # microseconds over which a limit holds
_SHORTEST = 1_000  # that the kernel lets anybody have of it
# by version: the file, the least, for a request of one core, the most
_WEIGHTS = {1: ("cpu.shares", 2, 1024, 262_144), 2: ("cpu.weight", 1, 100, 10_000)}
_TRIAL = {"resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}
_PATIENCE = 5.0  # seconds for what is killed to be gone


@dataclass(frozen=True)
class Hierarchy:
    """Where cgroups that hold these `kinds` of limits may be made: in `parent`."""

    version: int
    parent: Path
    kinds: frozenset[str]


class Cgroups:
    """Those of one plane, in directories with its `name`; each may have so many `pids`, any for 0.
    All of it is blocking.
    """

    def __init__(self, name: str, pids: int = 0, process: Path = Path("/proc/self")) -> None:
        self._name = name
        self._pids = pids
        self._process = process

    @property
    def held(self) -> frozenset[str]:
        """The kinds of limits that hold. Found out by trying, once."""
        return frozenset(self._tried[0])

    def reason(self, kinds: Iterable[str] = KINDS) -> str:
        """Why some of these do not hold here, empty when all do."""
        found = (self._tried[1].get(kind, "") for kind in sorted(kinds))
        return "; ".join(dict.fromkeys(filter(None, found)))

    def make(self, directory: Path, container: str, spec: Mapping[str, Any]) -> None:
        """Have new cgroups for a container of the pod with this directory, where there can be some.
        What is left of an earlier attempt is ended.

        Raises:
            OSError: the kernel refuses.
        """
        record = directory / "containers" / container / _RECORD
        _end(record)
        name = f"{directory.name}.{container}"
        groups = {each: each.parent / self._name / name for each in set(self._tried[0].values())}
        if not groups:
            return
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text("".join(f"{group}\n" for group in groups.values()))
        for hierarchy, group in groups.items():
            _make(hierarchy, group, values(hierarchy, spec, self._pids))

    def close(self) -> None:
        """Leave nothing in the kernel, if nothing runs."""
        for hierarchy in self._tried[0].values():
            _discard(hierarchy.parent / self._name)

    @cached_property
    def _tried(self) -> tuple[dict[str, Hierarchy], dict[str, str]]:
        """Where each kind of limit holds, and why others do not."""
        try:
            mounts = (self._process / "mountinfo").read_text()
            own = (self._process / "cgroup").read_text()
        except FileNotFoundError:
            return {}, dict.fromkeys(KINDS, "this system has no cgroups")
        found: dict[str, Hierarchy] = {}
        why: dict[str, str] = {}
        for hierarchy in hierarchies(mounts, own):
            if hierarchy.kinds <= found.keys():  # farther ones are left as they are
                continue
            try:
                able = self._try(hierarchy)
            except OSError as error:
                said = f"no cgroup can be made in {hierarchy.parent}: {error.strerror}"
                why = {**dict.fromkeys(hierarchy.kinds, said), **why}
                continue
            # a process is in one cgroup of version 2 only: in that which holds the most
            if len(able.kinds) > len(hierarchy.kinds & found.keys()):
                found = {k: each for k, each in found.items() if k not in hierarchy.kinds}
                found |= dict.fromkeys(able.kinds, able)
        for kind in KINDS - found.keys():
            why.setdefault(kind, f"no cgroups with limits of {kind} are to be seen")
        return found, {kind: said for kind, said in why.items() if kind not in found}

    def _try(self, hierarchy: Hierarchy) -> Hierarchy:
        """As far as it is of use; raises `OSError` where a process cannot be limited."""
        if hierarchy.version == 2:
            given = hierarchy.kinds.intersection((hierarchy.parent / _GIVEN).read_text().split())
            hierarchy = replace(hierarchy, kinds=given)
            if not given:
                raise OSError(errno.ENOENT, "it may divide nothing")
        group = hierarchy.parent / self._name / "trial"
        try:
            _make(hierarchy, group, values(hierarchy, _TRIAL, 1000))
            enter = ["sh", "-c", 'echo 0 > "$0"', str(group / _MEMBERS)]
            if subprocess.run(enter, stderr=subprocess.DEVNULL, check=False).returncode:
                raise OSError(errno.EACCES, "processes cannot be moved to it")
        finally:
            _discard(group)
            _discard(group.parent)
        return hierarchy


def hierarchies(mounts: str, own: str) -> Iterator[Hierarchy]:
    """Where to try, the nearest first. Pure.

    `mounts` and `own` are what the kernel says in `mountinfo` and `cgroup` of a process.
    """
    lines = [line.split(":", 2) for line in own.splitlines()]
    apart = {name for _, controllers, _ in lines for name in controllers.split(",")}
    for line in mounts.splitlines():
        root, point, kind, options = _mount(line)
        for _, controllers, path in lines:
            first = KINDS.intersection(options, controllers.split(","))
            second = KINDS - apart if not controllers else frozenset()
            kinds = {"cgroup": first, "cgroup2": second}.get(kind)
            if not kinds or not _within(path, root):
                continue
            place = point / path.removeprefix(root).lstrip("/")
            if kind == "cgroup":
                yield Hierarchy(1, place, kinds)
                continue
            while place != point:
                place = place.parent
                yield Hierarchy(2, place, kinds)
            if path == root:  # only the first of all may have processes and others below
                yield Hierarchy(2, point, kinds)


def values(hierarchy: Hierarchy, spec: Mapping[str, Any], pids: int) -> dict[str, str]:
    """What to write into which file of a new cgroup of a container. Pure."""
    written: dict[str, str] = {}
    if "cpu" in hierarchy.kinds:
        written |= _processors(hierarchy.version, spec.get("resources") or {})
    if "memory" in hierarchy.kinds and (most := limiting.memory(spec)):
        # the disk is no way out; version 1 cannot kill all of them: the shim does
        written |= (
            {"memory.max": str(most), "memory.swap.max": "0", "memory.oom.group": "1"}
            if hierarchy.version == 2
            else {"memory.limit_in_bytes": str(most), "memory.swappiness": "0"}
        )
    if "pids" in hierarchy.kinds and pids:
        written["pids.max"] = str(pids)
    return written


def _processors(version: int, resources: Mapping[str, Any]) -> dict[str, str]:
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


def entrances(directory: Path, container: str) -> list[str]:
    """The files that a process of a container enters its cgroups by."""
    groups = _recorded(directory / "containers" / container / _RECORD)
    return [str(group / _MEMBERS) for group in groups]


def count(directory: Path, container: str) -> str:
    """The file that tells how many processes of a container the kernel killed as memory ran out,
    empty where nobody counts them.
    """
    groups = _recorded(directory / "containers" / container / _RECORD)
    found = (group / name for group in groups for name in _COUNTS)
    return next((str(each) for each in found if each.exists()), "")


def admit(entrances: Iterable[str], pid: int) -> None:
    """Put a process into cgroups, unless it has ended, or the container has."""
    for entrance in entrances:
        with suppress(OSError):  # then nobody is left to be limited
            Path(entrance).write_text(str(pid))


def clear(directory: Path) -> None:
    """Remove the cgroups of a pod, and end whatever is left in them."""
    for record in (directory / "containers").glob(f"*/{_RECORD}"):
        _end(record)


def _end(record: Path) -> None:
    for group in _recorded(record):
        _remove(group)
    record.unlink(missing_ok=True)


def _recorded(record: Path) -> list[Path]:
    try:
        return [Path(line) for line in record.read_text().splitlines()]
    except FileNotFoundError:
        return []


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
            _divide(above, hierarchy.kinds)
    if "cpu" in hierarchy.kinds:
        # all pods together: as much as a machine's worth of requests, not as one process
        _write(group.parent, weight(hierarchy.version, Decimal(os.cpu_count() or 1)))
    group.mkdir(exist_ok=True)
    _write(group, wanted)


def _write(group: Path, wanted: Mapping[str, str]) -> None:
    for name, value in wanted.items():
        if name in _SPARE and not (group / name).exists():
            continue
        try:
            (group / name).write_text(value)
        except OSError as error:
            # version 1 refuses what is more than those above have, which holds anyway
            if name != "cpu.cfs_quota_us" or error.errno != errno.EINVAL:
                raise


def _divide(group: Path, kinds: frozenset[str]) -> None:
    """Let those below have limits of these kinds."""
    lacking = kinds.difference((group / _DIVIDED).read_text().split())
    if lacking:
        (group / _DIVIDED).write_text(" ".join(f"+{kind}" for kind in lacking))


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
