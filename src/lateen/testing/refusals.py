"""What a failing test shows: the problems as the command line shows them, with excerpts."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from lateen.base import documents, paths
from lateen.base.problem import Problem
from lateen.cli import problems as showing

PARAMETERS = "parameters"  # the text of that name in the positions: what the test gave


class Refused(AssertionError):  # noqa: N818 - it is a test that fails
    """A definition did not take what it was given. Its text has every problem with an excerpt.

    `problems` have paths below the parameters (`ports[0].port`) where they are about one, else
    in an application with one component.
    """

    def __init__(self, problems: Sequence[Problem], text: str) -> None:
        self.problems = tuple(problems)
        super().__init__(text)


def of(found: Sequence[Problem], title: str, texts: Mapping[str, str]) -> Refused:
    """The error for problems that are about files."""
    return Refused(found, f"{title}\n{_shown(found, texts)}")


def parameters(
    found: Sequence[Problem],
    title: str,
    texts: Mapping[str, str],
    given: Mapping[str, Any] | None,
    prefix: str,
) -> Refused:
    """The error for problems of a rendering whose parameters stood at `prefix`."""
    written = documents.dump(dict(given)) if given else ""
    [document] = documents.load(written, PARAMETERS) if written else [None]
    local = []
    for problem in found:
        near = below(problem, prefix)
        inside = near.path != problem.path or problem.path == prefix
        local.append(showing.locate(near, document) if document and inside else near)
    shown = _shown(local, {**texts, PARAMETERS: written})
    listed = textwrap.indent(written or "none\n", "  ")
    return Refused(local, f"{title}\n{shown}\n\nwith the parameters:\n{listed.rstrip()}")


def below(problem: Problem, prefix: str) -> Problem:
    """The problem with its path as seen from `prefix`, where it lies there."""
    at, start = paths.parse(problem.path), paths.parse(prefix)
    if at[: len(start)] != start:
        return problem
    return replace(problem, path=paths.render(at[len(start) :]))


def _shown(found: Sequence[Problem], texts: Mapping[str, str]) -> str:
    return "\n\n".join(showing.render(problem, texts).plain for problem in found)
