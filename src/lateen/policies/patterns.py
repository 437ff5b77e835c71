r"""Name patterns of override policies: regular expressions in which `*` means anything.

Matched in time linear in the name, whatever the pattern: it comes from users, and a backtracking
matcher would let one pattern stop the control plane. Groups, counted repetition and escapes of
classes (`\d`) are therefore not understood.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

_Test = Callable[[str], bool]


@dataclass(frozen=True)
class _Token:
    """One character of a name: which it may be, whether it may be missing or come again."""

    test: _Test
    optional: bool = False
    repeated: bool = False


@dataclass(frozen=True)
class _Branch:
    tokens: tuple[_Token, ...]
    from_start: bool
    to_end: bool


class Pattern:
    """A compiled pattern. Not anchored: `web` matches `webapp` too (semantics F3).

    Raises:
        ValueError: the pattern cannot be read; says what is wrong with it.
    """

    def __init__(self, text: str) -> None:
        self._branches = [_branch(part) for part in _alternatives(text)]

    def matches(self, name: str) -> bool:
        return any(_search(branch, name) for branch in self._branches)


def _alternatives(text: str) -> list[str]:
    """Split at `|`, but not inside a class or after a backslash."""
    parts, start, inside, at = [], 0, False, 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == "|" and not inside:
            parts.append(text[start:at])
            start = at + 1
        else:
            inside = text[at] == "[" or (inside and text[at] != "]")
        at += 1
    return [*parts, text[start:]]


def _branch(text: str) -> _Branch:
    from_start = text.startswith("^")
    to_end = text.endswith("$") and not text.endswith("\\$")
    body = text[1 if from_start else 0 : len(text) - 1 if to_end else len(text)]
    tokens: list[_Token] = []
    at = 0
    while at < len(body):
        token, at = _token(body, at)
        if at < len(body) and body[at] in "?+":
            token = _Token(token.test, body[at] == "?", body[at] == "+")
            at += 1
        tokens.append(token)
    return _Branch(tuple(tokens), from_start, to_end)


def _token(text: str, at: int) -> tuple[_Token, int]:
    char = text[at]
    if char == "*" or text.startswith(".*", at):
        return _Token(_anything, optional=True, repeated=True), at + (1 if char == "*" else 2)
    if char == ".":
        return _Token(_anything), at + 1
    if char == "[":
        return _class(text, at)
    if char == "\\":
        if at + 1 == len(text) or text[at + 1].isalnum():
            raise ValueError(f"\\ at character {at + 1} is not understood")
        return _Token(text[at + 1].__eq__), at + 2
    if char in "(){}?+^$":
        raise ValueError(f"{char} at character {at + 1} is not understood here")
    return _Token(char.__eq__), at + 1


def _anything(_: str) -> bool:
    return True


def _class(text: str, at: int) -> tuple[_Token, int]:
    end = text.find("]", at + 2)
    if end < 0:
        raise ValueError(f"[ at character {at + 1} is never closed")
    body = text[at + 1 : end]
    negated = body.startswith("^")
    members: set[str] = set()
    body = body[1:] if negated else body
    i = 0
    while i < len(body):
        if body[i + 1 : i + 2] == "-" and i + 2 < len(body):
            members.update(map(chr, range(ord(body[i]), ord(body[i + 2]) + 1)))
            i += 3
        else:
            members.add(body[i])
            i += 1
    return _Token(lambda char: (char in members) != negated), end + 1


def _search(branch: _Branch, name: str) -> bool:
    """Follow all ways through the tokens at once."""
    tokens, last = branch.tokens, len(branch.tokens)
    here = _skip({0}, tokens)
    for char in name:
        if last in here and not branch.to_end:
            return True
        after: set[int] = set()
        for state in here:
            if state < last and tokens[state].test(char):
                after.add(state + 1)
                if tokens[state].repeated:
                    after.add(state)
        here = _skip(after if branch.from_start else after | {0}, tokens)
    return last in here


def _skip(states: set[int], tokens: tuple[_Token, ...]) -> set[int]:
    """The states reachable without a character."""
    found = set(states)
    for state in sorted(states):
        while state < len(tokens) and tokens[state].optional:
            state += 1
            found.add(state)
    return found
