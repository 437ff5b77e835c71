"""Definitions as they are used: compiled templates and the schemas of their parameters, kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from lateen.api.definition import Definition, DefinitionKind
from lateen.cue.engine import Engine
from lateen.cue.reports import Field
from lateen.cue.templates import Template
from lateen.definitions import parameters

# what every template may name, declared after its text so that its own lines keep their numbers
_DECLARED = "\ncontext: _\nparameter: _\n"


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


@dataclass
class _Kept:
    template: Template
    schema: Field | None = None


class Shelf:
    """The templates in use, the least recently used of more than `size` forgotten.

    The engine caches what it compiled, so forgetting one costs little.
    """

    def __init__(self, engine: Engine, size: int = 512) -> None:
        self._engine = engine
        self._size = size
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()

    async def template(self, definition: Definition) -> Template:
        """The compiled template of a definition.

        Raises:
            Problem, Problems: `cue.*` with positions in the definition.
        """
        return (await self._find(definition)).template

    async def schema(self, definition: Definition) -> Field:
        """The `parameter` of a definition, described.

        Raises:
            Problem, Problems: as `template`.
        """
        kept = await self._find(definition)
        if kept.schema is None:
            kept.schema = await kept.template.describe("parameter")
        return kept.schema

    async def check(self, part: Part, filled: Collection[str]) -> parameters.Findings:
        """Check the properties of one part against its definition (see `parameters.check`)."""
        schema = await self.schema(part.definition)
        # a trait without properties is evaluated without a value for `parameter` (semantics B1)
        if part.is_trait and part.properties is None and not schema.fields:
            return parameters.Findings()
        return parameters.check(part.properties or {}, schema, f"{part.path}.properties", filled)

    async def _find(self, definition: Definition) -> _Kept:
        key = (definition.source, definition.text)
        kept = self._kept.get(key)
        if kept is None:
            text = definition.text + _DECLARED
            kept = _Kept(await self._engine.compile(text, source=definition.source))
            self._kept[key] = kept
            if len(self._kept) > self._size:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return kept
