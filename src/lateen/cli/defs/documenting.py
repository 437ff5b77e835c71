"""`def doc-gen` and `def gen-schema`: what a definition says of its parameters, for others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from lateen.api.definition import Definition
from lateen.base.problem import Problem, Problems, every, raise_any
from lateen.cli import explaining, printing
from lateen.cli.defs import taking
from lateen.cli.explaining import Row
from lateen.cue.engine import Engine
from lateen.definitions import acting, files, proving, templates

_DECLARED = "\ncontext: _\nparameter: _\n"
_PATIENCE = 60.0  # seconds; many choices within choices take their time
_EXAMPLE = "definition.oam.dev/example-url"


@dataclass(frozen=True)
class Order:
    """What the user asked for: files, directories, URLs, `-`, or names of installed types."""

    targets: Sequence[str]
    namespace: str
    to: Path | None


async def pages(order: Order, kubeconfig: str | None) -> None:
    """Print or write a page of Markdown for each definition.

    Raises:
        Blamed: what is wrong in a file. Problem: `hub.not-found`, `input.*`.
    """
    async with Engine() as engine:
        shelf = templates.Shelf(engine)
        made = []
        for definition in await _meant(order, engine, kubeconfig):
            rows = list(explaining.rows(await shelf.schema(definition)))
            made.append((definition, "\n".join(page(definition, rows)) + "\n"))
    _put(made, order.to, "md")


async def schemas(order: Order, kubeconfig: str | None) -> None:
    """Print or write the OpenAPI v3 schema of the parameters of each definition.

    Raises:
        Blamed: what is wrong in a file. Problem: `hub.not-found`, `input.*`.
        Problem, Problems: `definition.schema` for those that have none; the others are written.
    """
    made: list[tuple[Definition, str]] = []
    without: list[Problem] = []
    async with Engine() as engine:
        for definition in await _meant(order, engine, kubeconfig):
            try:
                schema = await _schema(definition, engine)
            except (Problem, Problems) as error:
                without.append(_no_schema(definition, every(error)[0]))
                continue
            shown = orjson.dumps(schema or {"type": "object"}, option=orjson.OPT_INDENT_2)
            made.append((definition, shown.decode() + "\n"))
    if made:
        _put(made, order.to, "json")
    raise_any(without)


async def _schema(definition: Definition, engine: Engine) -> dict[str, Any]:
    text = definition.text + _DECLARED
    importable = acting.needed(text, proving.packages(definition.kind))
    template = await engine.compile(text, source=definition.source, packages=importable)
    return await template.schema("parameter", deadline=_PATIENCE)


def _no_schema(definition: Definition, problem: Problem) -> Problem:
    return Problem(
        "definition.schema",
        f"the parameters of {definition.name} have no OpenAPI form: {problem.message}",
        "parameter",
        tuple(place for place in problem.positions if place.source == definition.source),
    )


async def _meant(order: Order, engine: Engine, kubeconfig: str | None) -> list[Definition]:
    """The definitions of the targets; what is no file is the name of a type."""
    found: list[Definition] = []
    for target in order.targets:
        if _is_file(target):
            found += [d for d, _ in await taking.definitions([target], engine)]
            continue
        asked = explaining.Order(target, [], order.namespace)
        found += await explaining.find(asked, kubeconfig, engine)
    return found


def _is_file(target: str) -> bool:
    web = target.startswith(("http://", "https://"))
    return web or target == "-" or target.endswith(files.SUFFIXES) or Path(target).exists()


def page(definition: Definition, rows: Sequence[Row]) -> Iterator[str]:
    """The lines of a Markdown page about a definition."""
    yield f"# {definition.name}"
    yield ""
    yield f"A {definition.kind.word.replace('-', ' ')} type."
    if definition.description:
        yield ""
        yield definition.description
    if example := definition.annotations.get(_EXAMPLE):
        yield ""
        yield f"An example: <{example}>"
    yield ""
    yield "## Parameters"
    yield ""
    if not rows:
        yield "It takes no parameters."
        return
    yield "| Parameter | Type | Default | Required | Description |"
    yield "| --- | --- | --- | --- | --- |"
    for row in rows:
        default = f"`{orjson.dumps(row.default).decode()}`" if row.has_default else ""
        cells = (f"`{row.name}`", row.type, default, "yes" if row.required else "", row.description)
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _put(made: Sequence[tuple[Definition, str]], to: Path | None, suffix: str) -> None:
    if to is None:
        printing.line_out("\n".join(text for _, text in made).rstrip("\n"))
        return
    single = len(made) == 1 and to.suffix == f".{suffix}"
    for definition, text in made:
        path = to if single else to / f"{definition.name}.{suffix}"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise Problem("input.output", f"{path} cannot be written: {error.strerror}") from error
        printing.line_out(f"{path} written")
