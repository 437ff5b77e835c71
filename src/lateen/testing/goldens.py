"""Goldens: what was rendered once and found right, as YAML files beside the test."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lateen.base import documents

_FOLDER = "goldens"
_UNFIT = re.compile(r"[^\w.\[\]@=+-]+")  # what stands badly in a file name


def place(test_file: Path, test_name: str, name: str = "") -> Path:
    """The file of a golden: `goldens/<test file>/<test>.yaml` beside the test file."""
    called = f"{test_name}.{name}" if name else test_name
    return test_file.parent / _FOLDER / test_file.stem / f"{_UNFIT.sub('-', called)}.yaml"


def compare(manifests: Sequence[Any], golden: Path, *, update: bool) -> None:
    """Compare with the golden, or write it.

    Raises:
        AssertionError: they differ, with the lines that do; or there is no golden yet.
    """
    __tracebackhide__ = True
    found = "---\n".join(documents.dump(manifest) for manifest in manifests)
    if update:
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(found, encoding="utf-8")
        return
    if not golden.exists():
        raise AssertionError(
            f"there is no golden {golden}\n"
            f"pytest --lateen-update writes it; look at it before you keep it\n\n{found}"
        )
    wanted = golden.read_text(encoding="utf-8")
    if found != wanted:
        lines = difflib.unified_diff(
            wanted.splitlines(), found.splitlines(), str(golden), "rendered", lineterm="", n=3
        )
        raise AssertionError(
            "the manifests are not those of the golden "
            "(pytest --lateen-update takes them over)\n" + "\n".join(lines)
        )
