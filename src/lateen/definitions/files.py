"""Definition files: KubeVela's `.cue` form and YAML, read into definition objects (semantics A5).

The text that is compiled is the file itself with everything blanked that is not template, so that
an error in a template has the line and column of the file.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

import anyio

from lateen.api import checking, names
from lateen.api.definition import Definition, DefinitionKind
from lateen.base import documents
from lateen.base.problem import Problem, Problems, every, raise_any
from lateen.cue.engine import Engine
from lateen.cue.reports import OutlineField
from lateen.definitions import headers, statuses, texts

SUFFIXES = (".cue", ".yaml", ".yml", ".json")
_OBJECT = re.compile(r"""^["']?apiVersion["']?\s*:|\A\s*[\[{]""", re.MULTILINE)


async def builtins(engine: Engine) -> list[Definition]:
    """The definitions Lateen brings, by file name; their namespace is `vela-system`."""
    folder = resources.files("lateen.definitions") / "builtin"
    files = [file for file in folder.iterdir() if file.name.endswith(".cue")]
    given = {f"builtin/{file.name}": file.read_text("utf-8") for file in files}
    found: dict[str, Definition] = {}

    async def one(source: str) -> None:
        _, found[source] = await _parsed(given[source], source, engine)

    async with anyio.create_task_group() as group:
        for source in given:
            if source.endswith(".cue"):
                group.start_soon(one, source)
    ordered = [found[source] for source in sorted(found)]
    for definition in ordered:
        definition.raw["metadata"]["namespace"] = names.SYSTEM_NAMESPACE
    return ordered


def builtin(source: str) -> str | None:
    """The text of the built-in definition that problems call `source`, if there is one."""
    folder, _, name = source.partition("/")
    file = resources.files("lateen.definitions") / "builtin" / name
    return file.read_text("utf-8") if folder == "builtin" and file.is_file() else None


async def load_path(path: Path, engine: Engine) -> list[Definition]:
    """The definitions in a file or, file by file and not deeper, in a directory.

    Raises:
        Problem, Problems: what is wrong in any of the files, all of it; `definition.file` where
            there is no such file, or no definition in it.
    """
    if not path.exists():
        raise Problem("definition.file", f"there is no file {path}")
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    given = {
        str(file): file.read_text("utf-8")
        for file in files
        if file.is_file() and (file.suffix in SUFFIXES or not path.is_dir())
    }
    found = await _read_all(given, engine)
    if not found:
        raise Problem("definition.file", f"there is no definition in {path}")
    return found


@dataclass(frozen=True)
class Reading:
    """A definition that was read. `warnings` are what a stricter reader would refuse."""

    definition: Definition
    warnings: tuple[Problem, ...] = ()


async def read(text: str, source: str, engine: Engine) -> Definition:
    """Read one definition in the `.cue` form. `source` names the file in positions.

    Raises:
        Problem, Problems: `cue.*` for what CUE says about the text, `definition.header` and
            `definition.template` for a file of the wrong shape, `definition.field` and `field.*`
            for what the kind of definition does not have, `definition.status` for a status
            expression that does not yield what it is there for.
    Source: semantics A5.
    """
    return (await _examined(text, source, engine)).definition


async def examine(text: str, source: str, engine: Engine) -> list[Reading]:
    """The definitions in a text: one of a `.cue` file, or the documents of YAML or JSON, whose
    form is checked as well.

    Raises:
        Problem, Problems: as `read` and `from_object`; `yaml.*`, `field.*`.
    """
    if is_cue(text, source):
        return [await _examined(text, source, engine)]
    found: list[Reading] = []
    problems: list[Problem] = []
    for document in documents.load(text, source):
        try:
            definition = from_object(document.data, document)
        except Problem as problem:
            problems.append(problem)
            continue
        said = [*checking.check(document.data), *await _status_flaws(definition, engine)]
        located = [_located(each, document) for each in said]
        # Kubernetes leaves out what it does not know, and KubeVela sends files as they are
        warnings = [each for each in located if each.code == "field.unknown"]
        problems += [each for each in located if each not in warnings]
        found.append(Reading(definition, tuple(warnings)))
    raise_any(problems)
    return found


def is_cue(text: str, source: str) -> bool:
    """Whether a text is in the `.cue` form: by its name, else by what stands in it."""
    suffix = next((each for each in SUFFIXES if source.endswith(each)), "")
    return suffix == ".cue" if suffix else not _OBJECT.search(text)


async def _status_flaws(definition: Definition, engine: Engine) -> list[Problem]:
    """What is wrong with the status expressions of an object."""
    return [
        replace(problem, path=f"spec.status.{name}", positions=())
        for name, text in definition.status.items()
        if name in statuses.NAMES and isinstance(text, str) and text.strip()
        for problem in await statuses.check(name, text, engine)
    ]


def _located(problem: Problem, document: documents.Document) -> Problem:
    where = document.position(problem.path)
    return replace(problem, positions=(where,) if where else ())


async def _examined(text: str, source: str, engine: Engine) -> Reading:
    header, definition = await _parsed(text, source, engine)
    raise_any(await headers.check(header))
    return Reading(definition, tuple(await headers.doubts(header)))


async def _parsed(text: str, source: str, engine: Engine) -> tuple[headers.Header, Definition]:
    """A file as it stands, its header not judged."""
    file = texts.File(text, source)
    outline = await engine.outline(text, source=source)
    named, template = headers.parts(file, outline.fields)
    header = await headers.read(file, named, engine)
    imports = "\n".join(file.cut(span) for span in outline.imports)
    body = texts.dedent(texts.inside(file.cut(template.value))).strip("\n") + "\n"
    stored = f"{imports}\n{body}" if imports else body
    header.raw["spec"]["schematic"] = {"cue": {"template": stored}}
    blanked = file.blank(*_dressing(file, named, template))
    return header, Definition(header.raw, source, blanked)


async def read_any(text: str, source: str, engine: Engine) -> list[Definition]:
    """The definitions in a text: one of a `.cue` file, or the documents of YAML or JSON.

    Raises:
        Problem, Problems: as `read` and `from_object`; `yaml.*`.
    """
    if is_cue(text, source):
        return [await read(text, source, engine)]
    return [from_object(each.data, each) for each in documents.load(text, source)]


def from_object(raw: Any, document: documents.Document | None = None) -> Definition:
    """A definition that is a Kubernetes object; from a file, its template keeps the file's lines.

    Raises:
        Problem: `definition.header` where the object is not one of the definition kinds.
    """
    kind = raw.get("kind") if isinstance(raw, dict) else None
    if kind not in list(DefinitionKind):
        where = document.position("kind") if document else None
        raise Problem(
            "definition.header",
            f"{kind or 'an object without a kind'} is not a definition",
            "kind",
            positions=(where,) if where else (),
            hint=f"one of {', '.join(DefinitionKind)}",
        )
    if not (raw.get("metadata") or {}).get("name"):
        raise Problem("definition.header", "a definition needs a name", "metadata.name")
    plain = Definition.of(raw)
    padded = _padded(plain.text, document) if document else None
    if document is None:
        return plain
    if padded is None:
        # its lines are nowhere in the file: those of the template, below where it stands
        where = document.position("spec.schematic.cue.template")
        at = f"{where.source}:{where.line}" if where else document.source
        return replace(plain, source=f"{at} template")
    return Definition(raw, document.source, padded)


async def _read_all(given: dict[str, str], engine: Engine) -> list[Definition]:
    """Read files side by side; definitions in the order of the files, problems of all of them."""
    found: dict[str, list[Definition]] = {}
    problems: dict[str, tuple[Problem, ...]] = {}

    async def one(source: str) -> None:
        try:
            found[source] = await read_any(given[source], source, engine)
        except (Problem, Problems) as error:
            problems[source] = every(error)

    async with anyio.create_task_group() as group:
        for source in given:
            group.start_soon(one, source)
    raise_any(problem for source in given for problem in problems.get(source, ()))
    return [definition for source in given for definition in found[source]]


def _dressing(
    file: texts.File, header: OutlineField, template: OutlineField
) -> list[tuple[int, int]]:
    """What is in the file and not in its template: the header, `template: {` and `}`."""
    start, end = template.value.start, template.value.end
    spans = [(header.label.start, header.value.end)]
    if file.bytes[start : start + 1] == b"{":
        return [*spans, (template.label.start, start + 1), (end - 1, end)]
    return [*spans, (template.label.start, start)]


def _padded(template: str, document: documents.Document) -> str | None:
    """A template in a YAML block, with the lines and columns it has in the file.

    None where the YAML holds it another way, so that its lines are nowhere in the file.
    """
    where = document.lines.get(("spec", "schematic", "cue", "template"))
    if where is None:
        return None
    lines = document.text.split("\n")
    key_line = where[0]
    wanted = template.rstrip("\n").split("\n")
    block = lines[key_line : key_line + len(wanted)]
    if textwrap.dedent("\n".join(block)).rstrip() != textwrap.dedent("\n".join(wanted)).rstrip():
        return None
    return "\n" * key_line + "\n".join(block) + "\n"
