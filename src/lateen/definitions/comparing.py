"""What differs between two sets of manifests, field by field, and what that does to pods.

Pure. For `diff` as for the impact of a definition: the same words for the same change. What is in a
Secret is never shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.manifest import Key, Manifest
from lateen.base import paths, quantity

HIDDEN: Final = "(hidden)"  # instead of a value that is secret


class Effect(StrEnum):
    """What a change does to pods that run."""

    NONE = ""
    RESTART = "restarts its pods"
    REPLACE = "cannot be changed: it must be made anew"
    END = "ends its pods"


@dataclass(frozen=True)
class Field:
    """A field that differs; `before` or `after` is `paths.MISSING` where there is none."""

    path: paths.Path
    before: Any
    after: Any

    def to_map(self) -> dict[str, Any]:
        found: dict[str, Any] = {"path": paths.render(self.path)}
        if self.before is not paths.MISSING:
            found["before"] = self.before
        if self.after is not paths.MISSING:
            found["after"] = self.after
        return found


@dataclass(frozen=True)
class Change:
    """An object that differs: `word` is added, removed or changed. Only a changed one has fields.

    `cluster` is empty for the control plane's own.
    """

    key: Key
    cluster: str
    word: str
    fields: tuple[Field, ...] = ()
    effect: Effect = Effect.NONE

    def to_map(self) -> dict[str, Any]:
        return {
            "apiVersion": self.key.api_version,
            "kind": self.key.kind,
            "namespace": self.key.namespace,
            "name": self.key.name,
            "cluster": self.cluster,
            "change": self.word,
            "effect": self.effect.value,
            "fields": [field.to_map() for field in self.fields],
        }


# how the object came to be, not what it is: a new revision alone changes them
_BOOKKEEPING = frozenset(
    {
        ("metadata", "labels", names.RENDER_HASH),
        ("metadata", "labels", names.APP_REVISION_HASH),
        ("metadata", "labels", names.APP_REVISION),
        ("metadata", "annotations", names.RENDER_HASH),
    }
)
_TEMPLATED = frozenset({"Deployment", "StatefulSet", "DaemonSet", "CloneSet", "Rollout"})
_RUNNING = _TEMPLATED | {"Job", "Pod", "CronJob", "ReplicaSet"}
_TEMPLATE = ("spec", "template")
_FIXED: Final[Mapping[str, tuple[paths.Path, ...]]] = {
    "Deployment": (("spec", "selector"),),
    "ReplicaSet": (("spec", "selector"),),
    "DaemonSet": (("spec", "selector"),),
    "StatefulSet": (
        ("spec", "selector"),
        ("spec", "serviceName"),
        ("spec", "podManagementPolicy"),
        ("spec", "volumeClaimTemplates"),
    ),
    "Job": (_TEMPLATE, ("spec", "selector"), ("spec", "completionMode")),
    "Pod": (("spec",),),
}


def compare(before: Sequence[Manifest], after: Sequence[Manifest]) -> list[Change]:
    """What is different in `after`: objects as they stand there, then those that are gone.

    Lists whose items have names are compared by name.
    """
    old = {_identity(manifest): manifest for manifest in before}
    new = {_identity(manifest): manifest for manifest in after}
    found = []
    for identity, manifest in new.items():
        change = _change(old.get(identity), manifest)
        if change:
            found.append(change)
    for identity, manifest in old.items():
        if identity not in new:
            kind = str(manifest.get("kind"))
            effect = Effect.END if kind in _RUNNING else Effect.NONE
            found.append(Change(manifests.key(manifest), identity[0], "removed", (), effect))
    return found


def _identity(manifest: Manifest) -> tuple[str, tuple[str, str, str, str]]:
    return _cluster(manifest), manifests.key(manifest).identity


def _cluster(manifest: Manifest) -> str:
    cluster = manifests.labels(manifest).get(names.APP_CLUSTER, "")
    return "" if cluster == names.LOCAL else cluster


def _change(before: Manifest | None, after: Manifest) -> Change | None:
    key, cluster = manifests.key(after), _cluster(after)
    if before is None:
        return Change(key, cluster, "added")
    fields = tuple(f for f in _fields(before, after, ()) if f.path not in _BOOKKEEPING)
    if not fields:
        return None
    effect = _effect(key.kind, fields)
    if key.kind == "Secret" and key.group == "":
        fields = tuple(map(_redacted, fields))
    return Change(key, cluster, "changed", fields, effect)


def _effect(kind: str, fields: Sequence[Field]) -> Effect:
    touched = [field.path for field in fields]
    if any(path[: len(fixed)] == fixed for fixed in _FIXED.get(kind, ()) for path in touched):
        return Effect.REPLACE
    if kind in _TEMPLATED and any(path[:2] == _TEMPLATE for path in touched):
        return Effect.RESTART
    return Effect.NONE


def _fields(before: Any, after: Any, at: paths.Path) -> Iterator[Field]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys([*before, *after]):
            inner = (*at, name)
            yield from _fields(
                before.get(name, paths.MISSING), after.get(name, paths.MISSING), inner
            )
    elif isinstance(before, list) and isinstance(after, list):
        yield from _items(before, after, at)
    elif not _same(before, after, at):
        yield Field(at, before, after)


def _items(before: Sequence[Any], after: Sequence[Any], at: paths.Path) -> Iterator[Field]:
    """The index is that of the item in `after`; of one that is gone, that in `before`."""
    old, new = _named(before), _named(after)
    if old is not None and new is not None:
        if [name for name in old if name in new] != [name for name in new if name in old]:
            yield Field(at, before, after)  # the order of init containers means something
            return
        for name, (index, item) in new.items():
            was = old[name][1] if name in old else paths.MISSING
            yield from _fields(was, item, (*at, index))
        for name, (index, item) in old.items():
            if name not in new:
                yield Field((*at, index), item, paths.MISSING)
        return
    for index in range(max(len(before), len(after))):
        was = before[index] if index < len(before) else paths.MISSING
        item = after[index] if index < len(after) else paths.MISSING
        yield from _fields(was, item, (*at, index))


def _named(items: Sequence[Any]) -> dict[str, tuple[int, Any]] | None:
    """Items by name, with their index; None where they do not all have one of their own."""
    found = {
        item["name"]: (index, item)
        for index, item in enumerate(items)
        if isinstance(item, Mapping) and isinstance(item.get("name"), str)
    }
    return found if len(found) == len(items) else None


def _same(before: Any, after: Any, at: paths.Path) -> bool:
    if isinstance(before, bool) is not isinstance(after, bool):
        return False
    # the API server writes a quantity in one form, however it was given
    return bool(before == after) or ("resources" in at and quantity.equal(before, after))


def _redacted(field: Field) -> Field:
    """A field of a Secret without what is secret: its data, and copies of it in annotations."""
    before, after = (_hidden(value, field.path) for value in (field.before, field.after))
    return Field(field.path, before, after)


def _hidden(value: Any, at: paths.Path) -> Any:
    if value is paths.MISSING:
        return value
    if isinstance(value, Mapping):
        return {name: _hidden(inner, (*at, name)) for name, inner in value.items()}
    copy = at[:2] == ("metadata", "annotations") and "last-applied" in str(at[-1])
    return HIDDEN if at[0] in ("data", "stringData") or copy else value
