"""CUE of a user's that a command evaluates, and where in it things are said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lateen.base import paths
from lateen.base.problem import Position, Problem, Problems, every, raise_any
from lateen.cli import sources
from lateen.cue.engine import Engine, Fill
from lateen.cue.reports import Origin


@dataclass(frozen=True)
class Script:
    """A text, and what evaluates it. `source` names it in the places of problems."""

    source: str
    text: str
    engine: Engine

    async def fields(self) -> frozenset[str]:
        """What it has at its top.

        Raises:
            Problem, Problems: `cue.syntax`.
        """
        outline = await self.engine.outline(self.text, source=self.source)
        return frozenset(field.name for field in outline.fields)

    async def evaluate(self, more: str, fill: Fill, path: str, *, added: str = "") -> Found:
        """What is at a path once a value is filled in; `more` is CUE that is read after the text,
        `added` the part of paths that it makes.

        Raises:
            Problem, Problems: `cue.*`, with places in the text only.
        """
        whole = f"{self.text.rstrip()}\n\n{more}\n"
        try:
            found = await self.engine.evaluate(
                whole, [fill], [path], source=self.source, require=[path], origins=[path]
            )
        except (Problem, Problems) as error:
            raise Problems([self._placed(each, added) for each in every(error)]) from error
        told = {each.positions: each for each in reversed(found.problems)}  # once for each place
        raise_any(self._placed(each, added) for each in reversed(told.values()))
        return Found(self, found.values[path], found.origins.get(path) or {})

    def _placed(self, problem: Problem, added: str) -> Problem:
        """Without what was read after the text, which the user has never seen."""
        last = len(self.text.splitlines())
        kept = [p for p in problem.positions if p.source != self.source or p.line <= last]
        path = problem.path.removeprefix(added)
        message = problem.message
        if message.startswith("is required"):
            message = f"{path} needs a value that is not there"
        places = tuple(kept or [Position(self.source, 1, 1)])
        return replace(problem, message=message, path=path, positions=places)


@dataclass(frozen=True)
class Found:
    """A value of a text, and what of it is written where."""

    script: Script
    value: Any
    origins: Mapping[str, Sequence[Origin]]

    def place(self, field: str) -> tuple[Position, ...]:
        """Where the text says a field of the value, or what it would be in."""
        wanted = paths.parse(field)
        written = [
            (paths.parse(leaf), origin.position)
            for leaf, origins in self.origins.items()
            for origin in origins
            if origin.position.source == self.script.source
        ]
        for length in range(len(wanted), -1, -1):
            spots = [spot for leaf, spot in written if leaf[:length] == wanted[:length]]
            if spots:
                return (min(spots, key=lambda spot: (spot.line, spot.column)),)
        return (Position(self.script.source, 1, 1),)


async def read(file: str, engine: Engine) -> Script:
    """Read a file of CUE, or `-`, or what is at an address.

    Raises:
        Problem: `input.*`.
    """
    if Path(file).is_dir():
        raise Problem("input.unreadable", f"{file} is a directory", hint="give the file in it")
    [(source, text)] = sources.texts(file, (".cue",)).items()
    return Script(source, text, engine)
