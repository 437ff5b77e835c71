"""Policies of types that are not built in: what they render is applied first (semantics C1, 7)."""

from __future__ import annotations

from collections.abc import Iterable

from lateen.api.application import Application, Policy
from lateen.api.definition import Definition, DefinitionKind
from lateen.controllers.application import deliver, scoping
from lateen.dispatch.applying import Desired


def rendering(app: Application, definitions: Iterable[Definition]) -> list[Policy]:
    """The policies that render objects, in the order of the application."""
    kinds = _definitions(definitions)
    return [
        policy
        for policy in app.policies
        if policy.type in kinds and kinds[policy.type].spec.get("scope") != scoping.SCOPE
    ]


def judges_health(app: Application, definitions: Iterable[Definition]) -> bool:
    """Whether a policy takes the judgement of health upon itself (semantics B8)."""
    kinds = _definitions(definitions)
    return any(
        kinds[policy.type].spec.get("manageHealthCheck")
        for policy in app.policies
        if policy.type in kinds
    )


async def apply(policies: Iterable[Policy], deliverer: deliver.Deliverer) -> None:
    """Render policies and dispatch what they give, all at once.

    Raises:
        Problem | Problems: what rendering, ownership or the API server had against it.
    """
    wanted = [
        Desired(each, policy.name)
        for policy in policies
        for each in await deliverer.renderer.render_policy(policy, deliverer.facts)
    ]
    if wanted:
        await deliverer.target.dispatch(wanted)


def _definitions(definitions: Iterable[Definition]) -> dict[str, Definition]:
    return {
        each.asked or each.name: each for each in definitions if each.kind is DefinitionKind.POLICY
    }
