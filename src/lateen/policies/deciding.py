"""What the policies of one application decide for a `deploy` step: which components, and where.

Pure. Made once for a revision; decoding errors therefore show before anything is delivered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from lateen.api import names
from lateen.api.application import Application, Component, Policy
from lateen.api.placement import Placement
from lateen.base.problem import Problem, Problems, every, raise_any
from lateen.policies import overriding, placements, replicating

T = TypeVar("T")


def named(app: Application, external: Mapping[str, Mapping[str, Any]]) -> dict[str, Policy]:
    """Every policy a step may name: the application's own before Policy objects beside it.

    `external` is keyed `namespace/name`, as a revision keeps them (semantics F11).
    """
    found = {policy.name: policy for policy in app.policies}
    for key, raw in external.items():
        namespace, _, name = key.rpartition("/")
        if namespace == app.namespace and name not in found:
            kind, properties = str(raw.get("type") or ""), raw.get("properties")
            found[name] = Policy(name, kind, properties, f'policies["{key}"]')
    return found


class Decisions:
    """Answers the `deploy` steps of one application. Implements `workflow.ports.Policies`.

    Raises:
        Problem | Problems: what is wrong with any topology, override or replication policy, all at
            once.
    """

    def __init__(
        self,
        components: Sequence[Component],
        policies: Mapping[str, Policy],
        clusters: placements.Clusters,
    ) -> None:
        problems: list[Problem] = []
        self._policies = dict(policies)
        self._components = components
        self._clusters = clusters
        self._topologies = _decoded(policies, placements.TYPE, placements.decode, problems)
        self._overrides = _decoded(policies, overriding.TYPE, overriding.decode, problems)
        self._replications = _decoded(policies, replicating.TYPE, replicating.decode, problems)
        raise_any(problems)

    @property
    def clusters(self) -> list[str]:
        """The joined clusters, the newest first."""
        return [name for name in self._clusters if name != names.LOCAL]

    @property
    def placed(self) -> bool:
        """Whether any policy says where."""
        return bool(self._topologies)

    def including(self, inline: Sequence[Policy]) -> Decisions:
        """The same with policies of a step's own, which come before those of their names.

        Raises:
            Problem | Problems: what is wrong with them.
        """
        if not inline:
            return self
        policies = self._policies | {policy.name: policy for policy in inline}
        return Decisions(self._components, policies, self._clusters)

    def placements(self, policies: Iterable[str]) -> list[Placement]:
        """Where the topologies among `policies` lead.

        Raises:
            Problem | Problems: `cluster.unknown`, `cluster.none`.
        """
        chosen = [self._topologies[name] for name in policies if name in self._topologies]
        return placements.place(chosen, self._clusters)

    def components(self, policies: Iterable[str]) -> list[Component]:
        """The components as the overrides among `policies` leave them, then replicated.

        Raises:
            Problem | Problems: `override.unknown-component`, `policy.selects-nothing`.
        """
        named = list(policies)
        chosen = [self._overrides[name] for name in named if name in self._overrides]
        copied = [self._replications[name] for name in named if name in self._replications]
        return replicating.apply(overriding.apply(self._components, chosen), copied)


def _decoded(
    policies: Mapping[str, Policy],
    kind: str,
    decode: Callable[[Policy], T],
    problems: list[Problem],
) -> dict[str, T]:
    found: dict[str, T] = {}
    for name, policy in policies.items():
        if policy.type != kind:
            continue
        try:
            found[name] = decode(policy)
        except (Problem, Problems) as error:
            problems.extend(every(error))
    return found
