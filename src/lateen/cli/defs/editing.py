"""`def edit`: a definition in the user's editor, and back to it until it is right."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import anyio
import typer
from rich.text import Text

from lateen import hub
from lateen.api.definition import Definition
from lateen.base.problem import Problem
from lateen.cli import connecting, exits, printing, problems
from lateen.cli.defs import finding, publishing, taking
from lateen.cli.defs.finding import Wanted
from lateen.cli.exits import Exit
from lateen.cli.forms import Output
from lateen.cue.engine import Engine
from lateen.definitions import writing


@dataclass(frozen=True)
class Desk:
    """Where an edit goes on: the definition as it was, the file it stands in meanwhile."""

    definition: Definition
    file: Path
    client: hub.Client
    engine: Engine


async def edit(wanted: Wanted, order: publishing.Order, kubeconfig: str | None) -> Exit:
    """Edit a definition and publish it. What was written is never lost.

    Raises:
        Problem: `hub.not-found`; `input.editor` when there is no editor that ends well.
    """
    async with Engine() as engine, connecting.plane(kubeconfig) as client:
        definition = await finding.one(client, wanted)
        text, suffix = await _text(definition, engine)
        folder = Path(tempfile.mkdtemp(prefix="lateen-edit-"))
        desk = Desk(definition, folder / f"{definition.name}{suffix}", client, engine)
        desk.file.write_text(text, encoding="utf-8")
        try:
            return await _until_right(desk, text, order)
        finally:
            if desk.file.exists():  # whatever went wrong
                printing.stderr().print(Text(f"Your edit is kept in {desk.file}", "green"))


async def _text(definition: Definition, engine: Engine) -> tuple[str, str]:
    """As CUE; as YAML, where it has no CUE template."""
    try:
        return await writing.cue(definition, engine), ".cue"
    except Problem as problem:
        if problem.code != "definition.template":
            raise
        return finding.yaml(definition), ".yaml"


async def _until_right(desk: Desk, before: str, order: publishing.Order) -> Exit:
    while True:
        await anyio.to_thread.run_sync(_open, desk.file)
        text = desk.file.read_text(encoding="utf-8")
        if text == before:
            _clear(desk)
            printing.stderr().print("Nothing was changed.")
            return Exit.OK
        try:
            code = await _publish(desk, text, order)
        except problems.Blamed as error:
            problems.show(error.problems, error.texts)
            if _again():
                continue
            return exits.code(error.problems)
        if code is Exit.OK:
            _clear(desk)
        return code


async def _publish(desk: Desk, text: str, order: publishing.Order) -> Exit:
    own = await taking.brought(desk.client)
    taken = await taking.examine(str(desk.file), text, desk.engine, own)
    was = desk.definition
    for found in taken.definitions:
        if (found.kind, found.name) != (was.kind, was.name):
            message = (
                f"this was {was.kind.word} {was.name}, now it is {found.kind.word} {found.name}"
            )
            taken.add(
                Problem("input.renamed", message, hint="`lateen def apply` makes another one")
            )
    taking.refuse([taken])
    given = [(taking.placed(each, was.namespace), taken) for each in taken.definitions]
    return await publishing.publish(given, order, desk.client, desk.engine, Output.TABLE)


def _open(file: Path) -> None:
    """Run the editor; it has the terminal until it ends."""
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        done = subprocess.run([*shlex.split(command), str(file)], check=False)
    except (OSError, ValueError) as error:
        raise Problem(
            "input.editor",
            f"{command} cannot be started",
            hint="set EDITOR, as in `EDITOR=nano lateen def edit ...`",
        ) from error
    if done.returncode != 0:
        raise Problem(
            "input.editor",
            f"{command} ended with code {done.returncode}: nothing was published",
        )


def _again() -> bool:
    if not sys.stdin.isatty():  # nobody there to ask
        return False
    return typer.confirm("Edit it again?", default=True, err=True)


def _clear(desk: Desk) -> None:
    desk.file.unlink()
    desk.file.parent.rmdir()
