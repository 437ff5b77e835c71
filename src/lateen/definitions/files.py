"""Definition files: KubeVela's `.cue` form and YAML, read into definition objects (semantics A5).

The text that is compiled is the file itself with everything blanked that is not template, so that
an error in a template has the line and column of the file.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import anyio

from lateen.api import names
from lateen.api.definition import Definition, DefinitionKind
from lateen.base import documents, suggest
from lateen.base.problem import Position, Problem, Problems, every, raise_any
from lateen.cue.engine import Engine
from lateen.cue.reports import OutlineField, Span

_PREFIX = "custom.definition.oam.dev/"
_STATUS = ("healthPolicy", "customStatus", "details")
_HEADER = ("type", "alias", "description", "annotations", "labels", "attributes")
_KINDS = {kind.word: kind for kind in DefinitionKind}
_COMMON = {"version", "schematic", "extension"}
_FIELDS = {  # source: semantics A2
    DefinitionKind.COMPONENT: {
        *("workload", "childResourceKinds", "revisionLabel", "podSpecPath", "status"),
    },
    DefinitionKind.TRAIT: {
        *("definitionRef", "revisionEnabled", "workloadRefPath", "podDisruptive", "status"),
        *("appliesToWorkloads", "conflictsWith", "manageWorkload", "controlPlaneOnly", "stage"),
    },
    DefinitionKind.POLICY: {"definitionRef", "manageHealthCheck", "scope", "global", "priority"},
    DefinitionKind.STEP: {"definitionRef"},
}


async def builtins(engine: Engine) -> list[Definition]:
    """The definitions Lateen brings, by file name; their namespace is `vela-system`."""
    folder = resources.files("lateen.definitions") / "builtin"
    texts = {f"builtin/{f.name}": f.read_text("utf-8") for f in folder.iterdir()}
    found = await _read_all({s: texts[s] for s in sorted(texts) if s.endswith(".cue")}, engine)
    for definition in found:
        definition.raw["metadata"]["namespace"] = names.SYSTEM_NAMESPACE
    return found


async def load_path(path: Path, engine: Engine) -> list[Definition]:
    """The definitions in a file or, file by file and not deeper, in a directory.

    Raises:
        Problem, Problems: what is wrong in any of the files, all of it; `definition.file` where
            there is no such file, or no definition in it.
    """
    if not path.exists():
        raise Problem("definition.file", f"there is no file {path}")
    kinds = {".cue", ".yaml", ".yml", ".json"}
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    texts = {
        str(file): file.read_text("utf-8")
        for file in files
        if file.is_file() and (file.suffix in kinds or not path.is_dir())
    }
    found = await _read_all(texts, engine)
    if not found:
        raise Problem("definition.file", f"there is no definition in {path}")
    return found


async def read(text: str, source: str, engine: Engine) -> Definition:
    """Read one definition in the `.cue` form. `source` names the file in positions.

    Raises:
        Problem, Problems: `cue.*` for what CUE says about the text, `definition.header` and
            `definition.template` for a file of the wrong shape, `definition.field` for what the
            kind of definition does not have.
    Source: semantics A5.
    """
    file = _File(text, source)
    outline = await engine.outline(text, source=source)
    header, template = _parts(file, outline.fields)
    meta, statuses = await _header(file, header, engine)
    kind = _kind(file, header, meta)
    _check_fields(file, header, kind, meta.get("attributes") or {})
    raw = _object(header.name, kind, meta, statuses)
    imports = "\n".join(file.cut(span) for span in outline.imports)
    body = textwrap.dedent(_inside(file.cut(template.value))).strip("\n") + "\n"
    raw["spec"]["schematic"] = {"cue": {"template": f"{imports}\n\n{body}" if imports else body}}
    return Definition(raw, source, file.blank(*_dressing(file, header, template)))


def from_object(raw: dict[str, Any], document: documents.Document | None = None) -> Definition:
    """A definition that is a Kubernetes object; from a file, its template keeps the file's lines.

    Raises:
        Problem: `definition.header` where the object is not one of the definition kinds.
    """
    if raw.get("kind") not in list(DefinitionKind):
        where = document.position("kind") if document else None
        raise Problem(
            "definition.header",
            f"{raw.get('kind') or 'an object without a kind'} is not a definition",
            "kind",
            positions=(where,) if where else (),
            hint=f"one of {', '.join(DefinitionKind)}",
        )
    if not (raw.get("metadata") or {}).get("name"):
        raise Problem("definition.header", "a definition needs a name", "metadata.name")
    plain = Definition.of(raw)
    padded = _padded(plain.text, document) if document else None
    if document is None or padded is None:
        return plain
    return Definition(raw, document.source, padded)


async def _read_all(texts: dict[str, str], engine: Engine) -> list[Definition]:
    """Read files side by side; definitions in the order of the files, problems of all of them."""
    found: dict[str, list[Definition]] = {}
    problems: dict[str, tuple[Problem, ...]] = {}

    async def one(source: str) -> None:
        try:
            if source.endswith(".cue"):
                found[source] = [await read(texts[source], source, engine)]
            else:
                loaded = documents.load(texts[source], source)
                found[source] = [from_object(d.data, d) for d in loaded]
        except (Problem, Problems) as error:
            problems[source] = every(error)

    async with anyio.create_task_group() as group:
        for source in texts:
            group.start_soon(one, source)
    raise_any(problem for source in texts for problem in problems.get(source, ()))
    return [definition for source in texts for definition in found[source]]


class _File:
    """A text and the byte ranges the engine speaks of."""

    def __init__(self, text: str, source: str) -> None:
        self.bytes = text.encode()
        self.source = source

    def cut(self, span: Span) -> str:
        return self.bytes[span.start : span.end].decode()

    def blank(self, *spans: tuple[int, int]) -> str:
        """The text with each range turned into spaces; line ends stay, so positions do."""
        text = bytearray(self.bytes)
        for start, end in spans:
            text[start:end] = re.sub(rb"[^\r\n]", b" ", bytes(text[start:end]))
        return text.decode()

    def position(self, offset: int) -> Position:
        before = self.bytes[:offset]
        return Position(
            self.source, before.count(b"\n") + 1, offset - (before.rfind(b"\n") + 1) + 1
        )

    def problem(self, code: str, message: str, at: int = 0, hint: str = "") -> Problem:
        return Problem(code, message, positions=(self.position(at),), hint=hint)


def _parts(file: _File, fields: Sequence[OutlineField]) -> tuple[OutlineField, OutlineField]:
    """The metadata field and the template of a file that has exactly one of each."""
    templates = [f for f in fields if file.cut(f.label) == "template"]
    headers = [f for f in fields if f not in templates]
    shape = "a definition file is one field with type and description, and a template"
    if not headers:
        raise file.problem(
            "definition.header", "the field that names the definition is missing", 0, shape
        )
    if len(headers) > 1:
        listed = " and ".join(f'"{f.name}"' for f in headers)
        raise file.problem(
            "definition.header",
            f"one field names the definition, found {listed}",
            headers[1].label.start,
            shape,
        )
    if len(templates) != 1:
        raise file.problem(
            "definition.template",
            "template: {...} is given twice" if templates else "template: {...} is missing",
            templates[1].label.start if templates else len(file.bytes),
            shape,
        )
    return headers[0], templates[0]


async def _header(
    file: _File, header: OutlineField, engine: Engine
) -> tuple[dict[str, Any], dict[str, str]]:
    """The evaluated header, and the status expressions in it as CUE text.

    A status expression may be a struct, which speaks of a context that is not there yet: it is
    taken as text and blanked before the rest is evaluated.
    """
    structs = await _structs(file, header, engine)
    kept = [(0, header.label.start), (header.value.end, len(file.bytes))]
    text = file.blank(*kept, *((span.start, span.end) for span in structs.values()))
    for span in structs.values():
        text = _overwrite(text, span.start, "{}")
    result = await engine.evaluate(text, [], [_label(header.name)], source=file.source)
    raise_any(result.problems)
    meta = result.values[_label(header.name)]
    if not isinstance(meta, dict):
        raise file.problem(
            "definition.header", f"{header.name} must be a struct", header.value.start
        )
    statuses = {}
    for name, span in structs.items():
        inner = await engine.format(_inside(file.cut(span)), source=file.source)
        statuses[name] = inner.replace("\t", "  ")
    return meta, statuses


def _overwrite(text: str, offset: int, new: str) -> str:
    """Put `new` at a byte offset, over as many bytes."""
    raw = text.encode()
    return (raw[:offset] + new.encode() + raw[offset + len(new) :]).decode()


async def _structs(file: _File, header: OutlineField, engine: Engine) -> dict[str, Span]:
    """The status expressions written as structs, by name, with their place in the file."""
    span = header.value
    for step in ("attributes", "status"):
        inner = await _fields(file, span, engine)
        if step not in inner:
            return {}
        span = inner[step]
    inner = await _fields(file, span, engine)
    return {n: inner[n] for n in _STATUS if n in inner and file.cut(inner[n]).startswith("{")}


async def _fields(file: _File, span: Span, engine: Engine) -> dict[str, Span]:
    """The fields of the struct that stands in a place, with their own places in the file."""
    text = file.cut(span)
    if text.startswith("{"):
        text = f" {text[1:-1]} "
    outline = await engine.outline(text, source=file.source)
    return {
        f.name: Span(f.value.start + span.start, f.value.end + span.start) for f in outline.fields
    }


def _kind(file: _File, header: OutlineField, meta: dict[str, Any]) -> DefinitionKind:
    at = header.value.start
    unknown = [name for name in meta if name not in _HEADER]
    if unknown:
        raise file.problem(
            "definition.header",
            f'a definition has no field "{unknown[0]}"',
            at,
            suggest.nearest(unknown[0], _HEADER) or f"there are: {', '.join(_HEADER)}",
        )
    given = meta.get("type")
    if given not in _KINDS:
        raise file.problem(
            "definition.header",
            f'"{given}" is not a kind of definition' if given else "the type is missing",
            at,
            f"one of {', '.join(_KINDS)}",
        )
    return _KINDS[given]


def _check_fields(
    file: _File, header: OutlineField, kind: DefinitionKind, attributes: dict[str, Any]
) -> None:
    known = _FIELDS[kind] | _COMMON
    raise_any(
        Problem(
            "definition.field",
            f'a {kind.word} definition has no attribute "{name}"',
            f"attributes.{name}",
            (file.position(header.value.start),),
            suggest.nearest(name, known),
        )
        for name in attributes
        if name not in known
    )


def _object(
    name: str, kind: DefinitionKind, meta: dict[str, Any], statuses: dict[str, str]
) -> dict[str, Any]:
    """The definition object, its template not yet in it."""
    annotations = {}
    if "alias" in meta:
        annotations[names.ALIAS] = meta["alias"]
    if "description" in meta:
        annotations[names.DESCRIPTION] = meta["description"]
    annotations |= _prefixed(meta.get("annotations"))
    labels = _prefixed(meta.get("labels"))
    spec = dict(meta.get("attributes") or {})
    if statuses:
        spec["status"] = {**spec["status"], **statuses}
    metadata: dict[str, Any] = {"name": name, "annotations": annotations}
    if labels:
        metadata["labels"] = labels
    return {"apiVersion": names.V1BETA1, "kind": kind.value, "metadata": metadata, "spec": spec}


def _prefixed(given: dict[str, Any] | None) -> dict[str, Any]:
    return {k if "oam.dev" in k else _PREFIX + k: v for k, v in (given or {}).items()}


def _dressing(file: _File, header: OutlineField, template: OutlineField) -> list[tuple[int, int]]:
    """What is in the file and not in its template: the header, `template: {` and `}`."""
    start, end = template.value.start, template.value.end
    spans = [(header.label.start, header.value.end)]
    if file.bytes[start : start + 1] == b"{":
        return [*spans, (template.label.start, start + 1), (end - 1, end)]
    return [*spans, (template.label.start, start)]


def _inside(text: str) -> str:
    """The text between the braces of a struct, or a struct that was written without any."""
    return text[1:-1] if text.startswith("{") else text


def _label(name: str) -> str:
    """A field name as a CUE path: quoted where it is not an identifier."""
    return name if re.fullmatch(r"[A-Za-z]\w*", name) else f'"{name}"'


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
