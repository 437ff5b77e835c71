"""Log files that do not fill the disk."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import BinaryIO

_CHUNK = 1 << 16


class Journal:
    """One process's output: a file, and `keep` older ones beside it as `.1`, `.2`, ..."""

    def __init__(self, path: Path, *, limit: int = 8 << 20, keep: int = 2) -> None:
        """`limit` is the size in bytes at which the file is put aside."""
        self.path = path
        self._limit = limit
        self._keep = keep
        self._file: BinaryIO | None = None
        self._size = 0

    def write(self, data: bytes) -> None:
        """Append. A full disk or a lost directory loses the text, never the process it is of."""
        try:
            file = self._open()
            file.write(data)
            self._size += len(data)
            if self._size >= self._limit:
                self._rotate()
        except OSError:
            self.close()

    def note(self, text: str) -> None:
        """A line of the supervisor's own among those of the process."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S")
        self.write(f"--- {moment} supervisor: {text}\n".encode())

    def close(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    def _open(self) -> BinaryIO:
        if self._file is None:
            descriptor = os.open(self.path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
            self._file = os.fdopen(descriptor, "ab", buffering=0)
            self._size = self._file.tell()
        return self._file

    def _rotate(self) -> None:
        self.close()
        for age in range(self._keep - 1, 0, -1):
            if (older := _aged(self.path, age)).exists():
                older.replace(_aged(self.path, age + 1))
        self.path.replace(_aged(self.path, 1))


def _aged(path: Path, age: int) -> Path:
    return path.with_name(f"{path.name}.{age}")


def tail(path: Path, count: int) -> list[str]:
    """The last `count` lines, without line ends; none when there is no file."""
    if count <= 0 or not path.exists():
        return []
    with path.open("rb") as file:
        left = file.seek(0, os.SEEK_END)
        text = b""
        while left > 0 and text.count(b"\n") <= count:
            step = min(_CHUNK, left)
            left = file.seek(left - step)
            text = file.read(step) + text
    return text.decode(errors="replace").splitlines()[-count:]


def follow(
    paths: Sequence[Path], *, sleep: Callable[[float], None] = time.sleep
) -> Generator[tuple[Path, str], None, None]:
    """Lines as they are written from now on, with the file they are in; without end.

    A file that is put aside is read to its end, and its successor from the start.
    """
    files = {path: _Followed(path, at_end=True) for path in paths}
    try:
        while True:
            fresh = [(path, line) for path, file in files.items() for line in file.lines()]
            yield from fresh
            if not fresh:
                sleep(0.2)
    finally:
        for file in files.values():
            file.close()


class _Followed:
    def __init__(self, path: Path, *, at_end: bool) -> None:
        self._path = path
        self._rest = b""
        self._file = self._open()
        if self._file is not None and at_end:
            self._file.seek(0, os.SEEK_END)

    def _open(self) -> BinaryIO | None:
        try:
            return self._path.open("rb")
        except FileNotFoundError:
            return None

    def lines(self) -> list[str]:
        moved = self._moved()  # asked first: what is written in between is still read below
        if self._file is None:
            self._file = self._open()
        found = self._read()
        if moved and self._file is not None:
            self._file.close()
            self._file = self._open()
            found += self._read()
        return found

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _moved(self) -> bool:
        if self._file is None:
            return False
        try:
            return self._path.stat().st_ino != os.fstat(self._file.fileno()).st_ino
        except FileNotFoundError:
            return False  # put aside, and the next one is not begun

    def _read(self) -> list[str]:
        if self._file is None:
            return []
        *whole, self._rest = (self._rest + self._file.read()).split(b"\n")
        return [line.decode(errors="replace") for line in whole]
