"""One control plane per data directory: a lock that goes with its process, however that ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def hold(path: Path, text: str, *, patience: float = 1.0) -> Iterator[bool]:
    """Hold the lock and write `text` into it; gives False when another process holds it.

    Waits up to `patience` seconds, because `held` takes the lock for a moment too.
    """
    handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        mine = _take(handle, patience)
        if mine:
            os.ftruncate(handle, 0)
            os.write(handle, text.encode())
        yield mine
    finally:
        os.close(handle)


def held(path: Path) -> bool:
    """Tell whether some process holds the lock now."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def wait_free(path: Path, patience: float) -> bool:
    """Wait until nobody holds the lock, `patience` seconds at most; tells whether it is so."""
    deadline = time.monotonic() + patience
    while held(path):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _take(handle: int, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        else:
            return True
