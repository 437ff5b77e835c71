"""Which revision a definition is at, and whether that is a new one (semantics A3). Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from lateen.api import definition as definitions
from lateen.api import names
from lateen.api.definition import Definition, DefinitionRevision
from lateen.base.problem import Problem

_VERSION = re.compile(r"\d+\.\d+\.\d+")


@dataclass(frozen=True)
class Choice:
    """The revision that says what the definition says; `new` when it is not stored yet."""

    revision: DefinitionRevision
    new: bool


def choose(
    definition: Definition,
    kept: Sequence[DefinitionRevision],
    *,
    latest: str = "",
    taken: Collection[str] = (),
) -> Choice:
    """The revision for a definition as it is.

    Args:
        kept: the stored revisions of this definition.
        latest: the name of the one its status calls the latest.
        taken: names in its namespace that revisions of other definitions have.

    Raises:
        Problem: `definition.version` for a version that is none, or is given twice;
            `definition.immutable` when it exists with another spec, `definition.taken` when the
            name belongs to another kind of definition.
    Source: semantics A3.
    """
    named = version(definition)
    newest = max(kept, key=lambda revision: revision.number, default=None)
    number = (newest.number if newest else 0) + 1
    if named:
        found = next((each for each in kept if each.version == named), None)
        if found:
            return Choice(_unchanged(definition, found), new=False)
        fresh = definitions.revise(definition, named, number)
        if fresh.name in taken:
            raise Problem(
                "definition.taken",
                f"the revision {fresh.name} belongs to another kind of definition",
                _path(definition),
                hint="give this version another number, or the definition another name",
            )
        return Choice(fresh, new=True)
    current = next((each for each in kept if each.name == latest), newest)
    if current and _same(definition, current):
        return Choice(current, new=False)
    used = {*taken, *(each.name for each in kept)}
    while f"{definition.name}-v{number}" in used:
        number += 1
    return Choice(definitions.revise(definition, str(number), number), new=True)


def refuse(definition: Definition, kept: Iterable[DefinitionRevision]) -> None:
    """Raise what keeps a definition from being published over these stored revisions.

    For whoever applies one: there is no webhook that would refuse it.

    Raises:
        Problem: `definition.version`, `definition.immutable`.
    """
    own = [r for r in kept if (r.kind, r.of) == (definition.kind, definition.name)]
    choose(definition, own)


def version(definition: Definition) -> str:
    """The version it gives itself, in its spec or by annotation; nothing when it is to be numbered.

    Raises:
        Problem: `definition.version`.
    """
    own = str(definition.spec.get("version") or "")
    annotated = definition.annotations.get(names.DEFINITION_REVISION, "")
    if own and annotated:
        raise Problem(
            "definition.version",
            f"its version is given twice: {own}, and {annotated} by annotation",
            "spec.version",
            hint=f"remove version, or the annotation {names.DEFINITION_REVISION}",
        )
    if own and not _VERSION.fullmatch(own):
        raise Problem(
            "definition.version",
            f'"{own}" is not a version',
            "spec.version",
            hint="three numbers, such as 1.2.0",
        )
    return own or annotated


def spare(
    kept: Iterable[DefinitionRevision], latest: str, pinned: Collection[str], limit: int
) -> list[DefinitionRevision]:
    """What may be deleted: the oldest, beyond `limit` and the latest (semantics A3).

    A version that an application has pinned stays, and does not count.
    """
    found = sorted(kept, key=lambda revision: revision.number)
    free = [each for each in found if each.name != latest and each.version not in pinned]
    return free[: max(0, len(free) - limit)]


def _unchanged(definition: Definition, found: DefinitionRevision) -> DefinitionRevision:
    if _same(definition, found):
        return found
    raise Problem(
        "definition.immutable",
        f"version {found.version} exists with another spec",
        _path(definition),
        hint=f"a version never changes: give the new text a new one, such as {_next(found)}",
    )


def _same(definition: Definition, found: DefinitionRevision) -> bool:
    return found.definition.spec == definition.spec


def _next(found: DefinitionRevision) -> str:
    if not _VERSION.fullmatch(found.version):
        return f"{found.version}-2"
    major, minor, _ = found.version.split(".")
    return f"{major}.{int(minor) + 1}.0"


def _path(definition: Definition) -> str:
    if definition.spec.get("version"):
        return "spec.version"
    return f'metadata.annotations["{names.DEFINITION_REVISION}"]'
