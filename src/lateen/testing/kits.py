"""What the fixture `lateen` gives a test."""

from __future__ import annotations

from pathlib import Path

from lateen.testing import goldens, picking
from lateen.testing.renderings import Rendering
from lateen.testing.subjects import Subject


class Kit:
    """Loads definitions, and compares renderings with the goldens of one test."""

    def __init__(self, test_file: Path, test_name: str, *, update: bool) -> None:
        self._file = test_file
        self._test = test_name
        self._update = update

    def load(self, path: str | Path, name: str = "") -> Subject:
        """As `lateen.testing.load`; a relative path is one beside the test file."""
        return picking.load(self._file.parent / path, name)

    def load_all(self, path: str | Path) -> list[Subject]:
        """As `lateen.testing.load_all`; a relative path is one beside the test file."""
        return picking.load_all(self._file.parent / path)

    def builtin(self, name: str) -> Subject:
        """As `lateen.testing.builtin`."""
        return picking.builtin(name)

    def golden(self, rendering: Rendering, name: str = "") -> None:
        """Compare the manifests with the golden of this test.

        A test with several goldens gives each a `name`. `pytest --lateen-update` writes them.

        Raises:
            AssertionError: they differ, with the lines that do; or there is no golden yet.
        """
        __tracebackhide__ = True
        golden = goldens.place(self._file, self._test, name)
        goldens.compare(rendering.manifests, golden, update=self._update)
