"""The status expressions of a definition: `healthPolicy`, `customStatus` and `details`.

A file may give them as text or as a struct; objects hold text. What can be said of one without its
context is said here: that it yields what it is there for (semantics A5).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from lateen.base.problem import Problem, Problems, every
from lateen.cue.engine import Engine
from lateen.cue.reports import OutlineField, Span
from lateen.definitions import texts

NAMES: Final = ("healthPolicy", "customStatus", "details")
UNCHECKED: Final = "@disableValidation()"
_KEPT = "// cue-attr:"
_DECLARED = "\ncontext: _\nparameter: _\n"

_NUMBER = re.compile(r"[-+]?[\d.][\w.]*")
_TEXT = re.compile(r"""#*"(?:[^"\\]|\\.)*"#*|#*\"\"\".*\"\"\"#*""", re.DOTALL)
_BYTES = re.compile(r"""#*'.*'#*""", re.DOTALL)


async def text_of(struct: str, attributes: Sequence[str], engine: Engine, source: str) -> str:
    """A struct as the text an object holds; its attributes are kept as comments.

    Raises:
        Problem, Problems: `cue.syntax`.
    """
    inner = await engine.format(texts.inside(struct), source=source)
    kept = "".join(f"{_KEPT}{attribute}\n" for attribute in attributes)
    return kept + inner.replace("\t", "  ").strip("\n")


def annotated(text: str, attributes: Sequence[str]) -> str:
    """A text with attributes as comments, unless it has them already."""
    if not attributes or _KEPT in text:
        return text
    return "".join(f"{_KEPT}{attribute}\n" for attribute in attributes) + text


def parted(text: str) -> tuple[list[str], str]:
    """The attributes that were kept as comments, and the text without them."""
    lines = text.split("\n")
    kept = [line.strip() for line in lines if line.strip().startswith(_KEPT)]
    rest = [line for line in lines if not line.strip().startswith(_KEPT)]
    return [line.removeprefix(_KEPT) for line in kept], "\n".join(rest)


async def check(name: str, text: str, engine: Engine) -> list[Problem]:
    """What is wrong with the expression `name`, one of `NAMES`; positions are in its text.

    `cue.*` for what CUE says, `definition.status` when it does not yield what it is there for.
    Source: semantics A5.
    """
    if UNCHECKED in parted(text)[0]:
        return []
    try:
        outline = await engine.outline(text, source=name)
        await engine.compile(text + _DECLARED, source=name)
    except (Problem, Problems) as error:
        return list(every(error))
    file = texts.File(text, name)
    found = list(outline.fields)
    for block in _blocks(file, outline.imports, outline.fields):
        found += (await texts.fields(file, block, engine)).values()
    if name == "details":
        return [
            file.problem(
                "definition.status",
                f"{field.name} of details must be one value, not a struct or a list",
                field.label.start,
                'a field that is only used by others begins with "$"',
            )
            for field in found
            if field.name[0] not in "$_#" and _is_compound(file.cut(field.value))
        ]
    wanted, judge, example = _WANTED[name]
    yields = [field for field in found if field.name == wanted]
    if not yields:
        said, hint = f"{name} gives no {wanted}", f"for example `{example}`"
        return [file.problem("definition.status", said, 0, hint)]
    return [
        file.problem("definition.status", f"{wanted} must be {word}", field.value.start)
        for field in yields
        if (word := judge(file.cut(field.value)))
    ]


def _not_true_or_false(value: str) -> str:
    plain = _TEXT.fullmatch(value) or _NUMBER.fullmatch(value) or value == "null"
    return "true or false" if plain or _is_compound(value) else ""


def _not_text(value: str) -> str:
    plain = _NUMBER.fullmatch(value) or _BYTES.fullmatch(value) or value in _WORDS
    return "text" if plain or texts.is_struct(value) else ""


_WORDS = frozenset({"true", "false", "null"})
# expression -> the field it is read from, what keeps a value from being right, an example
_WANTED: dict[str, tuple[str, Callable[[str], str], str]] = {
    "healthPolicy": (
        "isHealth",
        _not_true_or_false,
        "isHealth: context.output.status.readyReplicas > 0",
    ),
    "customStatus": (
        "message",
        _not_text,
        'message: "Ready: \\(context.output.status.readyReplicas)"',
    ),
}


def _is_compound(value: str) -> bool:
    return texts.is_struct(value) or texts.is_enclosed(value, "[", "]")


def _blocks(
    file: texts.File, imports: Sequence[Span], fields: Sequence[OutlineField]
) -> Iterator[Span]:
    """The structs that stand at the top level without being a field: those of `if` and `for`."""
    taken = [(s.start, s.end) for s in imports]
    taken += [(field.label.start, field.value.end) for field in fields]
    text = file.blank(*taken)
    # every character one byte, so that places are offsets
    flat = texts.flat(text.encode().decode("latin-1"))
    depth, start = 0, 0
    for at, character in enumerate(flat):
        if character == "{":
            start = at if depth == 0 else start
            depth += 1
        elif character == "}":
            depth -= 1
            if depth == 0:
                yield Span(start, at + 1)
