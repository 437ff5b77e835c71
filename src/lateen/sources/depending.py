"""What a chart depends on and does not hold: found where its Chart.yaml says, put beside it.

As `helm dependency build` does: at the versions of Chart.lock where there is one, else the highest
in the range.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import orjson

from lateen.base.problem import Problem
from lateen.sources import archives
from lateen.sources.places import Credentials, Pin, Source

_HINT: Final = "`helm dependency build` puts what it needs into its directory charts"


@dataclass(frozen=True)
class Part:
    """A chart that another one needs, as it was found: the same whenever it is put together."""

    source: Source
    pin: Pin


def source_of(name: str, version: str, repository: str) -> Source | None:
    """Where a dependency is; None for one that only the machine of its author knows."""
    if repository.startswith("oci://"):
        return Source("oci", f"{repository.rstrip('/')}/{name}", version=version)
    if repository.startswith(("http://", "https://")):
        return Source("repository", repository, name, version)
    if repository.startswith("file://"):
        return Source("local", repository.removeprefix("file://"), name, version)
    return None


def lacking(names: Iterable[str]) -> Problem:
    """What a chart neither holds nor says where it is."""
    return Problem(
        "chart.dependency",
        f"the chart lacks what it depends on: {', '.join(names)}",
        hint=f"its Chart.yaml names no repository to fetch it from; {_HINT}",
    )


def access_to(part: Source, whole: Source, access: Credentials) -> Credentials:
    """Credentials of the chart are for the host that has it, and for no other."""
    return access if part.host == whole.host and part.kind != "local" else access.abroad()


def neighbour(root: Path, chart: Path, directory: str, name: str) -> Path:
    """The directory of a dependency that is in the same tree as the chart.

    Raises:
        Problem: `chart.dependency` for one that is not there, or outside the tree.
    """
    path = (chart / directory).resolve()
    if not path.is_relative_to(root.resolve()) or not (path / "Chart.yaml").is_file():
        said = f"the chart lacks what it depends on: {name} is not at {directory}"
        raise Problem("chart.dependency", said, hint=_HINT)
    return path


def joined(chart: Path, parts: Sequence[tuple[str, Path]], into: Path, *, shown: str) -> None:
    """Write the chart and, in its `charts`, what it needs: archives and directories by name.

    Raises:
        Problem: `source.archive`, `source.too-large` for a chart that is an archive.
    """
    if chart.is_file():
        with tempfile.TemporaryDirectory(dir=into.parent, prefix="chart-") as folder:
            tree = Path(folder, "tree")
            archives.unpack(chart.read_bytes(), tree, shown)
            archives.root_of(tree, ".").rename(into)
    else:
        shutil.copytree(chart, into, symlinks=False, ignore_dangling_symlinks=True)
    for index, (name, path) in enumerate(parts):
        target = into / "charts" / (f"{name}-{index}" if path.is_dir() else f"{name}-{index}.tgz")
        target.parent.mkdir(exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, target)
        else:
            shutil.copyfile(path, target)


def dumped(parts: Sequence[Part]) -> str:
    """Parts as a text that a record keeps; empty for none."""
    listed = [{"source": asdict(each.source), "pin": asdict(each.pin)} for each in parts]
    return orjson.dumps(listed, option=orjson.OPT_SORT_KEYS).decode() if listed else ""


def loaded(text: str) -> list[Part]:
    """Raises: ValueError, KeyError, TypeError: it is no text of `dumped`."""
    return [
        Part(Source(**each["source"]), Pin(**each["pin"])) for each in orjson.loads(text or "[]")
    ]
