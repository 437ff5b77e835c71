"""Find the definition a `type` means (semantics A4)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from lateen.api import names
from lateen.api.definition import Definition, DefinitionKind
from lateen.base import suggest
from lateen.base.problem import Problem

_LISTED = 12  # as many names as a reader takes in; beyond it only the nearest is named


class Catalogue(Protocol):
    """Where definitions are kept: a cluster, a revision's snapshot, files. Reads from memory."""

    def find(self, kind: DefinitionKind, name: str, namespace: str) -> Definition | None:
        """The definition of that name in exactly that namespace."""

    def find_revision(
        self, kind: DefinitionKind, name: str, revision: str, namespace: str
    ) -> Definition | None:
        """The definition as revision `name-v<revision>` in that namespace keeps it."""

    def names(self, kind: DefinitionKind, namespace: str) -> set[str]:
        """Every name in exactly that namespace."""


def lookup(
    catalogue: Catalogue, kind: DefinitionKind, type_name: str, namespace: str, path: str = ""
) -> Definition:
    """The definition `type_name` (`web` or `web@v3`) means in an application's namespace.

    The application's namespace is looked at first, then `vela-system`. `path` is where the type
    stands in the application, for the error.

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
    visible = {known for place in places for known in catalogue.names(kind, place)}
    if revision and name in visible:
        raise Problem(
            "definition.unknown",
            f'{_said(kind)} "{name}" has no revision v{revision}',
            path,
            hint=f'"{name}" without @v{revision} is the current one',
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


class Static:
    """Definitions in memory. One without a namespace belongs to `vela-system`: all see it."""

    def __init__(self, definitions: Iterable[Definition]) -> None:
        self._all = {
            (d.kind, d.raw["metadata"].get("namespace") or names.SYSTEM_NAMESPACE, d.name): d
            for d in definitions
        }

    def find(self, kind: DefinitionKind, name: str, namespace: str) -> Definition | None:
        return self._all.get((kind, namespace, name))

    def find_revision(
        self, kind: DefinitionKind, name: str, revision: str, namespace: str
    ) -> Definition | None:
        """None, unless the definition in memory says itself that it is this `version`."""
        found = self.find(kind, name, namespace)
        return found if found and found.spec.get("version") == revision else None

    def names(self, kind: DefinitionKind, namespace: str) -> set[str]:
        return {name for k, place, name in self._all if (k, place) == (kind, namespace)}


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

    def names(self, kind: DefinitionKind, namespace: str) -> set[str]:
        return self._first.names(kind, namespace) | self._second.names(kind, namespace)


def _said(kind: DefinitionKind) -> str:
    """As a reader calls it: `component type`, `workflow step type`."""
    return f"{kind.word.replace('-', ' ')} type"


def _hint(kind: DefinitionKind, name: str, visible: set[str]) -> str:
    meant = suggest.nearest(name, visible)
    if not visible:
        return f"no {_said(kind)} is installed"
    if len(visible) > _LISTED:
        return meant
    known = f"there are: {', '.join(sorted(visible))}"
    return f"{meant} {known}" if meant else known
