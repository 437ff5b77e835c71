"""Replication policies: one component, delivered once for each key (semantics F4). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lateen.api.application import Component, Policy
from lateen.base import suggest
from lateen.base.problem import Problem, raise_any
from lateen.policies import decoding

TYPE = "replication"


@dataclass(frozen=True)
class Replication:
    """One replication policy. `selector` names components."""

    name: str
    keys: tuple[str, ...]
    selector: tuple[str, ...]
    path: str  # spec.policies[0].properties


def decode(policy: Policy) -> Replication:
    """Read one policy.

    Raises:
        Problem | Problems: `policy.unknown-field`, `policy.type`.
    """
    problems: list[Problem] = []
    fields = decoding.properties(policy, ("keys", "selector"), problems)
    keys, selector = fields.texts("keys"), fields.texts("selector")
    raise_any(problems)
    return Replication(policy.name, keys, selector, f"{policy.path}.properties")


def apply(components: Sequence[Component], policies: Sequence[Replication]) -> list[Component]:
    """The components with those that policies select replaced, at the end, by one for each key.

    Raises:
        Problem | Problems: `policy.selects-nothing`.
    Source: semantics F4.
    """
    found = list(components)
    problems: list[Problem] = []
    for policy in policies:
        chosen = [each for each in found if each.name in policy.selector]
        if not chosen:
            problems.append(_nothing(policy, found))
        found = [each for each in found if each not in chosen]
        found += [replace(each, replica_key=key) for each in chosen for key in policy.keys]
    raise_any(problems)
    return found


def _nothing(policy: Replication, components: Sequence[Component]) -> Problem:
    known = [each.name for each in components]
    near = [suggest.nearest(name, known) for name in policy.selector]
    return Problem(
        "policy.selects-nothing",
        f"the replication policy {policy.name} selects no component",
        path=f"{policy.path}.selector",
        hint=next(filter(None, near), "") or f"components are {', '.join(known)}",
    )
