"""Terraform modules in repositories: which one is meant, where its files are, what they say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from lateen.base.problem import Problem
from lateen.sources.places import Kind, Source

READ: Final = (".tf", ".tf.json")
_LOCAL: Final = ("/", "file://")
EXACT: Final = ("commit", "tag", "branch")


def source(url: str, reference: Mapping[str, Any]) -> Source:
    """What `remote` and `gitRef` of a Configuration mean; of several the most exact counts."""
    kind: Kind = "local" if url.startswith(_LOCAL) else "git"
    named = [f"{each}:{reference[each]}" for each in EXACT if reference.get(each)]
    return Source(kind, url, reference=named[0] if named and kind == "git" else "")


def inside(path: str) -> PurePosixPath:
    """A directory of a repository, as it is written in `path`.

    Raises:
        Problem: `source.address` for one that leads out of it.
    """
    found = PurePosixPath(path.strip().lstrip("/") or ".")
    if ".." in found.parts:
        message = f"the directory {path} is not in the repository"
        raise Problem("source.address", message, "spec.path")
    return found


def read(directory: Path, said: str = "") -> dict[str, str]:
    """The texts of a module by file name.

    Raises:
        Problem: `source.missing` where there are none; `said` is what it is called then.
    """
    texts = {
        file.name: file.read_text(encoding="utf-8", errors="replace")
        for file in (sorted(directory.iterdir()) if directory.is_dir() else ())
        if file.name.endswith(READ) and file.is_file()
    }
    if not texts:
        message = f"there is no Terraform module in {said or directory}"
        hint = "give the directory of the one that is meant as path"
        raise Problem("source.missing", message, "spec.path", (), hint, retry=True)
    return texts
