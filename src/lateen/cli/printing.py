"""What commands print: tables on a terminal, plain columns in a pipe, JSON and YAML when asked."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import orjson
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lateen.cli.forms import Output

if TYPE_CHECKING:
    from lateen.api.manifest import Manifest

_GOOD = frozenset({"running", "succeeded", "healthy", "true", "yes", "ready"})
_BUSY = frozenset(
    {"starting", "rendering", "generatingpolicy", "runningworkflow", "pending", "deleting"}
    | {"suspending", "workflowsuspending", "suspended", "waiting"}
)
_BAD = frozenset(
    {"failed", "unhealthy", "workflowfailed", "workflowterminated", "false", "terminated", "no"}
)

_ENDLESS = 100_000  # columns


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Told as an error, which tasks hand up in order: leaving at once would cut them off."""
        raise BrokenPipeError(errno.EPIPE, "nobody reads any more")


def stdout() -> Console:
    """A console for results; made anew because tests and pipes exchange the stream beneath."""
    console = _Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:  # nothing is folded or cut off in a pipe
        console.width = _ENDLESS
    return console


def stderr() -> Console:
    """A console for everything that is not the result itself."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def state(word: str) -> Text:
    """A phase or a health in its colour."""
    lowered = word.lower()
    if lowered in _GOOD:
        return Text(word, "green")
    if lowered in _BAD:
        return Text(word, "red")
    return Text(word, "yellow" if lowered in _BUSY else "")


def table(headers: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> None:
    """Rows under headers. Nothing is cut off in a pipe: there a column is as wide as its text."""
    console = stdout()
    cells = [[cell if isinstance(cell, Text) else Text(cell) for cell in row] for row in rows]
    if not console.is_terminal:
        _plain([list(headers), *([cell.plain for cell in row] for row in cells)])
        return
    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for at, header in enumerate(headers):
        # the first names the row: it is looked for and copied
        made.add_column(header, overflow="fold", no_wrap=at == 0)
    for row in cells:
        made.add_row(*row)
    console.print(made)


def _plain(rows: list[list[str]]) -> None:
    flat = [[" ".join(cell.split()) or "-" for cell in row] for row in rows]
    widths = [max(len(row[at]) for row in flat) for at in range(len(flat[0]))]
    for row in flat:
        line = "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        line_out(line.rstrip())


def line_out(text: str) -> None:
    """One line of the result, exactly as it is."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()  # whoever follows through a pipe sees a line when it is there


def place(namespace: str) -> str:
    """Where nothing was found, in a sentence; an empty namespace means all."""
    return f"in namespace {namespace}" if namespace else "anywhere"


def compact(value: Any) -> str:
    """Plain data as JSON on one line."""
    return orjson.dumps(value).decode()


def structured(value: Any, output: Output) -> None:
    """Plain data as JSON or YAML."""
    if output is Output.JSON:
        line_out(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())
        return
    # imported here: a table needs no YAML
    from lateen.base import documents

    sys.stdout.write(documents.dump(value))


def manifests(documents_: Iterable[tuple[str, Manifest]]) -> None:
    """Manifests as YAML documents, each under its comment (`# ...`)."""
    # imported here: a table needs no YAML
    from lateen.base import documents

    for comment, manifest in documents_:
        sys.stdout.write(f"---\n{comment}\n{documents.dump(manifest)}")
