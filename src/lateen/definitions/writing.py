"""Definition objects, written as the `.cue` files people keep (semantics A5).

The template is the user's own text: it is moved, never laid out anew, and keeps its comments.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lateen.api import names
from lateen.api.definition import Definition
from lateen.base.problem import Problem, Problems
from lateen.cue.engine import Engine
from lateen.definitions import headers, statuses, texts

_SAID = frozenset({names.ALIAS, names.DESCRIPTION})  # in fields of their own
# written by whoever brought the object to the cluster, not by its author
_TRACES = ("app.oam.dev/", "addons.oam.dev/", "oam.dev/", "kubectl.kubernetes.io/")
# what a block of several lines cannot hold as it is
_AWKWARD = re.compile(r'[^\n\t\x20-\x7e\u00a0-\ud7ff\ue000-\ufefe]|"""#|\\#')


async def cue(definition: Definition, engine: Engine) -> str:
    """A definition object as a file.

    Raises:
        Problem, Problems: `cue.syntax` when its template is no CUE; `definition.template` when it
            has none.
    Source: semantics A5.
    """
    stored = Definition.of(definition.raw)
    if not stored.text.strip():
        kind = next(iter(stored.spec.get("schematic") or {"nothing": ""}))
        raise Problem(
            "definition.template",
            f"{stored.name} is made from {kind}: only a definition with a CUE template is a file",
            "spec.schematic",
            hint="use `-o yaml`",
        )
    outline = await engine.outline(stored.text, source=definition.source)
    imports = "".join(span.of(stored.text) + "\n" for span in outline.imports)
    body = texts.cut_out(stored.text, outline.imports).strip("\n")
    header = _struct(await _header(stored, engine))
    named = await engine.format(f"{texts.label(stored.name)}: {header}\n", source="header")
    return "\n".join([*([imports] if imports else []), named, _template(body)])


def _template(body: str) -> str:
    return f"template: {{\n{texts.indent(body)}\n}}\n" if body else "template: {}\n"


class Code(str):
    """A text that is CUE already, to stand where a value does."""

    __slots__ = ()


async def _header(definition: Definition, engine: Engine) -> dict[str, Any]:
    annotations: Mapping[str, str] = definition.raw["metadata"].get("annotations") or {}
    labels: Mapping[str, str] = definition.raw["metadata"].get("labels") or {}
    attributes = {key: value for key, value in definition.spec.items() if key != "schematic"}
    if isinstance(attributes.get("status"), Mapping):
        attributes["status"] = {
            name: await _expression(text, engine) if name in statuses.NAMES else text
            for name, text in attributes["status"].items()
        }
    return {
        "type": definition.kind.word,
        "alias": annotations.get(names.ALIAS, ""),
        "description": annotations.get(names.DESCRIPTION, ""),
        "annotations": _own(annotations),
        "labels": _own(labels),
        "attributes": attributes,
    }


def _own(given: Mapping[str, str]) -> dict[str, str]:
    """What a file can say of annotations or labels: its own, and those of Open Application Model.

    Beyond semantics A5, which forgets the latter: `definition.oam.dev/example-url` comes back.
    """
    found = {}
    for key, value in given.items():
        if "oam.dev" in key and key not in _SAID and not key.startswith(_TRACES):
            bare = key.removeprefix(headers.PREFIX)
            found[key if "oam.dev" in bare else bare] = value
    return found


async def _expression(text: Any, engine: Engine) -> Any:
    """A status expression as a struct again; as the text it is, where it cannot be one."""
    if not isinstance(text, str) or not text.strip():
        return text
    attributes, rest = statuses.parted(text)
    suffix = "".join(f" {attribute}" for attribute in attributes)
    try:
        outline = await engine.outline(rest, source="status")
        laid = await engine.format(rest, source="status")
    except (Problem, Problems):  # not CUE: whoever vets the definition says so
        return text
    if outline.imports or outline.package:
        return Code(_literal(rest) + suffix)
    return Code(f"{{\n{texts.indent(laid.rstrip())}\n}}{suffix}")


def value(given: Any) -> str:
    """Plain data as CUE; a `Code` in it stands as it is."""
    if isinstance(given, Code):
        return str(given)
    if isinstance(given, str):
        return _literal(given)
    if isinstance(given, Mapping):
        return _struct(given)
    if isinstance(given, list):
        if not any(isinstance(item, Mapping | list) for item in given):
            return f"[{', '.join(value(item) for item in given)}]"
        inner = "".join(f"{value(item)},\n" for item in given)
        return f"[\n{texts.indent(inner.rstrip())}\n]"
    if given is None or isinstance(given, bool):
        return {None: "null", True: "true", False: "false"}[given]
    return repr(given)


def _struct(fields: Mapping[str, Any]) -> str:
    if not fields:
        return "{}"
    inner = "\n".join(f"{texts.label(str(key))}: {value(item)}" for key, item in fields.items())
    return f"{{\n{texts.indent(inner)}\n}}"


def _literal(text: str) -> str:
    """A text of several lines as a block, which is how people write and read it."""
    if "\n" not in text or _AWKWARD.search(text):
        return texts.quoted(text)
    return f'#"""\n{texts.indent(text)}\n\t"""#'
