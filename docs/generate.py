"""Write the generated parts of the reference: `.venv/bin/python docs/generate.py`.

A part stands between `<!-- generated: NAME -->` and `<!-- end -->`; everything else in the pages is
written by hand. tests/docs/test_reference.py compares.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_type_hints

import anyio
import orjson
import typer

from lateen.api.definition import Definition, DefinitionKind
from lateen.cli import explaining, main
from lateen.cue.engine import Engine
from lateen.definitions import examples, files, templates

_REFERENCE = Path(__file__).parent / "reference"
_PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_SECTIONS = {
    DefinitionKind.COMPONENT: "Components",
    DefinitionKind.TRAIT: "Traits",
    DefinitionKind.POLICY: "Policies",
    DefinitionKind.STEP: "Workflow steps",
}


def commands() -> str:
    """Every command with its arguments and options."""
    return "\n".join(_commands(main.registered(), "lateen"))


def definitions() -> str:
    """Every built-in type with its parameters."""
    return anyio.run(_definitions)


PARTS: dict[str, Callable[[], str]] = {"commands": commands, "definitions": definitions}


def pages() -> Iterator[tuple[Path, str]]:
    """The pages with generated parts: path and text as it should be."""
    for path in sorted(_REFERENCE.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        if _PART.search(text):
            yield path, _PART.sub(lambda part: f"{part[1]}\n{PARTS[part[2]]()}\n{part[3]}", text)


def _commands(app: typer.Typer, name: str) -> Iterator[str]:
    for found in app.registered_commands:
        yield f"### {name} {found.name}\n"
        yield f"{' '.join((inspect.getdoc(found.callback) or '').split())}\n"
        yield from _table(("Argument or option", "Meaning", "Default"), _parameters(found.callback))
        yield ""
    for group in app.registered_groups:
        assert group.typer_instance is not None
        yield from _commands(group.typer_instance, f"{name} {group.name}")


def _parameters(function: Any) -> Iterator[tuple[str, str, str]]:
    hints = get_type_hints(function, include_extras=True)
    for each in inspect.signature(function).parameters.values():
        annotated, info = get_args(hints[each.name])[:2]
        if info.hidden:
            continue
        kind = next((one for one in get_args(annotated) if one is not type(None)), annotated)
        if isinstance(info, typer.models.ArgumentInfo):
            yield _argument(each, info), info.help or "", ""
            continue
        names = _names(each, kind, info)
        shown = ", ".join(f"`{name}`" for name in names) + _value(kind, info)
        required = " (required)" if each.default is inspect.Parameter.empty else ""
        yield shown + required, info.help or "", _default(each, info, names)


def _argument(each: inspect.Parameter, info: Any) -> str:
    name = (info.metavar or each.name.upper()).strip("[]")
    return f"`{name}`" if each.default is inspect.Parameter.empty else f"`[{name}]`"


def _names(each: inspect.Parameter, kind: Any, info: Any) -> list[str]:
    # in an annotation the first name stands where a default would otherwise
    first = (info.default,) if isinstance(info.default, str) else ()
    word = each.name.replace("_", "-")
    usual = f"--{word}/--no-{word}" if kind is bool else f"--{word}"
    declared = (*first, *info.param_decls) or (usual,)
    return [name for text in declared for name in text.split("/")]


def _value(kind: Any, info: Any) -> str:
    if kind is bool:
        return ""
    if info.metavar:
        return f" {info.metavar}"
    if issubclass(kind, Enum):
        return " " + "|".join(str(member.value) for member in kind)
    return {int: " NUMBER", str: " NAME"}[kind]


def _default(each: inspect.Parameter, info: Any, names: Sequence[str]) -> str:
    if isinstance(info.show_default, str):
        return f"`{info.show_default}`"
    default = getattr(each.default, "value", each.default)
    if info.show_default is False or default in (None, "", False, inspect.Parameter.empty):
        return ""
    return f"`{names[0]}`" if default is True else f"`{default}`"


async def _definitions() -> str:
    async with Engine() as engine:
        found = await files.builtins(engine)
        shelf = templates.Shelf(engine)
        lines: list[str] = []
        for kind, title in _SECTIONS.items():
            lines += [f"## {title}", ""]
            for definition in found:
                if definition.kind is kind:
                    rows = list(explaining.rows(await shelf.schema(definition)))
                    lines += [*_definition(definition, rows), ""]
    return "\n".join(lines).rstrip() + "\n"


def _definition(definition: Definition, rows: Sequence[explaining.Row]) -> Iterator[str]:
    yield f"### {definition.name}"
    yield ""
    yield f"{definition.description}."
    yield ""
    if examples.of(definition):
        folder = "src/lateen/definitions/builtin/examples"
        yield f"Example: [{definition.name}.yaml](../../{folder}/{definition.name}.yaml)"
        yield ""
    if not rows:
        yield "It takes no properties."
        return
    yield from _table(
        ("Parameter", "Type", "Default", "Meaning"),
        (
            (
                f"`{row.name}`" + (" (required)" if row.required else ""),
                row.type,
                f"`{orjson.dumps(row.default).decode()}`" if row.has_default else "",
                row.description,
            )
            for row in rows
        ),
    )


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(headers)} |"
    yield f"|{' --- |' * len(headers)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


if __name__ == "__main__":
    for page, wanted in pages():
        page.write_text(wanted, encoding="utf-8")
        sys.stdout.write(f"{page}\n")
