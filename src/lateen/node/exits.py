"""Be told when a process ends that need not be a child of ours."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

_PERIOD = 0.5  # seconds between looks, where the system cannot tell


class Exits:
    """Watches processes on the running event loop, each with a callback for its end."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._fds: dict[int, int] = {}  # pid -> pidfd
        self._timers: dict[int, asyncio.TimerHandle] = {}

    def watch(self, pid: int, ended: Callable[[], None]) -> None:
        """Call `ended` once, soon after the process has; also when it had already."""
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            self._loop.call_soon(ended)
            return
        except (AttributeError, OSError):  # not Linux
            self._look(pid, ended)
            return
        self._fds[pid] = fd
        self._loop.add_reader(fd, self._readable, pid, ended)

    def close(self) -> None:
        for fd in self._fds.values():
            self._loop.remove_reader(fd)
            os.close(fd)
        for timer in self._timers.values():
            timer.cancel()
        self._fds.clear()
        self._timers.clear()

    def _readable(self, pid: int, ended: Callable[[], None]) -> None:
        fd = self._fds.pop(pid)
        self._loop.remove_reader(fd)
        os.close(fd)
        _reap(pid)
        ended()

    def _look(self, pid: int, ended: Callable[[], None]) -> None:
        self._timers.pop(pid, None)
        _reap(pid)
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            ended()
            return
        self._timers[pid] = self._loop.call_later(_PERIOD, self._look, pid, ended)


def _reap(pid: int) -> None:
    """Collect it when it is a child of ours; one that was adopted is collected by init."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
