"""Problems on the terminal: file, line and column, the line itself with a mark, and what to do.

error: expected text, found the number 80
  --> app.yaml:9:9  spec.components[0].properties.image
  |
9 |         image: 80
  |         ^^^^^
  = put it in quotes: "80"
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.text import Text

from lateen.base.problem import Position, Problem, Problems, every
from lateen.cli import printing

if TYPE_CHECKING:
    from lateen.base.documents import Document

# values the engine was given; the field path leads to the line of the user's file instead
_UNOPENABLE = frozenset({"parameter", "context", "config", ""})
_WIDEST = 120  # characters of a line
_ERROR = Text("error: ", "bold red")


class Blamed(Exception):  # noqa: N818 - it is shown to people, who have problems
    """Problems with the texts they are about, so that they can be shown with an excerpt."""

    def __init__(self, problems: Iterable[Problem], texts: Mapping[str, str]) -> None:
        self.problems = tuple(problems)
        self.texts = dict(texts)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def locate(problem: Problem, document: Document) -> Problem:
    """The problem with the place of its field in the document put first among its positions."""
    try:
        found = document.position(problem.path)
    except ValueError:  # a path in words no file has, such as one into a template
        found = None
    others = tuple(p for p in problem.positions if p.source not in _UNOPENABLE and p != found)
    if not found and not others:
        found = Position(document.source, 1, 1)
    return replace(problem, positions=(found, *others) if found else others)


@dataclass
class blaming(AbstractContextManager[None]):  # noqa: N801 - read as a verb: with blaming(document)
    """Problems raised inside are about this document."""

    document: Document

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, Problem | Problems):
            raise blame([(self.document, every(error))]) from error


def blame(
    found: Iterable[tuple[Document, Sequence[Problem]]], more: Mapping[str, str] | None = None
) -> Blamed:
    """One error for the problems of several documents, each in the order of its lines.

    `more` are the texts of definitions, by the source that positions name.
    """
    problems: list[Problem] = []
    texts = dict(more or {})
    for document, its in found:
        located = [locate(problem, document) for problem in its]
        problems += sorted(located, key=lambda problem: _line(problem, document.source))
        texts[document.source] = document.text
    return Blamed(problems, texts)


def _line(problem: Problem, source: str) -> tuple[int, int]:
    places = [(p.line, p.column) for p in problem.positions if p.source == source]
    return places[0] if places else (0, 0)


def to_map(problem: Problem) -> dict[str, Any]:
    """A problem as data, for `-o json`."""
    places = [place for place in problem.positions if place.source not in _UNOPENABLE]
    return {
        "code": problem.code,
        "message": problem.message,
        "path": problem.path,
        "positions": [
            {"source": place.source, "line": place.line, "column": place.column} for place in places
        ],
        "hint": problem.hint,
    }


def show(problems: Sequence[Problem], texts: Mapping[str, str] | None = None) -> None:
    """Print problems to standard error, the ones with a place with an excerpt."""
    console = printing.stderr()
    for index, problem in enumerate(problems):
        if index:
            console.print()
        console.print(render(problem, texts or {}))
    if len(problems) > 1:
        console.print()
        console.print(Text(f"{len(problems)} problems", "bold red"))


def warn(found: Iterable[Problem], texts: Mapping[str, str] | None = None) -> None:
    """Print what is not wrong but should be known."""
    console = printing.stderr()
    for problem in found:
        console.print(render(problem, texts or {}, Text("warning: ", "bold yellow")))


def render(problem: Problem, texts: Mapping[str, str], title: Text = _ERROR) -> Text:
    """One problem as text; colours vanish where there is no terminal."""
    text = title.copy()
    text.append(f"{problem.message}\n", "bold")
    places = [place for place in problem.positions if place.source not in _UNOPENABLE]
    margin = len(str(places[0].line)) if places else 1
    if places:
        text.append(f"{' ' * margin} --> ", "blue").append(str(places[0]), "cyan")
        said = "  ".join(filter(None, (problem.path, places[0].note)))
        text.append(f"  {said}\n" if said else "\n", "dim")
        text.append_text(_excerpt(places[0], texts.get(places[0].source, ""), margin))
    elif problem.path:
        text.append(f"{' ' * margin} --> ", "blue").append(f"{problem.path}\n", "dim")
    lines = {(places[0].source, places[0].line)} if places else set()
    for place in places[1:]:
        if (place.source, place.line) in lines:
            continue
        lines.add((place.source, place.line))
        note = f"  {place.note}" if place.note else ""
        text.append(f"{' ' * margin} ::: ", "blue").append(f"{place}", "cyan")
        text.append(f"{note}\n", "dim")
        text.append_text(_line_of(place, texts.get(place.source, ""), margin))
    for line in problem.hint.splitlines():
        text.append(f"{' ' * margin} = ", "blue").append(f"{line}\n", "green")
    text.rstrip()
    return text


def _line_of(place: Position, source: str, margin: int) -> Text:
    """The line of a place that the first one has to do with; nothing where it is not known."""
    lines = source.splitlines()
    if not 0 < place.line <= len(lines) or not lines[place.line - 1].strip():
        return Text()
    line = lines[place.line - 1].replace("\t", " ").strip()
    shown = line if len(line) <= _WIDEST else f"{line[:_WIDEST]}..."
    return Text.assemble((f"{' ' * margin} |   ", "blue"), (f"{shown}\n", "dim"))


def _excerpt(place: Position, source: str, margin: int) -> Text:
    lines = source.splitlines()
    if not 0 < place.line <= len(lines):
        return Text()
    line = lines[place.line - 1].replace("\t", " ")
    start = min(place.column - 1, len(line))
    if len(line) > 160:  # a line of JSON: show the part that matters
        cut = max(0, start - 60)
        line, start = line[cut : cut + 120], start - cut
    word = re.match(r"[\w.$/@-]+|\"[^\"]*\"|'[^']*'|.", line[start:])
    gutter = " " * margin
    text = Text()
    text.append(f"{gutter} |\n", "blue")
    text.append(f"{place.line} | ", "blue").append(f"{line}\n")
    text.append(f"{gutter} | ", "blue")
    text.append(f"{' ' * start}{'^' * max(1, len(word[0]) if word else 1)}\n", "bold red")
    return text
