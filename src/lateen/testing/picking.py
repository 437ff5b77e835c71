"""Which definitions are tested: those in files, and those that Lateen brings."""

from __future__ import annotations

from pathlib import Path

from lateen.base import suggest
from lateen.testing import benches
from lateen.testing.subjects import Subject


def load(path: str | Path, name: str = "") -> Subject:
    """The definition in a file, or the one called `name` in a file or directory.

    A relative path is one in the working directory; the `lateen` fixture looks beside the test.

    Raises:
        Refused: the file cannot be read as a definition.
        LookupError: there is none of that name, or there are several and no name is given.
    """
    found = {each.name: each for each in benches.shared().read(Path(path))}
    if not name and len(found) > 1:
        raise LookupError(f"{path} has several definitions, name one of: {', '.join(found)}")
    if name and name not in found:
        hint = suggest.nearest(name, found) or f"there are: {', '.join(found)}"
        raise LookupError(f'{path} has no definition "{name}": {hint}')
    return Subject(found[name or next(iter(found))], benches.shared())


def load_all(path: str | Path) -> list[Subject]:
    """Every definition in a file or directory, for `pytest.mark.parametrize`.

    Raises:
        Refused: a file cannot be read as a definition.
    """
    return [Subject(each, benches.shared()) for each in benches.shared().read(Path(path))]


def builtin(name: str) -> Subject:
    """A definition that Lateen brings.

    Raises:
        LookupError: there is none of that name.
    """
    known = benches.shared().builtins()
    if name not in known:
        hint = suggest.nearest(name, known) or f"there are: {', '.join(known)}"
        raise LookupError(f'Lateen brings no definition "{name}": {hint}')
    return Subject(known[name], benches.shared())


def builtins() -> list[Subject]:
    """Every definition that Lateen brings, for `pytest.mark.parametrize`."""
    return [builtin(name) for name in benches.shared().builtins()]
