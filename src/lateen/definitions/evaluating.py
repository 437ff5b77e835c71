"""Evaluate the templates of a component and its traits, each with what it may see (B1, B2, B5)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from lateen.api.application import Component
from lateen.api.definition import Definition
from lateen.api.manifest import Manifest
from lateen.base import paths
from lateen.base.problem import Problem, Problems, every, raise_any
from lateen.cue.templates import Evaluation, Fill
from lateen.definitions import (
    acting,
    blaming,
    contexts,
    drafting,
    parameters,
    processing,
    templates,
    terraforming,
)
from lateen.providers import ports

# what changes while traits are rendered; a template that reads none of it can be judged by itself
_GROWING = frozenset({"output", "outputs"})
_BODY = "template-context-workload-"


@dataclass
class Evaluating:
    """One rendering of one component. `live` is its main object as the cluster has it."""

    shelf: templates.Shelf
    component: Component
    app: contexts.AppFacts
    place: contexts.Place
    live: Manifest | None
    replica_key: str
    runtime: ports.Runtime
    traced: bool = False  # each value with where it is written
    _body: Evaluation | None = None

    async def draft(self, body: templates.Part, traits: list[templates.Part]) -> drafting.Draft:
        """Evaluate everything, in the order of the application.

        Templates that do not look at the object are evaluated first, so that one mistake does not
        hide another.
        """
        problems: list[Problem] = []
        results: dict[int, Evaluation] = {}
        alone = [part for part in traits if not _reads_object(part.definition)]
        for part in [body, *alone]:
            try:
                results[part.index] = await self._evaluate(part, None)
                self._body = results.get(body.index)
            except (Problem, Problems) as error:
                problems += every(error)
        if problems:
            for part in traits:
                problems += () if part in alone else await self._stated(part)
            raise_any(problems)
        draft = drafting.begin(results[body.index], body)
        for part in traits:
            try:
                if part.index not in results and problems:
                    problems += await self._stated(part)  # it would see a half-made object
                    continue
                result = results.get(part.index) or await self._evaluate(part, draft)
                draft.lay(result, part)
            except (Problem, Problems) as error:
                problems += every(error)
        raise_any(problems)
        return draft

    async def _stated(self, part: templates.Part) -> tuple[Problem, ...]:
        try:
            return (await self.shelf.check(part, self._hidden)).problems
        except (Problem, Problems) as error:
            return tuple(blaming.compilation(error, part))

    async def _evaluate(self, part: templates.Part, draft: drafting.Draft | None) -> Evaluation:
        """Evaluate one template, `draft` being what a trait sees of the component so far."""
        if part.definition.terraform and not part.is_trait:
            given = terraforming.configuration(
                part.definition, part.properties, self.app, part.path
            )
            return Evaluation({"output": given}, (), {}, {})
        wanted = contexts.reads(part.definition.text)
        context = contexts.build(
            self.app,
            self.component,
            self.place,
            wanted=wanted,
            replica_key=self.replica_key,
            extra=self._surroundings(part, draft),
        )
        fills = [Fill("context", context, blaming.CONTEXT)]
        if part.properties is not None or not part.is_trait:
            fills.append(Fill("parameter", part.properties or {}, blaming.PARAMETER))
        asked = ("patch", "patchOutputs", "outputs") if part.is_trait else ("output", "outputs")
        try:
            result = await self._answered(part, fills, asked)
        except acting.Failed as failed:
            raise Problems(blaming.action(failed, part)) from failed
        except (Problem, Problems) as error:
            raise Problems(blaming.compilation(error, part)) from error
        await self._refuse(result, part)
        return result

    async def _answered(
        self, part: templates.Part, fills: list[Fill], asked: tuple[str, ...]
    ) -> Evaluation:
        """Evaluate a template with the answers to all it asks of others."""
        read: tuple[str, ...] = (*asked, "errs")
        if part.is_trait and "processing" in part.definition.text:
            read = (*read, processing.HTTP)
            first = await self.shelf.evaluate(
                part.definition, fills, (processing.HTTP,), (), self.runtime
            )
            request = first.values.get(processing.HTTP)
            if request is not None:
                try:
                    fills = [*fills, await processing.answer(request, self.runtime)]
                except Problem as problem:
                    raise acting.Failed([replace(problem, path=processing.HTTP)]) from problem
        return await self.shelf.evaluate(
            part.definition,
            fills,
            read,
            asked,
            self.runtime,
            origins=asked if self.traced else (),
        )

    def _surroundings(self, part: templates.Part, draft: drafting.Draft | None) -> dict[str, Any]:
        live = self.live
        if not part.is_trait:
            return {} if live is None else {"output": live}
        extra: dict[str, Any] = {"componentType": self.component.type}
        if draft is not None:
            status = (live or {}).get("status")
            extra["output"] = draft.output if status is None else draft.output | {"status": status}
            extra["outputs"] = {each.key: each.value for each in draft.extras}
        if self._body is not None and _BODY in part.definition.text:
            extra[_BODY + self.component.name] = self._document(self._body)
        return extra

    def _document(self, body: Evaluation) -> dict[str, Any]:
        """The component as its own template gave it, which its traits may look at (Quirk of B2)."""
        context = contexts.build(self.app, self.component, self.place, replica_key=self.replica_key)
        given = {name: body.values[name] for name in ("output", "outputs") if name in body.values}
        return {**given, "parameter": self.component.properties or {}, "context": context}

    async def _refuse(self, result: Evaluation, part: templates.Part) -> None:
        """Raise what an evaluation found wrong, said in terms of the application."""
        said = blaming.user_errors(result.values.get("errs"), part)
        found = [p for p in result.problems if paths.parse(p.path)[:1] != ("errs",)]
        if not said and not found:
            return
        stated = await self._stated(part)
        raise_any([*said, *blaming.translate(found, part, stated, self._hidden)])

    @cached_property
    def _hidden(self) -> frozenset[str]:
        """Paths whose values workflow inputs gave, maybe from a Secret."""
        return parameters.input_targets(self.component)


def _reads_object(definition: Definition) -> bool:
    read = contexts.reads(definition.text)
    return read is None or bool(read & _GROWING)
