"""What pods and the machine use of processors and memory, as the kernel counts it (Linux).

Nothing is measured before somebody asks, and nothing between two questions: a rate is over the time
since an earlier one.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import anyio.to_thread

_PROC = Path("/proc")
_WINDOW = 10.0  # seconds that a rate is over, where there were questions for so long
_SHORTEST = 1.0  # seconds to wait where there was none
_STALE = 300.0  # seconds after which an earlier measurement says nothing about now

Key = tuple[str, str]  # uid of a pod, container


@dataclass(frozen=True, slots=True)
class Usage:
    """`seconds` of processor time so far, and bytes of memory now."""

    seconds: float = 0.0
    memory: int = 0


@dataclass(frozen=True, slots=True)
class Rate:
    """`cores` are seconds of processor time in each second."""

    cores: float
    seconds: float
    memory: int


@dataclass(frozen=True)
class Sample:
    when: float  # seconds since 1970
    machine: Usage
    containers: Mapping[Key, tuple[int, Usage]]  # with the pid that leads them


@dataclass(frozen=True)
class Reading:
    """`window` is over how many seconds rates are, `when` their end in seconds since 1970."""

    when: float
    window: float
    machine: Rate
    pods: Mapping[str, Mapping[str, Rate]] = field(default_factory=dict)  # uid -> container -> its

    def pod(self, uid: str) -> Mapping[str, Rate]:
        return self.pods.get(uid, {})


class Measurements:
    """`leaders` gives, by pod and container, the process that all others of it descend from."""

    def __init__(self, leaders: Callable[[], Mapping[Key, int]]) -> None:
        self._leaders = leaders
        self._samples: deque[Sample] = deque(maxlen=16)
        self._lock = anyio.Lock()

    async def read(self) -> Reading:
        """Waits a second when there is nothing to compare with."""
        async with self._lock:
            now = await self._sample()
            while self._samples and now.when - self._samples[0].when > _STALE:
                self._samples.popleft()
            if not self._samples:
                self._samples.append(now)
                await anyio.sleep(_SHORTEST)
                now = await self._sample()
            older = [each for each in self._samples if now.when - each.when >= _WINDOW]
            before = older[-1] if older else self._samples[0]
            if now.when - self._samples[-1].when >= _SHORTEST:
                self._samples.append(now)
        return compare(before, now)

    async def _sample(self) -> Sample:
        return await anyio.to_thread.run_sync(take, dict(self._leaders()))


def compare(before: Sample, now: Sample) -> Reading:
    """The rates between two samples; of what was not there at the first, or is another start of a
    container, since it began. Pure.
    """
    window = max(now.when - before.when, 0.001)

    def rate(then: Usage, used: Usage) -> Rate:
        cores = max(0.0, used.seconds - then.seconds) / window
        return Rate(cores, used.seconds, used.memory)

    pods: dict[str, dict[str, Rate]] = defaultdict(dict)
    for (uid, name), (leader, usage) in now.containers.items():
        known, then = before.containers.get((uid, name), (0, Usage()))
        pods[uid][name] = rate(then if known == leader else Usage(), usage)
    return Reading(now.when, window, rate(before.machine, now.machine), pods)


def take(leaders: Mapping[Key, int]) -> Sample:
    """Look at all processes once. Blocking."""
    when = time.time()
    table = dict(_processes())
    children: dict[int, list[int]] = defaultdict(list)
    for pid, (parent, _) in table.items():
        children[parent].append(pid)
    containers = {
        key: (leader, _sum(table[pid][1] for pid in _family(leader, children)))
        for key, leader in leaders.items()
        if leader in table
    }
    return Sample(when, _machine(), containers)


def _family(leader: int, children: Mapping[int, Iterable[int]]) -> Iterable[int]:
    found = [leader]
    for pid in found:  # which grows as we go
        found += children.get(pid, ())
    return found


def _sum(usages: Iterable[Usage]) -> Usage:
    seconds, memory = 0.0, 0
    for usage in usages:
        seconds += usage.seconds
        memory += usage.memory
    return Usage(seconds, memory)


def _processes() -> Iterable[tuple[int, tuple[int, Usage]]]:
    """(pid, (parent, usage)): time with that of children that have ended, memory of its own."""
    if not _PROC.is_dir():
        return
    tick, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    for entry in _PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # after the command name, which may hold anything: state ppid ... utime stime ...
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
            sizes = (entry / "statm").read_text().split()
        except OSError:
            continue  # it ended while we looked
        seconds = sum(int(ticks) for ticks in stat[11:15]) / tick
        memory = (int(sizes[1]) - int(sizes[2])) * page
        yield int(entry.name), (int(stat[1]), Usage(seconds, max(0, memory)))


def _machine() -> Usage:
    if not _PROC.is_dir():
        return Usage()
    fields = [int(word) for word in (_PROC / "stat").read_text().split("\n", 1)[0].split()[1:9]]
    idle = fields[3] + fields[4]
    sizes = {}
    for line in (_PROC / "meminfo").read_text().splitlines():
        name, _, rest = line.partition(":")
        sizes[name] = int(rest.split()[0]) * 1024
    memory = sizes["MemTotal"] - sizes.get("MemAvailable", sizes["MemFree"])
    return Usage((sum(fields) - idle) / os.sysconf("SC_CLK_TCK"), memory)
