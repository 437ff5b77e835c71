"""`def vet` and `def render`: files alone, no control plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from lateen.base import documents
from lateen.base.problem import Problem
from lateen.cli import exits, printing, problems
from lateen.cli.defs import taking
from lateen.cli.defs.taking import Taken
from lateen.cli.exits import Exit
from lateen.cli.forms import Output
from lateen.cue.engine import Engine
from lateen.definitions import writing


async def vet(targets: Sequence[str], output: Output) -> Exit:
    """Say of every definition whether it is right, and everything that is not.

    Raises:
        Problem: `input.*`.
    """
    async with Engine() as engine:
        found = await taking.take(targets, engine)
    if output is not Output.TABLE:
        printing.structured([_to_map(taken) for taken in found], output)
        return exits.code(p for taken in found for p in taken.problems) if _bad(found) else Exit.OK
    for taken in found:
        if not taken.problems:
            for definition in taken.definitions:
                word = definition.kind.word.replace("-", " ")
                printing.line_out(f"{taken.source}: {word} {definition.name} is right")
    taking.refuse(found)
    return Exit.OK


def _bad(found: Sequence[Taken]) -> bool:
    return any(taken.problems for taken in found)


def _to_map(taken: Taken) -> dict[str, Any]:
    return {
        "source": taken.source,
        "definitions": [{"kind": d.kind.value, "name": d.name} for d in taken.definitions],
        "problems": [problems.to_map(problem) for problem in taken.problems],
        "warnings": [problems.to_map(problem) for problem in taken.warnings],
    }


@dataclass(frozen=True)
class Rendering:
    """What the user asked for. `form`: yaml, json or cue. `message`: a comment on top of it."""

    targets: Sequence[str]
    form: str
    to: Path | None
    message: str


async def render(order: Rendering) -> None:
    """Write definitions in another form, to a file, to a directory or to standard output.

    Raises:
        Blamed: what is wrong in the files; nothing is written then.
        Problem: `input.*`.
    """
    async with Engine() as engine:
        found = await taking.definitions(order.targets, engine)
        made = []
        for definition, taken in found:
            if order.form == "cue":
                text = await writing.cue(definition, engine)
            elif order.form == "json":
                text = orjson.dumps(definition.raw, option=orjson.OPT_INDENT_2).decode() + "\n"
            else:
                text = documents.dump(definition.raw)
            made.append((taken, definition.name, _headed(text, order)))
    if order.to is None:
        between = "---\n" if order.form == "yaml" else ""
        for index, (_, _, text) in enumerate(made):
            printing.line_out((between if index else "") + text.rstrip("\n"))
        return
    several = len(made) > 1 or any(Path(target).is_dir() for target in order.targets)
    if several or order.to.is_dir():
        _write_all(made, order, order.to)
    else:
        _write(order.to, made[0][2])


def _headed(text: str, order: Rendering) -> str:
    if not order.message or order.form == "json":
        return text
    mark = "//" if order.form == "cue" else "#"
    return "".join(f"{mark} {line}\n" for line in order.message.splitlines()) + text


def _write_all(made: Sequence[tuple[Taken, str, str]], order: Rendering, folder: Path) -> None:
    roots = [Path(target) for target in order.targets if Path(target).is_dir()]
    done: dict[Path, str] = {}
    for taken, name, text in made:
        source = Path(taken.source)
        root = next((root for root in roots if source.is_relative_to(root)), None)
        below = source.relative_to(root).parent if root else Path()
        stem = source.stem if len(taken.definitions) == 1 and root else name
        path = folder / below / f"{stem}.{order.form}"
        if path in done:
            message = f"{taken.source} and {done[path]} would both be written to {path}"
            raise Problem("input.output", message, hint="render them to different directories")
        done[path] = taken.source
        _write(path, text)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Problem("input.output", f"{path} cannot be written: {error.strerror}") from error
    printing.line_out(f"{path} written")
