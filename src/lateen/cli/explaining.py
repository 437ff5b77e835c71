"""`show`: what a type is for and which parameters it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from rich.text import Text

from lateen import hub
from lateen.api import names
from lateen.api.definition import Definition, DefinitionKind
from lateen.base import suggest
from lateen.base.problem import Problem, Problems, every
from lateen.cli import connecting, offline, printing, problems, surroundings
from lateen.cli.forms import Output
from lateen.cue.engine import Engine
from lateen.cue.reports import Field
from lateen.definitions import borrowing, examples, loading, templates, terraforming

_HEADERS = ("PARAMETER", "TYPE", "DEFAULT", "REQUIRED", "DESCRIPTION")
_NARROW = ("PARAMETER", "TYPE", "DEFAULT", "DESCRIPTION")


@dataclass(frozen=True)
class Order:
    """What the user asked for."""

    type_name: str
    definitions: Sequence[Path]
    namespace: str


@dataclass(frozen=True)
class Row:
    """One parameter. `name` is where it stands: `ports[].port`."""

    name: str
    type: str
    default: Any
    has_default: bool
    required: bool
    description: str

    def to_map(self) -> dict[str, Any]:
        found = {"name": self.name, "type": self.type, "required": self.required}
        if self.has_default:
            found["default"] = self.default
        return found | {"description": self.description}


async def show(order: Order, output: Output, kubeconfig: str | None) -> None:
    """Print the parameters of every definition of that name.

    Raises:
        Problem: `hub.not-found` when there is no such type, with the one that may have been meant.
    """
    async with Engine() as engine, surroundings.sources() as fetching:
        shelf, modules = templates.Shelf(engine), borrowing.Modules(fetching)
        found = [
            (definition, list(rows(await _schema(definition, shelf, modules, engine))))
            for definition in await find(order, kubeconfig, engine)
        ]
    if output is not Output.TABLE:
        printing.structured([_to_map(definition, its) for definition, its in found], output)
        return
    for index, (definition, its) in enumerate(found):
        if index:
            printing.line_out("")
        _print(definition, its)


async def _schema(
    definition: Definition, shelf: templates.Shelf, modules: borrowing.Modules, engine: Engine
) -> Field:
    if not terraforming.remote(definition):
        return await shelf.schema(definition)
    try:
        return terraforming.parameter(await modules.read(definition, engine))
    except (Problem, Problems) as error:
        problems.warn(every(error))
        return terraforming.parameter(None)


async def find(order: Order, kubeconfig: str | None, engine: Engine) -> list[Definition]:
    """Every definition of that name, one of each kind.

    Raises:
        Problem: `hub.not-found` when there is no such type, with the one that may have been meant.
    """
    catalogue = await _catalogue(order, kubeconfig, engine)
    return _named(catalogue, order.type_name, order.namespace)


async def _catalogue(order: Order, kubeconfig: str | None, engine: Engine) -> loading.Catalogue:
    """What the control plane has, where there is one; else what Lateen brings."""
    extra, spaces = order.definitions, [order.namespace]
    try:
        async with connecting.plane(kubeconfig, timeout=5.0) as client:
            return await offline.catalogue([], client, extra, engine, spaces)
    except (Problem, hub.ApiError) as error:
        nobody = isinstance(error, Problem) and error.code == "hub.no-control-plane"
        away = isinstance(error, hub.ApiError) and error.transient
        if kubeconfig is not None or not (nobody or away):
            raise
        if away:
            problems.warn(
                [
                    Problem(
                        "hub.unreachable", "no answer: showing what Lateen brings", hint=str(error)
                    )
                ]
            )
    return await offline.catalogue([], None, extra, engine, spaces)


def _named(catalogue: loading.Catalogue, type_name: str, namespace: str) -> list[Definition]:
    found, known = [], set()
    for kind in DefinitionKind:
        for place in (namespace, names.SYSTEM_NAMESPACE):
            known |= catalogue.names(kind, place)
        try:
            found.append(loading.lookup(catalogue, kind, type_name, namespace))
        except Problem as problem:
            if problem.code != "definition.unknown":
                raise
    if not found:
        bare, at, revision = type_name.partition("@")
        if at and bare in known:
            hint = f"`lateen def get {bare} --revisions` lists those there are"
            raise Problem("hub.not-found", f"type {bare} has no revision {revision}", hint=hint)
        hint = suggest.nearest(type_name, known) or f"there are: {', '.join(sorted(known))}"
        raise Problem("hub.not-found", f"there is no type {type_name}", hint=hint)
    return found


def rows(field: Field, prefix: str = "") -> Iterator[Row]:
    """The parameters below a field, each followed by those inside it."""
    for each in field.fields:
        if each.ignored:
            continue
        name = f"{prefix}.{each.name}" if prefix else each.name
        inside, name, word = _unwrapped(each, name)
        yield Row(
            name,
            word,
            each.default,
            # an optional list is declared with an empty default that means nothing
            each.has_default and not (each.optional and each.default in ([], {})),
            each.required,
            " ".join(each.usage.split()),
        )
        for choice in (inside, *inside.choices):
            yield from rows(choice, name)
    if not field.fields and field.items is not None and not prefix:
        yield Row("<any name>", field.items.type, None, False, False, field.usage)


def _unwrapped(field: Field, name: str) -> tuple[Field, str, str]:
    """A list's or map's items, the name they are found under and the type in words."""
    word = " | ".join(_literal(value) for value in field.values) or field.type
    if field.items is None:
        return field, name, word
    if field.type == "list":
        return field.items, f"{name}[]", f"list of {field.items.type}"
    return field.items, f"{name}.*", f"map of {field.items.type}"


def _literal(value: Any) -> str:
    return orjson.dumps(value).decode()


def _to_map(definition: Definition, its: Sequence[Row]) -> dict[str, Any]:
    example = examples.of(definition)
    return {
        "name": definition.name,
        "kind": definition.kind.value,
        "description": definition.description,
        "parameters": [row.to_map() for row in its],
        **({"example": example} if example else {}),
    }


def _print(definition: Definition, its: Sequence[Row]) -> None:
    word = definition.kind.word.replace("-", " ")
    tell(f"{definition.name} ({word})", definition.description, its)
    if example := examples.of(definition):
        printing.line_out(f"\nExample:\n\n{example.rstrip()}")


def tell(title: str, description: str, its: Sequence[Row]) -> None:
    """Print what something is called and for, and its parameters."""
    console = printing.stdout()
    name, _, word = title.partition(" ")
    console.print(Text.assemble((name, "bold"), f" {word}"))
    if description:
        console.print(Text(description))
    console.print()
    if not its:
        console.print("It takes no parameters.")
    elif console.is_terminal:
        printing.table(_NARROW, [narrow(row) for row in its])
    else:
        printing.table(_HEADERS, [_whole(row) for row in its])


def _whole(row: Row) -> tuple[str, ...]:
    default = _literal(row.default) if row.has_default else ""
    return row.name, row.type, default, "yes" if row.required else "no", row.description


def narrow(row: Row) -> tuple[str | Text, ...]:
    """A row for a terminal: the last part of its name, below that of its parent."""
    *above, last = row.name.replace(".*", "*").split(".")
    name = "  " * len(above) + last.replace("*", ".*")
    if row.required:
        default = Text("required", "yellow")
    else:
        default = Text(_literal(row.default) if row.has_default else "")
    return Text(name, "cyan"), row.type, default, row.description
