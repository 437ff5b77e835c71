"""Archives unpacked with care: nothing outside, nothing without bounds."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Final

from lateen.base.problem import Problem

MOST: Final = 256 * 2**20  # bytes of a tree
FILES: Final = 20_000


def unpack(content: bytes, into: Path, shown: str) -> None:
    """Write the regular files of a tar or zip archive; links and devices are left out.

    Raises:
        Problem: `source.archive` for one that is neither, is damaged or leads outside,
            `source.too-large`.
    """
    into.mkdir(mode=0o700)
    count, size = 0, 0
    try:
        for name, announced, stream in _files(content):
            count, size = count + 1, size + announced
            bound(count, size, shown)
            path = into / inside(name, shown)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(stream.read(announced))
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError, ValueError) as error:
        message = f"{shown} is no archive that can be unpacked: {error}"
        raise Problem("source.archive", message) from error


def root_of(tree: Path, directory: str) -> Path:
    """Where a directory is looked for: archives of a repository hold one that holds it all."""
    inside = list(tree.iterdir())
    if (tree / directory).is_dir() and not (directory == "." and len(inside) == 1):
        return tree
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else tree


def _files(content: bytes) -> Iterator[tuple[str, int, IO[bytes]]]:
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            for entry in packed.infolist():
                if not entry.is_dir() and not stat.S_ISLNK(entry.external_attr >> 16):
                    with packed.open(entry) as stream:
                        yield entry.filename, entry.file_size, stream
        return
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:*") as tar:
        for member in tar:
            content_of = tar.extractfile(member) if member.isreg() else None
            if content_of is not None:
                yield member.name, member.size, content_of


def bound(count: int, size: int, shown: str) -> None:
    """Let no tree have more files, or bytes, than anybody wants.

    Raises:
        Problem: `source.too-large`.
    """
    if size > MOST or count > FILES:
        limit = f"{MOST // 2**20} MiB or {FILES} files"
        raise Problem("source.too-large", f"{shown} holds more than {limit}")


def inside(name: str, shown: str) -> PurePosixPath:
    """Where a file goes, in the directory that all of them go to.

    Raises:
        Problem: `source.archive` for one that leads out of it.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name:
        raise Problem("source.archive", f"{shown} holds {name}, which leads out of it")
    return path
