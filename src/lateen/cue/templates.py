"""A compiled text, the values filled into it, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from lateen.base.problem import Problem
from lateen.cue import reports

DEADLINE: Final = 5.0  # seconds


@dataclass(frozen=True)
class Fill:
    """A JSON value to unify at a path; `source` names it in the positions of errors."""

    path: str
    value: Any
    source: str


@dataclass(frozen=True)
class Action:
    """A struct of the evaluated value that has `#do` and `#provider`: work for someone else."""

    path: str  # as CUE writes it, to `Fill` the result at
    provider: str
    do: str
    value: Any  # what is concrete of it; its inputs are below `$params` where it has that
    incomplete: tuple[Problem, ...]  # what keeps its inputs from being concrete; empty: may run

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Action:
        incomplete = reports.problems(raw.get("incomplete"))
        return cls(raw["path"], raw["provider"], raw["do"], raw["value"], incomplete)


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation gave.

    Paths are written as Kubernetes does: `spec.containers[0].env`, `metadata.labels["a.b/c"]`.
    """

    values: Mapping[str, Any]
    """Asked path -> concrete JSON. A path that is absent, or has problems, is missing."""
    problems: tuple[Problem, ...]
    """All errors, code `cue.<kind>`: conflict, incomplete, reference, closed, error."""
    marks: Mapping[str, Mapping[str, Mapping[str, str]]]
    """Marked path -> path below it ("" for itself) -> key -> value of `+key=value` doc comments."""
    soft: Mapping[str, frozenset[str]]
    """Marked path -> paths below it whose value is a default (`*1 | int`), not given."""
    actions: tuple[Action, ...] = ()
    """If asked for, in the order to run them: an inner one before the one it is in, fields with
    `@step(n)` first, else as the text has them."""

    origins: Mapping[str, Mapping[str, tuple[reports.Origin, ...]]] = field(default_factory=dict)
    """Traced path -> path of each leaf below it -> where it is written, and what is named there."""

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Evaluation:
        return cls(
            raw["values"],
            reports.problems(raw.get("problems")),
            raw.get("marks") or {},
            {path: frozenset(soft) for path, soft in (raw.get("soft") or {}).items()},
            tuple(Action.of(action) for action in raw.get("actions") or ()),
            {
                path: {leaf: tuple(map(reports.Origin.of, found)) for leaf, found in leaves.items()}
                for path, leaves in (raw.get("origins") or {}).items()
            },
        )


@dataclass(frozen=True)
class Text:
    """What a template is made of; `key` is its content's, so equal ones are compiled once."""

    key: str
    text: str
    source: str
    packages: Mapping[str, Mapping[str, str]]


class Asking(Protocol):
    """Whoever answers for a text."""

    async def ask(self, verb: str, text: Text, deadline: float, **arguments: Any) -> Any: ...


@dataclass(frozen=True)
class Template:
    """A text that compiles. Survives the end of the process that compiled it."""

    text: Text
    engine: Asking

    async def evaluate(
        self,
        fills: Sequence[Fill],
        paths: Sequence[str],
        *,
        marks: Sequence[str] = (),
        require: Sequence[str] = (),
        actions: bool = False,
        deadline: float = DEADLINE,
    ) -> Evaluation:
        """Fill in values and export `paths`.

        An asked path that is present but not concrete gives problems, one of `require` also when it
        is absent. `marks` are the paths whose marks and soft fields are wanted. With `actions` the
        whole value is searched for them.

        Raises:
            Problem: `cue.deadline`, `cue.memory` or `cue.engine`; `cue.value` for a fill that has
                no JSON form.
        """
        arguments = arguments_of(fills, paths, marks, require, actions=actions)
        return Evaluation.of(await self.engine.ask("evaluate", self.text, deadline, **arguments))

    async def vet(self, *, deadline: float = DEADLINE) -> tuple[Problem, ...]:
        """The errors it has before anything is filled in."""
        raw = await self.engine.ask("vet", self.text, deadline)
        return reports.problems(raw.get("problems"))

    async def describe(self, path: str, *, deadline: float = DEADLINE) -> reports.Field:
        """The schema at a path, as a tree of fields.

        Raises:
            Problem: `cue.reference` when nothing is declared at `path`.
        """
        raw = await self.engine.ask("describe", self.text, deadline, path=path)
        return reports.Field.of(raw)

    async def schema(self, path: str, *, deadline: float = DEADLINE) -> dict[str, Any]:
        """The schema at a path as OpenAPI v3.

        Raises:
            Problem: `cue.reference` when nothing is declared at `path`, or `cue.error` when it has
                no OpenAPI form.
        """
        raw = await self.engine.ask("schema", self.text, deadline, path=path)
        return dict(raw)

    async def release(self) -> None:
        """Forget it in the engine now; it is compiled anew when used again."""
        await self.engine.ask("release", self.text, DEADLINE)


def arguments_of(
    fills: Sequence[Fill],
    paths: Sequence[str],
    marks: Sequence[str],
    require: Sequence[str],
    *,
    actions: bool = False,
    origins: Sequence[str] = (),
    partial: Sequence[str] = (),
) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "fills": [{"path": f.path, "value": f.value, "source": f.source} for f in fills],
        "paths": paths,
        "marks": marks,
        "require": require,
    }
    if actions:
        arguments["actions"] = True
    if origins:
        arguments["origins"] = origins
    if partial:
        arguments["partial"] = partial
    return arguments
