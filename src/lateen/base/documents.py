"""YAML and JSON files with the line and column of every field kept.

A `Document` is the plain data and, beside it, where each field path stands in the text, so that any
later problem can say file, line and column.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

from lateen.base import paths
from lateen.base.problem import Position, Problem


@dataclass(frozen=True)
class Document:
    """One document of a file. `lines` maps each field path to its (line, column), 1-based."""

    source: str
    data: Any
    lines: Mapping[paths.Path, tuple[int, int]] = field(repr=False)
    text: str = field(repr=False, default="")

    def position(self, path: str | paths.Path) -> Position | None:
        """Where a field stands; for a field that is not there, where its nearest parent does."""
        parts = paths.parse(path) if isinstance(path, str) else path
        while True:
            if parts in self.lines:
                line, column = self.lines[parts]
                return Position(self.source, line, column, paths.render(parts))
            if not parts:
                return None
            parts = parts[:-1]


def load(text: str, source: str) -> list[Document]:
    """Read every document of a YAML or JSON text; empty documents are left out.

    Raises:
        Problem: `yaml.syntax` with the position, `yaml.duplicate-key` for a key given twice.
    """
    parser = YAML(typ="rt", pure=True)
    parser.version = (1, 2)
    try:
        loaded = list(parser.load_all(io.StringIO(text)))
    except MarkedYAMLError as error:
        raise _syntax(error, source) from error
    except YAMLError as error:
        raise Problem(
            "yaml.syntax", str(error).strip().split("\n")[0], positions=(Position(source, 1, 1),)
        ) from error
    documents = []
    for node in loaded:
        if node is None:
            continue
        lines: dict[paths.Path, tuple[int, int]] = {}
        data = _plain(node, (), lines)
        documents.append(Document(source, data, lines, text))
    return documents


# part of what the parser says, and what to do about it
_HINTS = {
    "duplicate key": "give each key once",
    r"'\t'": "indent with spaces: YAML takes no tabs there",
    "quoted scalar": "close the quote that begins here",
    "mapping values": 'indent it as the line above, or quote the value if ": " is part of it',
}


def _syntax(error: MarkedYAMLError, source: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    duplicate = "duplicate key" in (error.problem or "")
    message = (error.problem or "cannot be read").strip().split("\n")[0]
    if not duplicate and error.context:
        message = f"{message} {error.context}"
    if "quoted scalar" in message:  # it ends where the file does; where it begins is of use
        mark = error.context_mark or mark
    position = Position(source, mark.line + 1, mark.column + 1) if mark else Position(source, 1, 1)
    hints = (hint for words, hint in _HINTS.items() if words in message)
    return Problem(
        "yaml.duplicate-key" if duplicate else "yaml.syntax",
        message,
        positions=(position,),
        hint=next(hints, "check the indentation and the quotes around here"),
    )


def _plain(node: Any, at: paths.Path, lines: dict[paths.Path, tuple[int, int]]) -> Any:
    if isinstance(node, CommentedMap):
        lines.setdefault(at, (node.lc.line + 1, node.lc.col + 1))
        data = {}
        for key, value in node.items():
            name = key if isinstance(key, str) else _scalar(key)
            name = (
                name
                if isinstance(name, str)
                else str(name).lower()
                if isinstance(name, bool)
                else str(name)
            )
            where = (node.lc.data or {}).get(key)
            if where is not None:
                lines[(*at, name)] = (where[0] + 1, where[1] + 1)
            data[name] = _plain(value, (*at, name), lines)
        return data
    if isinstance(node, CommentedSeq):
        lines.setdefault(at, (node.lc.line + 1, node.lc.col + 1))
        items = []
        for index, value in enumerate(node):
            where = (node.lc.data or {}).get(index)
            if where is not None:
                lines[(*at, index)] = (where[0] + 1, where[1] + 1)
            items.append(_plain(value, (*at, index), lines))
        return items
    return _scalar(node)


def _scalar(value: Any) -> Any:
    """Plain JSON scalars; a date stays the text that was written, as in Kubernetes."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)


def dump(value: Any) -> str:
    """Plain data as block-style YAML, keys in the order given."""
    printer = YAML(typ="rt", pure=True)
    printer.default_flow_style = False
    printer.width = 4096
    printer.indent(mapping=2, sequence=4, offset=2)
    stream = io.StringIO()
    printer.dump(_blocks(value), stream)
    return stream.getvalue()


def _blocks(value: Any) -> Any:
    """Texts of several lines as blocks, which is how people write and read them."""
    if isinstance(value, Mapping):
        return {key: _blocks(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_blocks(item) for item in value]
    if not isinstance(value, str):
        return value
    if _UNPRINTABLE.search(value):
        return DoubleQuotedScalarString(value)
    return LiteralScalarString(value) if "\n" in value and _fits_block(value) else value


# what a YAML reader refuses or changes unless it is written as an escape
_UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]"
)


def _fits_block(text: str) -> bool:
    """A block cannot begin with a space, hold a tab as indentation, or end lines with spaces."""
    return text[0] not in " \t\n" and not re.search(r"[ \t]\n|[^\n\x20-\uffff]", text)
