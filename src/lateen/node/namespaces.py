"""Network namespaces of Linux: make one, enter one, remove one. Blocking; needs root.

A namespace is kept alive by a bind mount, where `ip netns` looks for them too. A thread that has
entered a namespace is of no other use, so each entering gets a thread of its own.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

DIRECTORY = Path("/run/netns")

_CLONE_NEWNET = 0x40000000
_MS_BIND = 4096
_MNT_DETACH = 2

T = TypeVar("T")


def create(path: Path, process: int = 0) -> None:
    """Make a namespace and keep it at `path`; nothing to do when it is there.

    With `process` it is the one that this process is in.

    Raises:
        OSError: not allowed, or the kernel has no namespaces.
    """
    if exists(path):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o444)

    def make() -> None:
        own = f"/proc/{process}/ns/net"
        if not process:
            _call("unshare", _CLONE_NEWNET)
            own = f"/proc/self/task/{threading.get_native_id()}/ns/net"
        _call("mount", own.encode(), os.fsencode(path), b"none", _MS_BIND, None)

    try:
        _apart(make)
    except OSError:
        path.unlink()
        raise


def exists(path: Path) -> bool:
    """Whether a namespace is kept at `path`; after a restart of the machine only a file is left."""
    try:
        return path.stat().st_dev != path.parent.stat().st_dev
    except FileNotFoundError:
        return False


def holds(path: Path, process: int) -> bool:
    """Whether what is kept at `path` is the namespace that a process is in.

    Raises:
        OSError: there is no such process.
    """
    own = Path(f"/proc/{process}/ns/net").stat()
    return exists(path) and (path.stat().st_dev, path.stat().st_ino) == (own.st_dev, own.st_ino)


def remove(path: Path) -> None:
    """Let go of a namespace: it ends with its last process. Nothing to do when there is none."""
    if exists(path):
        _call("umount2", os.fsencode(path), _MNT_DETACH)
    path.unlink(missing_ok=True)


def inside(path: Path | None, function: Callable[[], T]) -> T:
    """The result of `function`, called in the namespace, or right here when there is none.

    A process it starts lives in the namespace. What it raises is raised.
    """
    if path is None:
        return function()

    def entered() -> T:
        with path.open("rb") as file:
            _call("setns", file.fileno(), _CLONE_NEWNET)
        return function()

    return _apart(entered)


def _apart(function: Callable[[], T]) -> T:
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(function())
        except BaseException as error:  # raised again below, in the calling thread
            errors.append(error)

    thread = threading.Thread(target=run, name="namespace")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def _call(name: str, *arguments: object) -> None:
    if sys.platform != "linux":
        raise OSError(f"{name}: this system has no network namespaces")
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
