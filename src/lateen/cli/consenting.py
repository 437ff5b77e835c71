"""Nothing is deleted by surprise: beyond a limit the user is asked, or has to say so."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer
from rich.text import Text

from lateen.api import names
from lateen.api.application import Application
from lateen.base.problem import Problem
from lateen.cli import printing
from lateen.cli.departing import Departure
from lateen.gc.sweeping import Fate

_PATH = f'metadata.annotations["{names.DELETION_LIMIT}"]'
STAYS = {
    Fate.SPARED: "stays, for it holds data",
    Fate.FREED: "stays, and belongs to no application then",
    Fate.HANDED_ON: "stays, for other applications share it",
}


def limit(app: Application, otherwise: int | None = None) -> int | None:
    """How many objects of an application may be deleted without a question.

    That is what its annotation says, `otherwise` where there is none; None for any number.

    Raises:
        Problem: `deletion.value` when the annotation is no number.
    """
    said = app.annotations.get(names.DELETION_LIMIT)
    if said is None:
        return otherwise
    if not said.isdecimal():
        raise Problem(
            "deletion.value",
            f'the deletion limit is a number, not "{said}"',
            _PATH,
            hint='write it as text: "10"',
        )
    return int(said)


def given(app: Application, going: Sequence[object], most: int | None, allowed: int | None) -> bool:
    """Whether so many objects may go; asks where somebody can answer.

    Args:
        going: what would be deleted.
        most: the limit, None where there is none.
        allowed: how many the user said may go, None when nothing was said.

    Raises:
        Problem: `deletion.limit` when too many would go and there is nobody to ask.
    """
    count = len(going)
    bound = most if allowed is None else allowed
    if bound is None or count <= bound:
        return True
    if allowed is None and sys.stdin.isatty():
        return typer.confirm(f"Delete {_objects(count)} of {app.name}?", err=True)
    said = f"--allow-delete {allowed} allows" if allowed is not None else "its deletion limit is"
    raise Problem(
        "deletion.limit",
        f"{_objects(count)} of {app.name} would be deleted, {said} {bound}",
        hint=f"if they are to go: --allow-delete {count}",
    )


def announce(app: Application, departures: Sequence[Departure]) -> None:
    """Say what would go, and what would stay though it is no longer wanted."""
    console = printing.stderr()
    console.print(Text.assemble(("application ", ""), (app.name, "bold"), " no longer has"))
    for each in departures:
        console.print(Text.assemble(f"  {each.key}", where(each), (_stays(each), "dim")))


def where(departure: Departure) -> str:
    return f" on cluster {departure.cluster}" if departure.cluster else ""


def _stays(departure: Departure) -> str:
    return f"  {STAYS[departure.fate]}" if departure.fate in STAYS else ""


def _objects(count: int) -> str:
    return "1 object" if count == 1 else f"{count} objects"
