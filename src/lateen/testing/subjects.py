"""A definition under test."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lateen.api.definition import Definition, DefinitionKind
from lateen.base.problem import Problem
from lateen.cue.reports import Field
from lateen.testing import cases, renderings, runs
from lateen.testing.benches import Bench
from lateen.testing.cases import Parameters
from lateen.testing.refusals import Refused
from lateen.testing.renderings import Rendering

_RENDERED = (DefinitionKind.COMPONENT, DefinitionKind.TRAIT)


@dataclass(frozen=True)
class Subject:
    """A definition under test: render it, see it refuse, run it."""

    definition: Definition
    bench: Bench

    def __str__(self) -> str:
        return self.definition.name

    @property
    def name(self) -> str:
        return self.definition.name

    @property
    def renders(self) -> bool:
        """Whether it gives manifests: a component or trait, not a policy or workflow step."""
        return self.definition.kind in _RENDERED

    @property
    def schema(self) -> Field:
        """Its parameters, described."""
        return self.bench.call(self._schema)

    async def _schema(self) -> Field:
        return await self.bench.shelf.schema(self.definition)

    def render(
        self,
        parameters: Parameters = None,
        *,
        on: Rendering | Mapping[str, Any] | None = None,
        context: Mapping[str, Any] | None = None,
        live: Mapping[str, Any] | None = None,
        strict: bool = False,
    ) -> Rendering:
        """Render a component, or a trait on something.

        `on` is what a trait is laid on: an object, or a component rendered before, maybe with
        traits; without it, the least object of a workload the trait applies to. `context` sets
        fields by their names in templates (`{"appName": "shop"}`). `live` is what the main object
        is in the cluster, or what differs there from the rendered one (`{"status": {...}}`).
        `strict` refuses parameters that have no effect.

        Raises:
            Refused: it does not render; says why, with excerpts.
            LookupError: a field of the context that no test can set.
        """
        __tracebackhide__ = True
        case = self._case(parameters, on).where(context, live)
        return renderings.render(case, self.bench, strict=strict)

    def refuses(
        self,
        parameters: Parameters = None,
        *,
        code: str = "",
        at: str | None = None,
        message: str = "",
        on: Rendering | Mapping[str, Any] | None = None,
        context: Mapping[str, Any] | None = None,
        live: Mapping[str, Any] | None = None,
        strict: bool = False,
    ) -> tuple[Problem, ...]:
        """Assert that it does not render, and return every reason.

        Where they are given, one and the same problem has the `code`, its path `at` below the
        parameters (`ports[0].port`), and a message that holds the regular expression `message`.

        Raises:
            AssertionError: it renders, or for another reason.
        """
        __tracebackhide__ = True
        try:
            self.render(parameters, on=on, context=context, live=live, strict=strict)
        except Refused as refused:
            for each in refused.problems:
                if (
                    code in ("", each.code)
                    and at in (None, each.path)
                    and re.search(message, each.message)
                ):
                    return refused.problems
            wanted = {"code": code, "at": at, "message": message}
            said = ", ".join(f"{key} {value!r}" for key, value in wanted.items() if value)
            found = "\n".join(f"  {p.code} at {p.path!r}: {p.message}" for p in refused.problems)
            raise AssertionError(f"no problem has {said}; found are\n{found}") from refused
        raise AssertionError(f'{self.definition.kind.word} "{self.name}" renders all the same')

    def run(
        self,
        parameters: Parameters = None,
        *,
        answers: Mapping[str, Any] | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> runs.Run:
        """Evaluate a workflow step or policy, its actions answered by the test.

        `answers` are what actions return, by their paths in the template (`{"read": {"value":
        {...}}}`); one without an answer is written down and stays open.

        Raises:
            Refused: it does not evaluate.
            LookupError: a field of the context that no test can set.
        """
        __tracebackhide__ = True
        case = cases.Case(self.definition, parameters).where(context, None)
        return runs.run(case, self.bench, answers or {})

    def _case(self, parameters: Parameters, on: Rendering | Mapping[str, Any] | None) -> cases.Case:
        if not self.renders:
            raise TypeError(f"{self.name} is a {self.definition.kind.word}: use run")
        if on is None:
            return cases.of(self.definition, parameters)
        if self.definition.kind is not DefinitionKind.TRAIT:
            raise TypeError(f"{self.name} is a component: nothing is under it")
        base = on.case if isinstance(on, Rendering) else cases.on(on)
        return base.adding(self.definition, parameters)
