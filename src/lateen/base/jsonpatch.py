"""JSON Patch (RFC 6902) and JSON Merge Patch (RFC 7396) over plain values.

Neither changes its arguments.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_REQUIRED = {
    "add": ("path", "value"),
    "remove": ("path",),
    "replace": ("path", "value"),
    "move": ("path", "from"),
    "copy": ("path", "from"),
    "test": ("path", "value"),
}


def apply(document: Any, operations: Sequence[Mapping[str, Any]]) -> Any:
    """`document` after every operation of a JSON Patch, in order.

    Raises:
        ValueError: an operation is malformed or cannot be carried out. `args` are the message and
            the operation's index.
    Source: RFC 6902 section 4.
    """
    result = copy.deepcopy(document)
    for index, operation in enumerate(operations):
        try:
            result = _step(result, operation)
        except (LookupError, TypeError, ValueError) as error:
            raise ValueError(str(error.args[0] if error.args else error), index) from error
    return result


def merge(document: Any, patch: Any) -> Any:
    """`document` with a JSON Merge Patch laid over it: null removes, maps merge, the rest replaces.

    Source: RFC 7396 section 2.
    """
    if not isinstance(patch, Mapping):
        return copy.deepcopy(patch)
    result = dict(document) if isinstance(document, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def same(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal; unlike `==`, true is not 1 at any depth."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def _step(document: Any, operation: Mapping[str, Any]) -> Any:
    verb = operation.get("op")
    if verb not in _REQUIRED:
        raise ValueError(f"unknown operation {verb!r}, expected one of {', '.join(_REQUIRED)}")
    for name in _REQUIRED[verb]:
        if name not in operation:
            raise ValueError(f'{verb} needs "{name}"')
    path = _pointer(operation["path"])
    match verb:
        case "add":
            return _add(document, path, copy.deepcopy(operation["value"]))
        case "remove":
            return _remove(document, path)
        case "replace":
            _get(document, path)
            return _edit(document, path, lambda parent, key: _put(parent, key, operation["value"]))
        case "test":
            if not same(_get(document, path), operation["value"]):
                raise ValueError(f"test failed at {operation['path']}")
            return document
    source = _pointer(operation["from"])
    moved = copy.deepcopy(_get(document, source))
    if verb == "move":
        if path[: len(source)] == source and path != source:
            raise ValueError(f"cannot move {operation['from']} into itself")
        document = _remove(document, source)
    return _add(document, path, moved)


def _pointer(text: Any) -> list[str]:
    """Source: RFC 6901."""
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise ValueError(f"not a JSON pointer: {text!r}")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _index(items: list[Any], part: str, *, end: int) -> int:
    if not part.isascii() or not part.isdigit() or (part.startswith("0") and part != "0"):
        raise ValueError(f"{part!r} is not an index of a list")
    if int(part) >= end:
        raise ValueError(f"index {part} is beyond a list of {len(items)}")
    return int(part)


def _get(document: Any, path: list[str]) -> Any:
    for part in path:
        if isinstance(document, list):
            document = document[_index(document, part, end=len(document))]
        elif isinstance(document, dict) and part in document:
            document = document[part]
        else:
            raise ValueError(f"there is no {part!r} in /{'/'.join(path)}")
    return document


def _edit(document: Any, path: list[str], change: Callable[[Any, str], None]) -> Any:
    if not path:
        root = {"": document}
        change(root, "")
        return root.get("")
    parent = _get(document, path[:-1])
    if not isinstance(parent, dict | list):
        raise ValueError(f"/{'/'.join(path[:-1])} is neither a map nor a list")
    change(parent, path[-1])
    return document


def _put(parent: Any, key: str, value: Any) -> None:
    value = copy.deepcopy(value)
    if isinstance(parent, list):
        parent[_index(parent, key, end=len(parent))] = value
    else:
        parent[key] = value


def _add(document: Any, path: list[str], value: Any) -> Any:
    def insert(parent: Any, key: str) -> None:
        if isinstance(parent, list):
            at = len(parent) if key == "-" else _index(parent, key, end=len(parent) + 1)
            parent.insert(at, value)
        else:
            parent[key] = value

    return _edit(document, path, insert)


def _remove(document: Any, path: list[str]) -> Any:
    _get(document, path)

    def drop(parent: Any, key: str) -> None:
        del parent[int(key) if isinstance(parent, list) else key]

    return _edit(document, path, drop)
