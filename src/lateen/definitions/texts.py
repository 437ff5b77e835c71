"""A CUE text and the byte ranges the engine speaks of: cut out, blanked, found again in the file.

Pure, but for `fields`, which asks the engine where the fields of a struct stand.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from lateen.base.problem import Position, Problem
from lateen.cue.engine import Engine
from lateen.cue.reports import OutlineField, Span

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
# a struct written without braces: `isHealth: true`
_CHAINED = re.compile(r'(?:[\w$#]+|"(?:[^"\\]|\\.)*")\s*[?!]?\s*:(?!:)')
_OPENING = re.compile(r"""#*(?:\"\"\"|\'\'\')\n""")

# what is looked through without being looked into
_SKIPPED = re.compile(
    r"""//[^\n]*|(#*)\"\"\".*?\"\"\"\1|(#*)\'\'\'.*?\'\'\'\2|#"(?:[^"]|"(?!#))*"#"""
    r"""|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'""",
    re.DOTALL,
)


class File:
    """A text with the name under which people know it."""

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

    def attributes(self, span: Span) -> list[str]:
        """The field attributes behind a value: `@disableValidation()`."""
        rest = self.bytes[span.end :].decode()
        found = re.match(r"(?:[ \t]*@[\w.]+\([^()\n]*\))*", rest)
        return re.findall(r"@[\w.]+\([^()\n]*\)", found[0]) if found else []

    def inner(self, span: Span, place: Position) -> Position:
        """Where a place in the text of a literal stands: of `#\"\"\"` by its own line and column,
        of a literal in one line where that begins.
        """
        literal = self.cut(span)
        start = self.position(span.start)
        if not _OPENING.match(literal):
            return start
        indent = len(literal.rpartition("\n")[2]) - len(literal.rpartition("\n")[2].lstrip())
        return Position(self.source, start.line + place.line, place.column + indent)


async def fields(file: File, span: Span, engine: Engine) -> dict[str, OutlineField]:
    """The fields of the struct that stands in a place, with their own places in the file."""
    text = file.cut(span)
    if text.startswith("{"):
        text = f" {text[1:-1]} "
    outline = await engine.outline(text, source=file.source)
    return {
        f.name: OutlineField(
            f.name,
            f.constraint,
            Span(f.label.start + span.start, f.label.end + span.start),
            Span(f.value.start + span.start, f.value.end + span.start),
        )
        for f in outline.fields
    }


def is_struct(value: str) -> bool:
    """Whether an expression is a struct, written with braces or as `a: b: 1`."""
    return is_enclosed(value, "{", "}") or bool(_CHAINED.match(value))


def is_enclosed(value: str, opening: str, closing: str) -> bool:
    """Whether an expression is what stands in one pair of brackets, all of it."""
    if not value.startswith(opening) or not value.endswith(closing):
        return False
    depth, text = 0, flat(value)
    for at, character in enumerate(text):
        depth += (character == opening) - (character == closing)
        if depth == 0:
            return at == len(text) - 1
    return False


def flat(text: str) -> str:
    """A text with spaces for its comments and literals, so that brackets in it are brackets."""
    return _SKIPPED.sub(lambda found: " " * len(found[0]), text)


def inside(text: str) -> str:
    """The text between the braces of a struct, or a struct that was written without any."""
    return text[1:-1] if text.startswith("{") else text


def label(name: str) -> str:
    """A field name as a CUE path or label: quoted where it is not an identifier."""
    return name if _NAME.fullmatch(name) and name not in _WORDS else quoted(name)


# what CUE reads as something else than a name
_WORDS = frozenset({"true", "false", "null", "for", "in", "if", "let", "package", "import", "func"})


def quoted(text: str) -> str:
    """A text as a CUE literal of one line."""
    shown = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    made = "".join(shown.get(c) or (c if c.isprintable() else f"\\U{ord(c):08X}") for c in text)
    return f'"{made}"'


def dedent(text: str) -> str:
    """Without the white space that all lines begin with. Unlike `textwrap.dedent` it keeps what
    lines of white space hold beyond that: in a text of several lines it means something.
    """
    lines = text.split("\n")
    written = [line for line in lines if line.strip()]
    if not written:
        return text
    margin = min((re.match(r"[ \t]*", line) or [""])[0] for line in written)
    while not all(line.startswith(margin) for line in written):
        margin = margin[:-1]
    return "\n".join(
        line.removeprefix(margin) if line.strip() else _blank(line, margin) for line in lines
    )


def _blank(line: str, margin: str) -> str:
    return line.removeprefix(margin) if line.startswith(margin) else ""


def indent(text: str) -> str:
    """One tab before every line that is not empty, of white space or not (see `dedent`)."""
    return "\n".join(f"\t{line}" if line else line for line in text.split("\n"))


def cut_out(text: str, spans: Sequence[Span]) -> str:
    """A text without these ranges, and without the lines that would be left empty."""
    raw = text.encode()
    for span in sorted(spans, key=lambda each: -each.start):
        end = span.end
        rest = re.match(rb"[ \t]*;?[ \t]*\r?\n?", raw[end:])
        raw = raw[: span.start] + raw[end + (len(rest[0]) if rest else 0) :]
    return raw.decode()
