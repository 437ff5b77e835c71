"""Take what is secret out of two versions of an object, so that they can be shown side by side.

Pure. Secret is what a Secret holds, and every text elsewhere that has such a value in it. That a
value differs is still to be seen, what it is not.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from lateen.api.manifest import Manifest
from lateen.base import paths
from lateen.definitions.comparing import HIDDEN

CHANGED: Final = "(hidden, changed)"  # instead of a secret value that is another one now
_SHORTEST = 6  # characters; shorter values of Secrets are found all over the place
_HELD = ("data", "stringData")


def held(manifests: Iterable[Manifest]) -> frozenset[str]:
    """Every value the Secrets among the manifests hold, encoded and plain, if long enough."""
    found: set[str] = set()
    for manifest in manifests:
        if manifest.get("kind") != "Secret":
            continue
        for name in _HELD:
            for value in (manifest.get(name) or {}).values():
                found |= {str(value), *_plain(value), _encoded(value)}
    return frozenset(value for value in found if len(value) >= _SHORTEST)


def texts(value: Any) -> frozenset[str]:
    """Every text in a value that is secret, encoded and plain, if long enough."""
    if isinstance(value, Mapping):
        return frozenset().union(*map(texts, value.values()))
    if isinstance(value, list):
        return frozenset().union(*map(texts, value))
    long = isinstance(value, str) and len(value) >= _SHORTEST
    return frozenset({value, _encoded(value)} if long else ())


def _plain(value: Any) -> Iterable[str]:
    try:
        return [base64.b64decode(value, validate=True).decode()]
    except (binascii.Error, ValueError, TypeError):  # it was not encoded, or is no text
        return []


def _encoded(value: Any) -> str:
    return base64.b64encode(str(value).encode()).decode()


def conceal(before: Any, after: Any, secrets: Collection[str]) -> tuple[Any, Any]:
    """Both versions without what is secret; either may be `paths.MISSING`."""
    return _pair(before, after, secrets, False)


def _pair(before: Any, after: Any, secrets: Collection[str], hide: bool) -> tuple[Any, Any]:
    if any(isinstance(each, Mapping) for each in (before, after)):
        return _maps(before, after, secrets, hide)
    if any(isinstance(each, list) for each in (before, after)):
        return _lists(before, after, secrets, hide)
    shown = [
        HIDDEN if each is not paths.MISSING and (hide or _is_secret(each, secrets)) else each
        for each in (before, after)
    ]
    if shown[0] is HIDDEN and shown[1] is HIDDEN and before != after:
        shown[1] = CHANGED
    return shown[0], shown[1]


def _is_secret(value: Any, secrets: Collection[str]) -> bool:
    return isinstance(value, str) and any(secret in value for secret in secrets)


def _maps(before: Any, after: Any, secrets: Collection[str], hide: bool) -> tuple[Any, Any]:
    old, new = (each if isinstance(each, Mapping) else {} for each in (before, after))
    was, now = dict(old), dict(new)
    for name in dict.fromkeys([*old, *new]):
        secret = name in _HELD and "Secret" in (old.get("kind"), new.get("kind"))
        values = (old.get(name, paths.MISSING), new.get(name, paths.MISSING))
        left, right = _pair(*values, secrets, hide or secret)
        if name in old:
            was[name] = left
        if name in new:
            now[name] = right
    return (
        was if isinstance(before, Mapping) else _alone(before, secrets, hide),
        now if isinstance(after, Mapping) else _alone(after, secrets, hide),
    )


def _lists(before: Any, after: Any, secrets: Collection[str], hide: bool) -> tuple[Any, Any]:
    old, new = (each if isinstance(each, list) else [] for each in (before, after))
    partner = _partners(old, new)
    was: list[Any] = [_pair(each, paths.MISSING, secrets, hide)[0] for each in old]
    now: list[Any] = []
    for index, item in enumerate(new):
        at = partner.get(index)
        first = paths.MISSING if at is None else old[at]
        left, right = _pair(first, item, secrets, hide)
        if at is not None:
            was[at] = left
        now.append(right)
    return (
        was if isinstance(before, list) else _alone(before, secrets, hide),
        now if isinstance(after, list) else _alone(after, secrets, hide),
    )


def _partners(old: Sequence[Any], new: Sequence[Any]) -> dict[int, int]:
    """Index of an item in `new` -> of the same one in `old`: by name where all have one."""
    names = [_names(old), _names(new)]
    if names[0] is None or names[1] is None:
        return {index: index for index in range(min(len(old), len(new)))}
    return {at: names[0][name] for name, at in names[1].items() if name in names[0]}


def _names(items: Sequence[Any]) -> dict[str, int] | None:
    named = [each for each in items if isinstance(each, Mapping) and "name" in each]
    found = {str(each["name"]): index for index, each in enumerate(named)}
    return found if len(found) == len(items) else None


def _alone(value: Any, secrets: Collection[str], hide: bool) -> Any:
    """One version where the other is something else altogether."""
    return _pair(value, paths.MISSING, secrets, hide)[0]
