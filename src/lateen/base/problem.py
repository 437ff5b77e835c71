"""Errors are data: what went wrong, where, what to do. One type for every error a user can mend."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a text the user can open.

    `path` names the value there when the text is data (`image` in the properties of a component),
    so that a position in rendered JSON can be led back to the line of the user's YAML.
    """

    source: str  # file name as the user gave it, or "definition webservice"; never a temporary path
    line: int  # 1-based
    column: int  # 1-based
    path: str = ""
    note: str = ""  # what this place has to do with it: "used here", "conflicts with this"

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}"


@dataclass(unsafe_hash=True)  # not frozen: the interpreter sets __traceback__ on what is raised
class Problem(Exception):  # noqa: N818 - it is shown to people, who have problems
    """Something the user can mend. Rendered with an excerpt by the CLI, without one in status."""

    code: str  # stable, documented in docs/reference/problems.md: "parameter.type"
    message: str  # one sentence, no trailing period, no Python words
    path: str = ""  # spec.components[0].properties.image
    positions: tuple[Position, ...] = field(default=())  # every source that took part
    hint: str = ""  # what to do: did you mean "webservice"?
    retry: bool = False  # True: the world may heal it; False: only an edit will

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message

    def at(self, path: str) -> Problem:
        """The same problem, its path seen from further out: `at("spec")` puts `spec.` before it."""
        joined = path + self.path if self.path.startswith("[") else f"{path}.{self.path}"
        return replace(self, path=joined if self.path else path)


class Problems(Exception):  # noqa: N818
    """Several problems found at once, in the order the user reads them."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @property
    def retry(self) -> bool:
        return any(problem.retry for problem in self.problems)


def every(error: Problem | Problems) -> tuple[Problem, ...]:
    """The problems an error carries, one or many."""
    return error.problems if isinstance(error, Problems) else (error,)


def told(error: Problem | Problems) -> str:
    """The problems with what to do about them, as one text: for conditions and steps, which have no
    room for excerpts.
    """
    return "\n".join(
        f"{problem} ({'; '.join(problem.hint.splitlines())})" if problem.hint else str(problem)
        for problem in every(error)
    )


def raise_any(problems: Iterable[Problem]) -> None:
    """Raise what is in `problems`: nothing for none, the one itself, or all of them together."""
    found = tuple(dict.fromkeys(problems))
    if len(found) == 1:
        raise found[0]
    if found:
        raise Problems(found)
