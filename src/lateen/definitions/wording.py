"""What the evaluator says, in words for people who do not write CUE. Pure.

Every message it has for a mistake of a definition or an application is known here by its form; one
that is not is passed on as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from lateen.base import suggest
from lateen.base.problem import Problem
from lateen.providers import packages

_BOUNDS = {
    "<=": "at most {}",
    ">=": "at least {}",
    "<": "less than {}",
    ">": "more than {}",
    "=~": "text that matches {}",
    "!~": "text that does not match {}",
    "!=": "anything but {}",
}
_RULES: Mapping[str, Callable[[str], str]] = {
    "list.MinItems": lambda count: f"it needs at least {_many(count, 'item')}",
    "list.MaxItems": lambda count: f"it may have at most {_many(count, 'item')}",
    "list.UniqueItems": lambda _: "no item may be there twice",
    "strings.MinRunes": lambda count: f"it needs at least {_many(count, 'character')}",
    "strings.MaxRunes": lambda count: f"it may have at most {_many(count, 'character')}",
    "struct.MinFields": lambda count: f"it needs at least {_many(count, 'field')}",
    "struct.MaxFields": lambda count: f"it may have at most {_many(count, 'field')}",
}
_TYPES = ("string", "int", "bool", "number", "float", "bytes", "null", "true", "false")
_ROOTS = ("parameter", "context", "output", "outputs", "patch", "patchOutputs", "errs")
_STANDARD = (
    *("strings", "list", "math", "regexp", "strconv", "struct", "time", "net", "path", "uuid"),
    *("encoding/json", "encoding/yaml", "encoding/base64", "encoding/hex", "text/template"),
    *("crypto/md5", "crypto/sha1", "crypto/sha256", "crypto/sha512", "math/bits"),
)
_WORD = re.compile(r"[A-Za-z_#]\w*")


def plain(message: str) -> str:
    """A message of the evaluator about a template."""
    for pattern, words in _FORMS:
        match = pattern.fullmatch(message)
        if match:
            return words(match)
    return message.replace(" (type _|_)", "")


def patch(message: str) -> str:
    """A message about what a patch says of a field, and what the field has."""
    if match := _CONFLICT.fullmatch(message):
        return f"it is {match['one']}, the patch says {match['other']}"
    if match := _LENGTHS.fullmatch(message):
        return f"it has {_many(match[2], 'item')}, the patch only {_many(match[1], 'item')}"
    return message


def value(message: str, given: Any) -> str:
    """A message of the evaluator about a value that an application gives."""
    if match := _CONFLICT.fullmatch(message):
        one, other = match["one"], match["other"]
        expected = other if _is(one, given) else one
        return f"expected {_type(expected)}, found {found(given)}"
    if match := _NONE_OF.fullmatch(message):
        return f"expected one of {match['others']}, found {found(given)}"
    return plain(message)


def hint(message: str, text: str) -> str:
    """What may have been meant by a name that a template does not have."""
    if match := _PACKAGE.fullmatch(message):
        return suggest.nearest(
            match[1].strip('"'), {*packages.TEMPLATE, *packages.STEP, *_STANDARD}
        )
    if match := _UNUSED.fullmatch(message):
        return f"remove the import of {match[1]}"
    match = _UNKNOWN.search(message)
    if not match:
        return ""
    name = match["name"] or match["field"]
    words = {word for word in _WORD.findall(text) if word != name}
    near = suggest.nearest(name, {*words, *_TYPES, *_ROOTS})
    if near or match["field"]:
        return near
    return f'if it is text, put it in quotes: "{name}"'


def reading(found: Iterable[Problem], texts: Mapping[str, str] | None = None) -> list[Problem]:
    """What the evaluator says of a file it cannot read, or of what it says of itself.

    `texts` are the files by their names, for what may have been meant.
    """
    problems = list(found)
    told = without_echoes(problem.message for problem in problems)
    said = []
    for problem in problems:
        if not problem.code.startswith("cue."):
            said.append(problem)
        elif problem.message in told:
            text = (texts or {}).get(problem.positions[0].source, "") if problem.positions else ""
            meant = problem.hint or hint(problem.message, text)
            said.append(replace(problem, message=plain(problem.message), hint=meant))
    return said


def nearest(name: str, text: str) -> str:
    """The field of a template that may have been meant by one it does not have."""
    labels = re.findall(r"([A-Za-z_]\w*)[?!]?\s*:", text)
    return suggest.nearest(name, set(labels) - {name})


def found(given: Any) -> str:
    """A value as people call it: string "x", number 5, list."""
    match given:
        case None:
            return "null"
        case bool():
            return f"bool {str(given).lower()}"
        case int() | float():
            return f"number {given}"
        case str():
            return f"string {_short(given)}"
        case list():
            return "list"
    return "map"


def without_echoes(messages: Iterable[str]) -> list[str]:
    """Messages without those that only follow from another one."""
    said = list(dict.fromkeys(messages))
    unknown = {match[1] for each in said if (match := _PACKAGE.fullmatch(each))}
    unused = {each: match[1] for each in said if (match := _UNUSED.fullmatch(each))}
    return [
        each
        for index, each in enumerate(said)
        if unused.get(each) not in unknown and not (index and "found 'EOF'" in each)
    ]


def _short(text: str, limit: int = 60) -> str:
    quoted = orjson.dumps(text).decode()
    return quoted if len(quoted) <= limit else f'{quoted[: limit - 4]}..."'


def _is(said: str, given: Any) -> bool:
    """Whether the evaluator, which shortens what is long, means this value."""
    if isinstance(given, dict):
        return said.startswith("{")
    if isinstance(given, list):
        return said.startswith("[")
    return said == orjson.dumps(given).decode()


def _type(said: str) -> str:
    """A type or value as the evaluator writes it."""
    if said.startswith("{"):
        return "map"
    if said.startswith("["):
        return "list"
    return said.strip("()").replace(" | ", " or ").replace("|", " or ")


def _bound(match: re.Match[str]) -> str:
    said, bound = match["value"], match["bound"]
    if bound == '!=""':
        return "it must not be empty"
    for sign, words in _BOUNDS.items():
        if bound.startswith(sign):
            return f"{said} is not allowed: it must be {words.format(bound[len(sign) :])}"
    return f"{said} is not allowed: it must be {bound}"


def _rule(match: re.Match[str]) -> str:
    words = _RULES.get(match["rule"])
    if words is None:
        arguments = f"({match['args']})" if match["args"] else ""
        return f"{match['value']} is not allowed: it must satisfy {match['rule']}{arguments}"
    return words(match["args"] or "")


def _both(match: re.Match[str]) -> str:
    return f"it cannot be both {_type(match['one'])} and {_type(match['other'])}"


_CONFLICT = re.compile(
    r"conflicting values (?P<one>.+?) and (?P<other>.+?)(?: \(mismatched types .+\))?", re.DOTALL
)
_NONE_OF = re.compile(r"(?P<one>.+) is none of (?P<others>.+)", re.DOTALL)
_LENGTHS = re.compile(r"incompatible list lengths \((\d+) and (\d+)\)")
_PACKAGE = re.compile(r'unknown package ("[^"]*")')
_UNUSED = re.compile(r'imported and not used: ("[^"]*").*')
_UNKNOWN = re.compile(r'reference "(?P<name>[^"]+)" not found|undefined field: (?P<field>\w+)')

_Words = Callable[[re.Match[str]], str]
_FORMS: list[tuple[re.Pattern[str], _Words]] = [
    (_CONFLICT, _both),
    (
        re.compile(r"invalid value (?P<value>.+) \(out of bound (?P<bound>.+)\)", re.DOTALL),
        _bound,
    ),
    (
        re.compile(
            r"invalid value (?P<value>.+) \(does not satisfy (?P<rule>[\w.]+)(?:\((?P<args>.*?)\))?"
            r"\)(?:: .*)?",
            re.DOTALL,
        ),
        _rule,
    ),
    (_NONE_OF, lambda m: f"it cannot be {m['one']}, only {m['others'].replace(', ', ' or ')}"),
    (re.compile(r"reference (\".+\") not found"), lambda m: f"there is no {m[1]}"),
    (re.compile(r"undefined field: (.+)"), lambda m: f'there is no field "{m[1]}"'),
    (re.compile(r"invalid interpolation: (.+)", re.DOTALL), lambda m: plain(m[1])),
    (re.compile(r"error in call to (.+?): (.+)", re.DOTALL), lambda m: f"{m[1]}: {plain(m[2])}"),
    (
        re.compile(r"cannot use (.+) \(type (.+)\) as (.+) in argument \d+ to (.+)", re.DOTALL),
        lambda m: f"{m[4]} takes {_type(m[3])}, found {m[2]} {m[1]}",
    ),
    (
        re.compile(r"cannot call non-function (\S+)(?: \(type .+\))?"),
        lambda m: f"there is no function {m[1]}",
    ),
    (
        re.compile(r"index out of range \[(\d+)\] with length (\d+)"),
        lambda m: f"there is no item [{m[1]}], the list has {m[2]}",
    ),
    (_LENGTHS, lambda m: f"it cannot have both {_many(m[1], 'item')} and {_many(m[2], 'item')}"),
    (
        re.compile(r"incomplete value (.+)", re.DOTALL),
        lambda m: f"has no value, only the type {m[1]}",
    ),
    (re.compile(r"cycle with field: (.+)"), lambda m: f"needs {m[1]}, which needs it in turn"),
    (re.compile(r"structural cycle.*"), lambda _: "contains itself without end"),
    (re.compile(r"cycle error.*"), lambda _: "needs itself"),
    (re.compile(r"field not allowed"), lambda _: "is not allowed here"),
    (_UNUSED, lambda m: f"{m[1]} is imported and not used"),
    (re.compile(r"expected operand, found '(.+)'"), lambda m: f"a value is missing before {m[1]}"),
    (
        re.compile(r"expected '(.+)', found 'EOF'"),
        lambda m: f"{m[1]} is missing at the end of the text",
    ),
    (re.compile(r"expected '(.+)', found '(.+)'"), lambda m: f"expected {m[1]}, found {m[2]}"),
    (re.compile(r"string literal not terminated"), lambda _: "the quote is not closed"),
    (
        re.compile(r"invalid operands (.+) and (.+) to '(.+)' \(type (.+) and (.+)\)", re.DOTALL),
        lambda m: f"{m[4]} {m[1]} {m[3]} {m[5]} {m[2]} is not possible",
    ),
    (re.compile(r"missing ',' in .+"), lambda _: "a comma or a new line is missing"),
    (re.compile(r"is not defined"), lambda _: "there is no such field"),
]


def _many(count: str, what: str) -> str:
    return f"{count} {what}" if count == "1" else f"{count} {what}s"
