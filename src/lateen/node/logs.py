"""Reading log files in the CRI format: `2026-11-23T20:00:00.1Z stdout F line`, P for a part."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import anyio

_BLOCK = 65536
_PERIOD = 0.25  # seconds between looks at a log that is followed


@dataclass(frozen=True)
class Selection:
    """What of a log is wanted. `tail` counts lines, -1 is all; `since` is an RFC 3339 time in UTC;
    `limit` counts bytes, 0 is no limit.
    """

    tail: int = -1
    since: str = ""
    limit: int = 0
    timestamps: bool = False
    follow: bool = False


@dataclass(frozen=True)
class File:
    """A log file, rotated ones beside it as `.1`, `.2`; `live` while it may still grow."""

    path: Path
    live: Callable[[], bool]

    async def read(self, selection: Selection) -> AsyncGenerator[bytes]:
        """The selected part in chunks; with `follow` until its process has ended."""
        left = selection.limit or float("inf")
        async for record in _walk(self, selection):
            text = render(record, selection)
            if text:
                yield text[: int(min(left, len(text)))]
                left -= len(text)
                if left <= 0:
                    return


def files(path: Path) -> list[Path]:
    """The files of a log, oldest first."""
    rotated = [p for p in path.parent.glob(path.name + ".*") if p.suffix[1:].isdigit()]
    older = sorted(rotated, key=lambda p: int(p.suffix[1:]), reverse=True)
    return [*older, path] if path.exists() else older


def render(record: bytes, selection: Selection) -> bytes:
    """A record as it is shown, nothing for one that is too old; parts are joined again."""
    stamp, _, rest = record.partition(b" ")
    _, _, rest = rest.partition(b" ")
    tag, _, text = rest.partition(b" ")
    if selection.since and stamp.decode(errors="replace") < selection.since:
        return b""
    shown = text if tag == b"P" else text + b"\n"
    return stamp + b" " + shown if selection.timestamps else shown


def records(file: BinaryIO) -> Iterator[bytes]:
    """Whole records from where the file stands; it is left standing before a broken one."""
    while True:
        at = file.tell()
        line = file.readline()
        if not line.endswith(b"\n"):
            file.seek(at)
            return
        yield line[:-1]


def start(paths: list[Path], tail: int) -> tuple[int, int]:
    """(index of a file, offset in it) where the last `tail` lines begin."""
    if tail < 0:
        return 0, 0
    missing = tail
    for index in range(len(paths) - 1, -1, -1):
        offset, found = _backwards(paths[index], missing)
        missing -= found
        if missing == 0:
            return index, offset
    return 0, 0


def _backwards(path: Path, lines: int) -> tuple[int, int]:
    """(offset of the last `lines` lines, how many there are)."""
    with path.open("rb") as file:
        end = at = file.seek(0, os.SEEK_END)
        found = 0
        while at > 0:
            size = min(_BLOCK, at)
            at -= size
            file.seek(at)
            block = file.read(size)
            position = size
            while (position := block.rfind(b"\n", 0, position)) >= 0:
                if at + position == end - 1:
                    continue  # the end of the last line begins no other
                found += 1
                if found == lines:
                    return at + position + 1, found
        if end == 0:
            return 0, 0
        return (end, 0) if lines == 0 else (0, found + 1)


async def _walk(log: File, selection: Selection) -> AsyncIterator[bytes]:
    paths = files(log.path)
    index, offset = start(paths, selection.tail)
    for number, path in enumerate(paths[index:]):
        last = index + number == len(paths) - 1
        with path.open("rb") as file:
            file.seek(offset if number == 0 else 0)
            for record in records(file):
                yield record
            if last and selection.follow:
                async for record in _follow(log, file):
                    yield record


async def _follow(log: File, file: BinaryIO) -> AsyncIterator[bytes]:
    """What is added to the log, through rotations, until nothing more can be."""
    current = file
    opened: BinaryIO | None = None
    try:
        while True:
            live = log.live()  # asked before reading: what is written before its end is read
            for record in records(current):
                yield record
            if _rotated(log.path, current):
                for record in records(current):
                    yield record
                if opened:
                    opened.close()
                current = opened = log.path.open("rb")
            elif not live:
                return
            else:
                await anyio.sleep(_PERIOD)
    finally:
        if opened:
            opened.close()


def _rotated(path: Path, file: BinaryIO) -> bool:
    try:
        return path.stat().st_ino != os.fstat(file.fileno()).st_ino
    except FileNotFoundError:  # between two names
        return False
