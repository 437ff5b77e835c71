"""Definitions as rendering uses them: evaluated, and checked against a schema that is kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lateen.api.application import Step
from lateen.api.definition import Definition, DefinitionKind
from lateen.cue.engine import Engine
from lateen.cue.reports import Field
from lateen.cue.templates import Evaluation, Fill, Template
from lateen.definitions import acting, borrowing, parameters, terraforming
from lateen.providers import calling, external, ports
from lateen.providers.packages import Flavour, Packages

# what every template may name, declared after its text so that its own lines keep their numbers
_DECLARED = "\ncontext: _\nparameter: _\n"

# as KubeVela reads them, one object at a time: `for v in parameter.claims` gives none where the
# optional `claims` is not given
_PARTIAL = ("outputs", "patchOutputs")


@dataclass(frozen=True, eq=False)
class Part:
    """A component, one of its traits, or a step, with its definition."""

    definition: Definition
    type: str  # as written, with its version: scaler@v2
    path: str  # in the application: spec.components[0].traits[1]
    properties: dict[str, Any] | None
    index: int  # of the trait; -1 for the component itself

    @classmethod
    def of_step(cls, definition: Definition, step: Step, properties: Mapping[str, Any]) -> Part:
        """A step of a workflow, with the properties that it has by now."""
        return cls(definition, step.type, step.path, dict(properties), -1)

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
    recently used of more than `size` forgotten. `own` are the packages users have brought;
    `modules` reads those of Terraform that are in repositories.
    """

    def __init__(
        self,
        engine: Engine,
        size: int = 512,
        own: external.Shelf | None = None,
        modules: borrowing.Modules | None = None,
    ) -> None:
        self._engine = engine
        self._size = size
        self._modules = modules
        self._own = own or external.Shelf()
        self._schemas: OrderedDict[tuple[object, ...], Field] = OrderedDict()

    async def evaluate(
        self,
        definition: Definition,
        fills: Sequence[Fill],
        asked: Sequence[str],
        marks: Sequence[str],
        runtime: ports.Runtime,
        *,
        origins: Sequence[str] = (),
    ) -> Evaluation:
        """Evaluate the template of a definition, in one round trip and one more for each action.

        Raises:
            Failed: an action failed.
            Problem, Problems: `cue.*` when it does not compile, with positions in the definition.
        """
        text = definition.text + _DECLARED
        imported = self._imported(text, definition.kind)

        wanted = marks

        async def once(answers: Sequence[Fill], marks: Sequence[str] = ()) -> Evaluation:
            return await self._engine.evaluate(
                text,
                [*fills, *answers],
                asked,
                source=definition.source,
                packages=imported,
                marks=[*wanted, *marks],
                origins=origins,
                actions=bool(imported),
                partial=_PARTIAL,
            )

        if not imported:
            return await once(())
        return await acting.settle(once, calling.call, runtime)

    def _imported(self, text: str, kind: DefinitionKind) -> Packages:
        flavour = Flavour.STEP if kind is DefinitionKind.STEP else Flavour.TEMPLATE
        return acting.needed(text, self._own.texts(flavour))

    async def compiled(self, definition: Definition) -> Template:
        """The template of a definition, with the packages it imports.

        Raises:
            Problem, Problems: `cue.*` when it does not compile, with positions in the definition.
        """
        text = definition.text + _DECLARED
        imported = self._imported(text, definition.kind)
        return await self._engine.compile(text, source=definition.source, packages=imported)

    async def schema(self, definition: Definition) -> Field:
        """The `parameter` of a definition, described.

        Raises:
            Problem, Problems: `cue.*` when it does not compile, with positions in the definition.
        """
        if self._modules and terraforming.remote(definition):
            module = await self._modules.find(definition, self._engine)
            return terraforming.parameter(module)
        text = terraforming.inline(definition) if definition.terraform else definition.text
        text += "" if definition.terraform else _DECLARED
        imported = {} if definition.terraform else self._imported(text, definition.kind)
        files = (file for package in imported.values() for file in package.values())
        key = (definition.source, text, *files)
        found = self._schemas.get(key)
        if found is None:
            found = self._schemas[key] = await self._described(definition)
            if len(self._schemas) > self._size:
                self._schemas.popitem(last=False)
        self._schemas.move_to_end(key)
        return found

    async def _described(self, definition: Definition) -> Field:
        if not definition.terraform:
            return await (await self.compiled(definition)).describe("parameter")
        text = terraforming.inline(definition)
        module = await self._engine.module(text, source=definition.source) if text else None
        return terraforming.parameter(module)

    async def check(
        self, part: Part, filled: Collection[str], *, strict: bool = False
    ) -> parameters.Findings:
        """Check the properties of one part against its definition (see `parameters.check`)."""
        schema = await self.schema(part.definition)
        # a trait without properties is evaluated without a value for `parameter` (semantics B1)
        if part.is_trait and part.properties is None and not schema.fields:
            return parameters.Findings()
        path = f"{part.path}.properties"
        return parameters.check(part.properties or {}, schema, path, filled, strict=strict)
