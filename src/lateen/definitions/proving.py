"""Does a definition hold? Its template is compiled, with the packages it may import, and looked at
before any application uses it (semantics A5).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lateen.api.definition import Definition, DefinitionKind
from lateen.base.problem import Problem, Problems, every
from lateen.cue.engine import Engine, Packages
from lateen.definitions import acting, terraforming, wording
from lateen.providers import external
from lateen.providers.packages import Flavour

_DECLARED: Final = "\ncontext: _\nparameter: _\n"
# what a template of the kind may say; without any of it nothing comes of it
_YIELDS: Final = {
    DefinitionKind.COMPONENT: ("output", "outputs"),
    DefinitionKind.TRAIT: ("patch", "outputs", "patchOutputs", "processing", "errs"),
}


def packages(kind: DefinitionKind, own: external.Shelf | None = None) -> Packages:
    """What a template of this kind may import; `own` are the packages users have brought."""
    flavour = Flavour.STEP if kind is DefinitionKind.STEP else Flavour.TEMPLATE
    return (own or external.Shelf()).texts(flavour)


async def prove(
    definition: Definition, engine: Engine, own: external.Shelf | None = None
) -> tuple[Problem, ...]:
    """Everything that is wrong with a definition, whatever parameters it is given.

    `cue.*` with positions in the file; `definition.template`. `own` are packages users have
    brought. No provider is run.
    """
    if text := terraforming.inline(definition):
        return await _module(definition, text, engine)
    if not definition.text.strip():
        return _without_template(definition)
    text = definition.text + _DECLARED
    importable = acting.needed(text, packages(definition.kind, own))
    try:
        template = await engine.compile(text, source=definition.source, packages=importable)
        found = await template.vet()
        await template.release()
    except (Problem, Problems) as error:
        found = every(error)
    return tuple(wording.reading(found, {definition.source: definition.text}))


async def _module(definition: Definition, text: str, engine: Engine) -> tuple[Problem, ...]:
    try:
        await engine.module(text, source=definition.source)
    except (Problem, Problems) as error:
        return every(error)
    return ()


def doubts(definition: Definition) -> tuple[Problem, ...]:
    """What is legal and hardly meant."""
    wanted = _YIELDS.get(definition.kind, ())
    # said inside an `if` of the top level as well, or by a name that is put together
    if not wanted or not definition.text.strip() or any(n in definition.text for n in wanted):
        return ()
    message = f"the template gives no {' or '.join(wanted)}: nothing would come of it"
    return (Problem("definition.template", message, "template"),)


def _without_template(definition: Definition) -> tuple[Problem, ...]:
    schematic: Mapping[str, object] = definition.spec.get("schematic") or {}
    if schematic and "cue" not in schematic:
        return ()  # Terraform from a repository, whose form the schema has checked
    if (definition.spec.get("extension") or {}).get("template"):
        return ()
    message = "there is no template: nothing would come of it"
    return (Problem("definition.template", message, "spec.schematic.cue.template"),)
