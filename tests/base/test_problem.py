"""Problems as text, for conditions and the messages of steps."""

from __future__ import annotations

from lateen.base import problem
from lateen.base.problem import Problem, Problems


def test_what_to_do_is_told_with_what_is_wrong() -> None:
    one = Problem("a.b", "there is no size", "spec.size", hint="did you mean S?\nthere are: S, M")
    other = Problem("a.c", "it is empty")
    assert problem.told(one) == "spec.size: there is no size (did you mean S?; there are: S, M)"
    assert problem.told(Problems([one, other])) == f"{problem.told(one)}\nit is empty"
