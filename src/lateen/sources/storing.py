"""What was fetched is kept on disk by what it is, so that the same is not fetched twice."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lateen.base.problem import Problem

MOST: Final = 2**30  # bytes of all that is kept


@dataclass(frozen=True)
class Store:
    """A directory of archives and trees, each under its digest. What was not used for longest goes
    first when there is more than `most` bytes. Everything in it can be fetched again.
    """

    root: Path
    most: int = MOST

    def find(self, digest: str) -> Path | None:
        """The file or directory of a digest, None where it is not kept."""
        path = self._path(digest)
        if not path.exists():
            return None
        path.touch()  # used
        return path

    def keep_file(self, content: bytes, wanted: str = "") -> tuple[Path, str]:
        """Keep a file; returns where, and its digest.

        Raises:
            Problem: `source.digest` when it is not the one `wanted`.
        """
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if wanted and wanted.removeprefix("sha256:") != digest.removeprefix("sha256:"):
            raise Problem(
                "source.digest",
                f"what was fetched is {digest}, and not {wanted}",
                hint="it was damaged on its way, or changed where it is kept",
                retry=True,
            )
        return self._keep(digest, lambda path: path.write_bytes(content)), digest

    def keep_tree(self, digest: str, fill: Callable[[Path], object]) -> Path:
        """Keep a directory that `fill` makes at the path it is given."""
        return self._keep(digest, fill)

    def _keep(self, digest: str, fill: Callable[[Path], object]) -> Path:
        """A reader sees all of it or nothing: it is made beside, and moved."""
        path = self._path(digest)
        if path.exists():
            return path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=self.root, prefix=".new-"))
        try:
            fill(work / "content")
            try:
                (work / "content").rename(path)
            except OSError:
                if not path.exists():  # else somebody was faster with the same
                    raise
        finally:
            shutil.rmtree(work, ignore_errors=True)
        self._make_room(path)
        return path

    def _path(self, digest: str) -> Path:
        kind, _, value = digest.partition(":")
        if not value.isalnum() or not kind.replace("-", "").isalnum():
            raise Problem("source.digest", f'"{digest}" is no digest')
        return self.root / kind / value

    def _make_room(self, newest: Path) -> None:
        kept = sorted(self._kept(), key=lambda each: each.stat().st_mtime)
        sizes = {each: _size(each) for each in kept}
        total = sum(sizes.values())
        for each in kept:
            if total <= self.most:
                return
            if each != newest:
                total -= sizes[each]
                shutil.rmtree(each, ignore_errors=True) if each.is_dir() else each.unlink()

    def _kept(self) -> Iterator[Path]:
        for kind in self.root.iterdir():
            if not kind.name.startswith("."):
                yield from kind.iterdir()


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
