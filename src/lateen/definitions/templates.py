"""Definitions as rendering uses them: evaluated, and checked against a schema that is kept."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lateen.api.definition import Definition, DefinitionKind
from lateen.cue.engine import Engine
from lateen.cue.reports import Field
from lateen.cue.templates import Evaluation, Fill
from lateen.definitions import parameters

# what every template may name, declared after its text so that its own lines keep their numbers
_DECLARED = "\ncontext: _\nparameter: _\n"

_OPEN = re.compile(r"\.\.\.\s*\}")


@dataclass(frozen=True, eq=False)
class Part:
    """A component, or one of its traits, with its definition."""

    definition: Definition
    type: str  # as written, with its version: scaler@v2
    path: str  # in the application: spec.components[0].traits[1]
    properties: dict[str, Any] | None
    index: int  # of the trait; -1 for the component itself

    @property
    def is_trait(self) -> bool:
        return self.definition.kind is DefinitionKind.TRAIT

    @property
    def word(self) -> str:
        return f'{self.definition.kind.word} "{self.type}"'

    @property
    def source(self) -> str:
        return self.definition.source


class Shelf:
    """What is known of the definitions of one engine; asks it what is not known yet.

    The engine keeps compiled templates itself, by content. Kept here are the schemas, those least
    recently used of more than `size` forgotten.
    """

    def __init__(self, engine: Engine, size: int = 512) -> None:
        self._engine = engine
        self._size = size
        self._schemas: OrderedDict[tuple[str, str], Field] = OrderedDict()

    async def evaluate(
        self,
        definition: Definition,
        fills: Sequence[Fill],
        asked: Sequence[str],
        marks: Sequence[str],
    ) -> Evaluation:
        """Evaluate the template of a definition, in one round trip.

        Raises:
            Problem, Problems: `cue.*` when it does not compile, with positions in the definition.
        """
        text = definition.text + _DECLARED
        return await self._engine.evaluate(
            text, fills, asked, source=definition.source, marks=marks
        )

    async def schema(self, definition: Definition) -> Field:
        """The `parameter` of a definition, described.

        Raises:
            Problem, Problems: as `evaluate`.
        """
        key = (definition.source, definition.text)
        found = self._schemas.get(key)
        if found is None:
            text = definition.text + _DECLARED
            template = await self._engine.compile(text, source=definition.source)
            found = self._schemas[key] = await template.describe("parameter")
            if len(self._schemas) > self._size:
                self._schemas.popitem(last=False)
        self._schemas.move_to_end(key)
        return found

    async def check(self, part: Part, filled: Collection[str]) -> parameters.Findings:
        """Check the properties of one part against its definition (see `parameters.check`)."""
        schema = await self.schema(part.definition)
        # a trait without properties is evaluated without a value for `parameter` (semantics B1)
        if part.is_trait and part.properties is None and not schema.fields:
            return parameters.Findings()
        found = parameters.check(part.properties or {}, schema, f"{part.path}.properties", filled)
        # a schema does not tell where `...` says that more is welcome
        welcome = found.warnings and _OPEN.search(part.definition.text)
        return replace(found, warnings=()) if welcome else found
