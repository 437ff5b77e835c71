"""The end of a command that went wrong: what is shown, and the code it exits with."""

from __future__ import annotations

import os
import tempfile
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from rich.text import Text

from lateen.base.problem import Problem, Problems, every
from lateen.cli import exits, printing, problems
from lateen.cli.exits import Exit


def report(error: BaseException) -> Exit:
    """Show an error on standard error, without a trace if it is one users can mend."""
    leaves = list(_leaves(error))
    strange = next((leaf for leaf in leaves if _problems(leaf) is None), None)
    if strange is not None:
        return _unexpected(strange)
    found: list[Problem] = []
    texts: dict[str, str] = {}
    for leaf in leaves:
        found += _problems(leaf) or ()
        if isinstance(leaf, problems.Blamed):
            texts |= leaf.texts
    problems.show(found, texts)
    return exits.code(found)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """Errors of concurrent tasks come in groups, however deep."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _problems(error: BaseException) -> tuple[Problem, ...] | None:
    if isinstance(error, problems.Blamed):
        return error.problems
    if isinstance(error, Problem | Problems):
        return every(error)
    # imported here: whoever raised it has imported it already, and others need not
    from lateen.hub import errors

    return error.problems() if isinstance(error, errors.ApiError) else None


def _unexpected(error: BaseException) -> Exit:
    console = printing.stderr()
    trace = "".join(traceback.format_exception(error))
    text = Text("error: ", "bold red")
    text.append(f"Lateen met something it does not know: {type(error).__name__}: {error}", "bold")
    console.print(text)
    if os.environ.get("LATEEN_DEBUG"):
        console.print(Text(trace))
    else:
        console.print(Text(f"  = the details are in {_keep(trace)}", "green"))
        console.print(Text("  = please report it with that file; LATEEN_DEBUG=1 shows it here"))
    return Exit.FAILED


def _keep(trace: str) -> Path:
    """Write a trace where the other logs are, or where one can always write."""
    home = Path(os.environ.get("LATEEN_DATA_DIR") or Path.home() / ".lateen")
    name = f"crash-{datetime.now(UTC):%Y%m%d-%H%M%S}-{os.getpid()}.log"
    for folder in (home / "logs", Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(trace, encoding="utf-8")
        except OSError:
            continue
        return folder / name
    return Path(os.devnull)
