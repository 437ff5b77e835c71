"""One object that several templates give: what they say of it is put together.

Pure. They have to agree: maps are merged, lists of named items by name, and of two values for one
field none is better than the other. Where the object comes from, the first of them says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lateen.api import manifest, names
from lateen.api.manifest import Manifest
from lateen.base import paths, quantity
from lateen.base.problem import Problem

_ORIGIN = ("app.oam.dev/", "trait.oam.dev/", "workload.oam.dev/", names.RENDER_HASH)


def identity(given: Manifest) -> tuple[str, ...]:
    """Equal for two manifests of one object; empty for one that is to get its name later."""
    key = manifest.key(given)
    return (manifest.cluster(given), *key.identity) if key.name else ()


def same(first: Manifest, second: Manifest) -> bool:
    """Whether two manifests of one object say the same, wherever they come from."""
    return _bare(first) == _bare(second)


def unite(first: Manifest, second: Manifest) -> Manifest:
    """What both say of one object.

    Raises:
        Problem: `template.duplicate` where they contradict each other; its path is in the object.
    """
    united: Manifest = _united(_bare(first), _bare(second), ())
    meta = united["metadata"]
    origin = {k: v for k, v in manifest.labels(first).items() if k.startswith(_ORIGIN)}
    return {**united, "metadata": {**meta, "labels": {**meta["labels"], **origin}}}


def _bare(given: Manifest) -> Manifest:
    labels = {k: v for k, v in manifest.labels(given).items() if not k.startswith(_ORIGIN)}
    return {**given, "metadata": {**manifest.metadata(given), "labels": labels}}


def _united(one: Any, other: Any, path: paths.Path) -> Any:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        found = dict(one)
        for key, value in other.items():
            found[key] = _united(one[key], value, (*path, key)) if key in one else value
        return found
    if isinstance(one, list) and isinstance(other, list) and _named(one) and _named(other):
        return _items(one, other, path)
    if one == other or quantity.equal(one, other):
        return one
    raise Problem("template.duplicate", f"{one!r} and {other!r}", paths.render(path))


def _items(one: list[Any], other: list[Any], path: paths.Path) -> list[Any]:
    """Two lists of named items: those of one name are one."""
    found = list(one)
    places = {item["name"]: place for place, item in enumerate(one)}
    for item in other:
        place = places.get(item["name"])
        if place is None:
            found.append(item)
        else:
            found[place] = _united(one[place], item, (*path, place))
    return found


def _named(items: list[Any]) -> bool:
    given = [item.get("name") for item in items if isinstance(item, Mapping)]
    return len(given) == len(items) and None not in given and len(set(given)) == len(given)
