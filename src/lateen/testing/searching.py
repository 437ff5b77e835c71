"""Look for parameters that break a template (needs Hypothesis)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import hypothesis
from hypothesis.strategies import SearchStrategy

from lateen.testing import strategies
from lateen.testing.refusals import Refused
from lateen.testing.renderings import Rendering
from lateen.testing.subjects import Subject

_OWN_REFUSAL = "template.user"  # what a template says itself, in `errs`


def breaks_nothing(
    subject: Subject,
    *,
    examples: int = 100,
    parameters: SearchStrategy[Mapping[str, Any]] | None = None,
    overrides: Mapping[str, SearchStrategy[Any]] | None = None,
    on: Rendering | Mapping[str, Any] | None = None,
    context: Mapping[str, Any] | None = None,
    random: bool = False,
) -> None:
    """Assert that a definition renders whatever parameters its schema accepts.

    A workflow step or policy is evaluated with no action answered.

    Tried are `examples` of `parameters`, by default those of `testing.parameters` with `overrides`;
    the same ones in each run unless they are to be `random`. What the template refuses itself, by
    `errs`, breaks nothing. `on` and `context` are those of `Subject.render`.

    Raises:
        Refused: the smallest parameters found that break it, and why they do.
        AssertionError: no parameters came to a rendering at all.
    """
    __tracebackhide__ = True
    rendered = 0
    given = strategies.parameters(subject, overrides) if parameters is None else parameters

    @hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=not random,
        phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(given)
    def check(tried: Mapping[str, Any]) -> None:
        __tracebackhide__ = True
        nonlocal rendered
        try:
            if subject.renders:
                subject.render(tried, on=on, context=context)
            else:
                subject.run(tried, context=context)
        except Refused as refused:
            if any(problem.code != _OWN_REFUSAL for problem in refused.problems):
                raise
            return
        rendered += 1

    check()
    if not rendered:
        raise AssertionError(
            f"{subject.definition.kind.word} {subject.name!r} refuses all parameters tried: "
            "give a strategy for `parameters`, or `overrides` for some of them"
        )
