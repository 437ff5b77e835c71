"""Field paths such as `spec.components[0].env["my-key"]`, as text and as a tuple of parts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

Path = tuple[str | int, ...]

MISSING: Final = object()

_PART = re.compile(
    r"""\.?(?:
        \[(?P<index>\d+)\]
      | \["(?P<quoted>(?:[^"\\]|\\.)*)"\]
      | \['(?P<single>(?:[^'\\]|\\.)*)'\]
      | "(?P<label>(?:[^"\\]|\\.)*)"
      | (?P<name>[^.\[\]"']+)
    )""",
    re.VERBOSE,
)


def parse(text: str) -> Path:
    """Split a field path into its keys and indexes.

    Raises:
        ValueError: the text is not a field path; says at which character.
    """
    parts: list[str | int] = []
    at = 0
    while at < len(text):
        match = _PART.match(text, at)
        if match is None:
            raise ValueError(f"not a field path at character {at + 1}: {text}")
        if match["index"] is not None:
            parts.append(int(match["index"]))
        else:
            key = next(g for g in match.group("quoted", "single", "label", "name") if g is not None)
            parts.append(key.replace('\\"', '"'))
        at = match.end()
    return tuple(parts)


def render(path: Path) -> str:
    """Write a path as Kubernetes does: `spec.containers[0].env`, `metadata.labels["a.b/c"]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.fullmatch(r"[\w$#-]+", part):
            text += f".{part}" if text else part
        else:
            text += f'["{part}"]'
    return text


def lookup(value: Any, path: Path, default: Any = MISSING) -> Any:
    """The value at `path`, or `default` where any part of it is missing."""
    for part in path:
        if isinstance(part, int):
            if isinstance(value, str) or not isinstance(value, Sequence) or part >= len(value):
                return default
        elif not isinstance(value, Mapping) or part not in value:
            return default
        value = value[part]
    return value


def assign(value: Any, path: Path, new: Any) -> Any:
    """A copy of `value` with `new` at `path`; missing maps are made, a list is padded with `{}`.

    Raises:
        ValueError: the path goes through something that is neither a map nor a list, or leaves a
            list by more than its last part (semantics E4).
    """
    if not path:
        return new
    head, rest = path[0], path[1:]
    if isinstance(head, int):
        if value is None or value is MISSING:
            value = []
        if not isinstance(value, list):
            raise ValueError(f"[{head}] needs a list, found {type(value).__name__}")
        items = list(value)
        if head >= len(items) and rest:
            raise ValueError(f"[{head}] is beyond the end of a list of {len(items)}")
        items += [{} for _ in range(head + 1 - len(items))]
        items[head] = assign(items[head], rest, new)
        return items
    if value is None or value is MISSING:
        value = {}
    if not isinstance(value, Mapping):
        raise ValueError(f"{head} needs a map, found {type(value).__name__}")
    return {**value, head: assign(value.get(head, MISSING), rest, new)}


def related(one: Path, other: Path) -> bool:
    """Whether one of two paths lies within the other, or they are the same."""
    size = min(len(one), len(other))
    return one[:size] == other[:size]
