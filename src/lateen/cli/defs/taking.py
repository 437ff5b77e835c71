"""Definitions as the user gives them: files, directories, addresses, standard input."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from lateen import hub
from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.definition import Definition
from lateen.base.problem import Position, Problem, Problems, every
from lateen.cli import problems, sources
from lateen.cue.engine import Engine
from lateen.definitions import files, proving
from lateen.providers import external


@dataclass
class Taken:
    """What was found in one text. `problems` and `warnings` have their places in it."""

    source: str
    text: str
    definitions: list[Definition] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def add(self, problem: Problem) -> None:
        """One more problem of this text, at its first line where it has no place."""
        self.problems.append(_put(problem, self))


async def take(
    targets: Sequence[str], engine: Engine, own: external.Shelf | None = None
) -> list[Taken]:
    """Everything the targets hold, vetted; `own` are packages users have brought.

    What is wrong with a text stands beside it; only what cannot be read at all is raised.

    Raises:
        Problem: `input.*`.
    """
    given: dict[str, str] = {}
    for target in targets:
        given |= sources.texts(target, files.SUFFIXES)
    found = [await examine(source, text, engine, own) for source, text in given.items()]
    _twice(found)
    return found


async def brought(client: hub.Client) -> external.Shelf:
    """The packages users have brought to a control plane."""
    try:
        group, version = manifests.split_version(external.API_VERSION)
        found, _ = await client.list(group, version, external.KIND)
    except Problem as problem:
        if problem.code != "hub.unknown-kind":
            raise
        found = []
    return external.Shelf(found)


async def definitions(
    targets: Sequence[str], engine: Engine, own: external.Shelf | None = None
) -> list[tuple[Definition, Taken]]:
    """The definitions of the targets with where they stand, all of them right; warnings are shown.

    Raises:
        Blamed: everything that is wrong, in all of the files.
        Problem: `input.*`.
    """
    found = await take(targets, engine, own)
    refuse(found)
    return [(definition, taken) for taken in found for definition in taken.definitions]


def refuse(found: Iterable[Taken]) -> None:
    """Show the warnings; raise everything that is wrong.

    Raises:
        Blamed
    """
    found = list(found)
    for taken in found:
        problems.warn(taken.warnings, {taken.source: taken.text})
    if any(taken.problems for taken in found):
        raise blamed(found)


def blamed(found: Iterable[Taken]) -> problems.Blamed:
    """What is wrong, with the texts it is shown from."""
    found = list(found)
    return problems.Blamed(
        [problem for taken in found for problem in taken.problems],
        {taken.source: taken.text for taken in found},
    )


def placed(definition: Definition, namespace: str | None) -> Definition:
    """The definition in the namespace it goes to: the one asked for, its own, or that of all.

    Raises:
        Problem: `input.namespace` when the two differ.
    """
    meta = definition.raw["metadata"]
    own = meta.get("namespace")
    if own and namespace and own != namespace:
        raise Problem(
            "input.namespace",
            f"{definition.name} belongs to namespace {own}, not {namespace}",
            "metadata.namespace",
            hint="leave out -n, or the namespace in the file",
        )
    wanted = {**meta, "namespace": own or namespace or names.SYSTEM_NAMESPACE}
    return replace(definition, raw={**definition.raw, "metadata": wanted})


async def examine(
    source: str, text: str, engine: Engine, own: external.Shelf | None = None
) -> Taken:
    """What one text holds, vetted."""
    taken = Taken(source, text)
    try:
        for reading in await files.examine(text, source, engine):
            taken.definitions.append(reading.definition)
            taken.warnings += reading.warnings
            taken.problems += await proving.prove(reading.definition, engine, own)
            taken.warnings += proving.doubts(reading.definition)
    except (Problem, Problems) as error:
        taken.problems += every(error)
    if not taken.definitions and not taken.problems:
        message = f"there is no definition in {source}"
        taken.problems.append(Problem("definition.file", message))
    taken.problems = [_put(problem, taken) for problem in taken.problems]
    taken.warnings = [_put(problem, taken) for problem in taken.warnings]
    return taken


def _put(problem: Problem, taken: Taken) -> Problem:
    """With a place in the file, the first line where nothing better is known."""
    if problem.positions:
        return problem
    return replace(problem, positions=(Position(taken.source, 1, 1),))


def _twice(found: Sequence[Taken]) -> None:
    """One definition in two files: the second is the problem."""
    first: dict[tuple[str, str, str], str] = {}
    for taken in found:
        for definition in taken.definitions:
            key = (definition.kind.value, definition.namespace, definition.name)
            if key in first:
                message = f"{definition.kind} {definition.name} is given by {first[key]} as well"
                taken.add(Problem("definition.file", message))
            first.setdefault(key, taken.source)
