"""The health of a delivered component and its traits, as their definitions judge it (B8)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.definition import Definition
from lateen.api.manifest import Key, Manifest
from lateen.cue.engine import Engine
from lateen.definitions import contexts, renditions, terraforming
from lateen.health import expressions

PENDING = "⏳ Waiting for component to be healthy"
TRAITS_UNHEALTHY = "traits are not healthy"

Objects = Mapping[Key, Manifest]


@dataclass(frozen=True)
class TraitHealth:
    type: str
    healthy: bool
    pending: bool = False  # waits for the component; does not make the application unhealthy
    message: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    stage: str = renditions.DEFAULT


@dataclass(frozen=True)
class ComponentHealth:
    """What `status.services[]` says of one component in one place."""

    name: str
    healthy: bool
    workload_healthy: bool
    message: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    traits: tuple[TraitHealth, ...] = ()
    workload_definition: Mapping[str, str] = field(default_factory=dict)


async def assess(
    rendered: renditions.Rendered,
    live: Objects,
    app: contexts.AppFacts,
    engine: Engine,
    *,
    reached: Collection[str] = renditions.STAGES,
) -> ComponentHealth:
    """Judge a component by its live objects; what is not in `live` does not exist.

    `reached` are the stages dispatched so far: traits of later ones are left out, and before the
    default stage the component itself is unhealthy. One engine call for each definition that has
    status texts, more only where one text reads the result of another.

    Source: semantics B5, B8.
    """
    component = rendered.component
    base = {"name": component.name, "appName": app.name, "appRevision": app.revision}
    judged = expressions.Judgement(healthy=False)
    if renditions.DEFAULT in reached:
        judged = await _workload(rendered, live, base, engine)
    traits: list[TraitHealth] = []
    for index, attached in enumerate(rendered.traits):
        stage = attached.definition.stage
        if attached.pending:
            traits.append(TraitHealth(attached.trait.type, False, True, PENDING, stage=stage))
        elif stage in reached:
            own = [each for each in rendered.auxiliaries if each.trait == index]
            found = await _part(
                attached.definition, attached.trait.properties, own, live, base, engine
            )
            traits.append(
                TraitHealth(
                    attached.trait.type,
                    found.healthy,
                    message=found.message,
                    details=found.details,
                    stage=stage,
                )
            )
    well = all(trait.healthy for trait in traits if not trait.pending)
    return ComponentHealth(
        component.name,
        judged.healthy and well,
        judged.healthy,
        judged.message or _message(traits, well),
        judged.details,
        tuple(traits),
        _workload_definition(rendered),
    )


def away(rendered: renditions.Rendered, why: str) -> ComponentHealth:
    """The health of a component where nobody can look: what is not known is not healthy."""
    return ComponentHealth(
        rendered.component.name,
        False,
        False,
        why,
        workload_definition=_workload_definition(rendered),
    )


def status_entry(
    health: ComponentHealth, place: contexts.Place, app: contexts.AppFacts
) -> dict[str, Any]:
    """One entry of an Application's `status.services`.

    Source: semantics C1, B8.
    """
    entry: dict[str, Any] = {
        "name": health.name,
        "namespace": place.namespace or app.namespace,
        "cluster": place.cluster,
        "workloadDefinition": dict(health.workload_definition),
        "healthy": health.healthy,
        "workloadHealthy": health.workload_healthy,
        "message": health.message,
        "details": dict(health.details),
        "traits": [_trait_entry(trait) for trait in health.traits],
    }
    optional = ("cluster", "message", "details", "traits")
    return {name: value for name, value in entry.items() if value or name not in optional}


def joined(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """The entry of a component that is there several times: as healthy as the worst of them."""
    healthy, ill = (other, one) if not one["healthy"] else (one, other)
    return {
        **healthy,
        **ill,
        "healthy": one["healthy"] and other["healthy"],
        "workloadHealthy": one["workloadHealthy"] and other["workloadHealthy"],
    }


def _trait_entry(trait: TraitHealth) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": trait.type, "healthy": trait.healthy}
    if trait.pending:
        entry["pending"] = True
    if trait.message:
        entry["message"] = trait.message
    if trait.details:
        entry["details"] = dict(trait.details)
    return entry


async def _workload(
    rendered: renditions.Rendered, live: Objects, base: Mapping[str, Any], engine: Engine
) -> expressions.Judgement:
    own = [each for each in rendered.auxiliaries if each.trait is None]
    main = None if rendered.managed else rendered.workload
    output = _find(live, rendered.workload)
    context = base if output is None else {**base, "output": _lean(output)}
    judged = await _part(
        rendered.definition, rendered.component.properties, own, live, context, engine, main=main
    )
    if rendered.definition.terraform and output is not None:
        judged.healthy = terraforming.healthy(output, base["appRevision"])
        judged.message = judged.message or terraforming.message(output)
    return judged


async def _part(
    definition: Definition,
    properties: dict[str, Any] | None,
    own: Iterable[renditions.Auxiliary],
    live: Objects,
    base: Mapping[str, Any],
    engine: Engine,
    *,
    main: Manifest | None = None,
) -> expressions.Judgement:
    """Judge the component itself (`main` is its object) or one trait by its objects."""
    own = list(own)
    found = {each.key: _find(live, each.manifest) for each in own}
    outputs = {key: _lean(manifest) for key, manifest in found.items() if manifest is not None}
    context = {**base, "outputs": outputs, "parameter": properties}
    judged = await expressions.judge(
        definition.status, context, properties, engine, source=definition.source
    )
    wanted = [each.manifest for each in own] + ([] if main is None else [main])
    absent = [manifests.key(manifest) for manifest in wanted if _find(live, manifest) is None]
    if absent:
        judged.healthy = False
        judged.message = judged.message or f"{absent[-1]} does not exist"
    judged.message = judged.message or judged.fault
    return judged


def _find(live: Objects, manifest: Manifest) -> Manifest | None:
    key = manifests.key(manifest)
    if key in live:
        return live[key]
    # of a cluster-scoped kind: dispatch left out the namespace that rendering gave it
    return live.get(Key(key.group, key.kind, "", key.name, key.version))


def _lean(manifest: Manifest) -> Manifest:
    """Without what no status text reads but every one would be sent: who set which field."""
    meta = manifests.metadata(manifest)
    if "managedFields" not in meta:
        return manifest
    return manifest | {"metadata": {k: v for k, v in meta.items() if k != "managedFields"}}


def _message(traits: Iterable[TraitHealth], well: bool) -> str:
    said = next((trait.message for trait in traits if trait.message and not trait.pending), "")
    return said or ("" if well else TRAITS_UNHEALTHY)


def _workload_definition(rendered: renditions.Rendered) -> dict[str, str]:
    """Kind of the main object; empty for definitions that cannot know it in advance, which one of
    Terraform does, whatever it says.
    """
    declared = rendered.definition.workload
    kind = (rendered.definition.spec.get("workload") or {}).get("type", "")
    unknown = kind == names.AUTODETECTS and not rendered.definition.terraform
    if declared["kind"] or unknown:
        return declared
    return {
        "apiVersion": str(rendered.workload["apiVersion"]),
        "kind": str(rendered.workload["kind"]),
    }
