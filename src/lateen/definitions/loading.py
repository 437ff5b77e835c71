"""Find the definition a `type` means (semantics A4)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Protocol

from lateen.api import names
from lateen.api.definition import Definition, DefinitionKind, DefinitionRevision
from lateen.base import suggest
from lateen.base.problem import Problem

_LISTED = 16  # as many names as a reader takes in; beyond it only the nearest is named


class Catalogue(Protocol):
    """Where definitions are kept: a cluster, a revision's snapshot, files. Reads from memory."""

    def find(self, kind: DefinitionKind, name: str, namespace: str) -> Definition | None:
        """The definition of that name in exactly that namespace."""

    def find_revision(
        self, kind: DefinitionKind, name: str, revision: str, namespace: str
    ) -> Definition | None:
        """The definition as revision `name-v<revision>` in that namespace keeps it."""

    def versions(self, kind: DefinitionKind, name: str, namespace: str) -> Collection[str]:
        """What may stand after `name@v` in exactly that namespace: `3`, `1.2.0`."""

    def find_workload(self, name: str, namespace: str) -> Definition | None:
        """The WorkloadDefinition of that name there, seen as a component definition."""

    def names(self, kind: DefinitionKind, namespace: str) -> set[str]:
        """Every name in exactly that namespace."""


def lookup(
    catalogue: Catalogue, kind: DefinitionKind, type_name: str, namespace: str, path: str = ""
) -> Definition:
    """The definition `type_name` (`web` or `web@v3`) means in an application's namespace.

    The application's namespace is looked at first, then `vela-system`. A component type that is
    nowhere may be a WorkloadDefinition. `path` is where the type stands in the application, for
    the error.

    Raises:
        Problem: `definition.unknown`, with what was probably meant; `definition.reference` for a
            type that cannot be read.
    Source: semantics A4.
    """
    name, revision = split(type_name, path)
    places = list(dict.fromkeys((namespace, names.SYSTEM_NAMESPACE)))
    for place in places:
        found = (
            catalogue.find_revision(kind, name, revision, place)
            if revision
            else catalogue.find(kind, name, place)
        )
        if found:
            return found
    if kind is DefinitionKind.COMPONENT and not revision:
        old = (catalogue.find_workload(name, place) for place in places)
        if workload := next(filter(None, old), None):
            return workload
    visible = {known for place in places for known in catalogue.names(kind, place)}
    versions = {v for place in places for v in catalogue.versions(kind, name, place)}
    if revision and (versions or name in visible):
        raise Problem(
            "definition.unknown",
            f'{_said(kind)} "{name}" has no revision v{revision}',
            path,
            hint=_revisions(name, versions),
        )
    raise Problem(
        "definition.unknown",
        f'there is no {_said(kind)} "{name}" in {" or ".join(places)}',
        path,
        hint=_hint(kind, name, visible),
    )


def split(type_name: str, path: str = "") -> tuple[str, str]:
    """`web` -> (`web`, ``); `web@v3` -> (`web`, `3`); `web@v1.2.0` -> (`web`, `1.2.0`).

    Raises:
        Problem: `definition.reference`.
    Source: semantics A4.
    """
    name, at, revision = type_name.partition("@")
    if not name or (at and not (revision.startswith("v") and revision[1:])) or "@" in revision:
        raise Problem(
            "definition.reference",
            f'"{type_name}" is not a type' if type_name else "a type is missing",
            path,
            hint="write a name, or a name and a revision such as webservice@v2",
        )
    return name, revision[1:]


def best(wanted: str, versions: Iterable[str]) -> str:
    """The version a range means: itself, else the highest x.y.z it is the beginning of.

    `1` and (`1.0.0`, `1.2.0`, `2.0.0`) -> `1.2.0`; nothing where none fits.
    Source: semantics A4.
    """
    known = set(versions)
    if wanted in known:
        return wanted
    fitting = [v for v in known if _SEMVER.fullmatch(v) and v.startswith(f"{wanted}.")]
    return max(fitting, key=_ordered, default="")


def _ordered(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


_SEMVER = re.compile(r"\d+\.\d+\.\d+")


class Static:
    """Definitions in memory. One without a namespace belongs to `vela-system`: all see it."""

    def __init__(
        self,
        definitions: Iterable[Definition],
        revisions: Iterable[DefinitionRevision] = (),
        workloads: Iterable[Definition] = (),
    ) -> None:
        self._all = {(d.kind, _place(d), d.name): d for d in definitions}
        self._workloads = {(_place(d), d.name): d for d in workloads}
        self._kept = {
            (r.kind, r.namespace or names.SYSTEM_NAMESPACE, r.of, r.version): r for r in revisions
        }

    def find(self, kind: DefinitionKind, name: str, namespace: str) -> Definition | None:
        return self._all.get((kind, namespace, name))

    def find_revision(
        self, kind: DefinitionKind, name: str, revision: str, namespace: str
    ) -> Definition | None:
        """As kept; or the definition itself, where it says that it is this `version`."""
        kept = self._kept.get((kind, namespace, name, revision))
        if kept:
            return kept.definition
        found = self.find(kind, name, namespace)
        return found if found and found.spec.get("version") == revision else None

    def versions(self, kind: DefinitionKind, name: str, namespace: str) -> Collection[str]:
        kept = {v for k, place, of, v in self._kept if (k, place, of) == (kind, namespace, name)}
        found = self.find(kind, name, namespace)
        return kept | {str(found.spec["version"])} if found and found.spec.get("version") else kept

    def find_workload(self, name: str, namespace: str) -> Definition | None:
        return self._workloads.get((namespace, name))

    def names(self, kind: DefinitionKind, namespace: str) -> set[str]:
        return {name for k, place, name in self._all if (k, place) == (kind, namespace)}


def _place(definition: Definition) -> str:
    return definition.namespace or names.SYSTEM_NAMESPACE


class Recorded:
    """The definitions of an application's revision: whatever a type meant then, wherever it was.

    They are kept by name; several revisions of one definition, and steps, by type (semantics A4).
    With a `place` they are found in that namespace only.
    """

    def __init__(self, definitions: Iterable[Definition], place: str = "") -> None:
        self._all = {(d.kind, d.asked or d.name): d for d in definitions}
        self._place = place

    def find(self, kind: DefinitionKind, name: str, namespace: str) -> Definition | None:
        return self._all.get((kind, name)) if self._place in ("", namespace) else None

    def find_revision(
        self, kind: DefinitionKind, name: str, revision: str, namespace: str
    ) -> Definition | None:
        found = self.find(kind, f"{name}@v{revision}", namespace)
        return found or self.find(kind, name, namespace)

    def versions(self, kind: DefinitionKind, name: str, namespace: str) -> Collection[str]:
        return ()

    def find_workload(self, name: str, namespace: str) -> Definition | None:
        return None

    def names(self, kind: DefinitionKind, namespace: str) -> set[str]:
        return {name for k, name in self._all if k is kind}


class Following:
    """A catalogue in which `@v1` and `@v1.2` are ranges: an application with autoUpdate sees it."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.find = catalogue.find
        self.versions = catalogue.versions
        self.find_workload = catalogue.find_workload
        self.names = catalogue.names

    def find_revision(
        self, kind: DefinitionKind, name: str, revision: str, namespace: str
    ) -> Definition | None:
        version = best(revision, self._catalogue.versions(kind, name, namespace))
        return self._catalogue.find_revision(kind, name, version or revision, namespace)


class Layered:
    """Two catalogues as one: what `first` does not have, `second` may."""

    def __init__(self, first: Catalogue, second: Catalogue) -> None:
        self._first = first
        self._second = second

    def find(self, kind: DefinitionKind, name: str, namespace: str) -> Definition | None:
        return self._first.find(kind, name, namespace) or self._second.find(kind, name, namespace)

    def find_revision(
        self, kind: DefinitionKind, name: str, revision: str, namespace: str
    ) -> Definition | None:
        return self._first.find_revision(
            kind, name, revision, namespace
        ) or self._second.find_revision(kind, name, revision, namespace)

    def versions(self, kind: DefinitionKind, name: str, namespace: str) -> Collection[str]:
        return {
            *self._first.versions(kind, name, namespace),
            *self._second.versions(kind, name, namespace),
        }

    def find_workload(self, name: str, namespace: str) -> Definition | None:
        first = self._first.find_workload(name, namespace)
        return first or self._second.find_workload(name, namespace)

    def names(self, kind: DefinitionKind, namespace: str) -> set[str]:
        return self._first.names(kind, namespace) | self._second.names(kind, namespace)


def _said(kind: DefinitionKind) -> str:
    """As a reader calls it: `component type`, `workflow step type`."""
    return f"{kind.word.replace('-', ' ')} type"


def _revisions(name: str, versions: Collection[str]) -> str:
    current = f'"{name}" without @v... is the current one'
    if not versions or len(versions) > _LISTED:
        return current
    return f"there are: {', '.join(f'v{each}' for each in _sorted(versions))}; {current}"


def _sorted(versions: Collection[str]) -> list[str]:
    def order(version: str) -> tuple[bool, list[int], str]:
        numbers = [int(part) for part in version.split(".") if part.isdecimal()]
        return (not numbers, numbers, version)

    return sorted(versions, key=order)


def _hint(kind: DefinitionKind, name: str, visible: set[str]) -> str:
    meant = suggest.nearest(name, visible)
    if not visible:
        return f"no {_said(kind)} is installed"
    if len(visible) > _LISTED:
        return meant
    known = f"there are: {', '.join(sorted(visible))}"
    return f"{meant} {known}" if meant else known
