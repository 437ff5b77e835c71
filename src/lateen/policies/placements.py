"""Topology policies: from clusters, labels and namespaces to placements (semantics F2).

Pure. The clusters there are, with their labels, are given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lateen.api import names
from lateen.api.application import Policy
from lateen.api.placement import Placement
from lateen.base import suggest
from lateen.base.problem import Problem, raise_any
from lateen.policies import decoding

__all__ = ["TYPE", "Clusters", "Placement", "Topology", "decode", "place"]

TYPE = "topology"

Clusters = Mapping[str, Mapping[str, str]]
"""The clusters that can be delivered to -> their labels; `local` first, then the newest first."""

_FIELDS = ("clusters", "clusterLabelSelector", "namespace", "allowEmpty")


@dataclass(frozen=True)
class Topology:
    """One topology policy. `selector` is None where none is given; an empty one selects all."""

    name: str
    clusters: tuple[str, ...]
    selector: Mapping[str, str] | None
    namespace: str
    allow_empty: bool
    path: str  # spec.policies[0].properties


def decode(policy: Policy) -> Topology:
    """Read one policy.

    Raises:
        Problem | Problems: `policy.unknown-field`, `policy.type`.
    """
    problems: list[Problem] = []
    fields = decoding.properties(policy, _FIELDS, problems)
    selector = fields.labels("clusterLabelSelector")
    topology = Topology(
        name=policy.name,
        clusters=fields.texts("clusters"),
        selector=selector if fields.given("clusterLabelSelector") else None,
        namespace=fields.text("namespace"),
        allow_empty=fields.flag("allowEmpty"),
        path=f"{policy.path}.properties",
    )
    raise_any(problems)
    return topology


def place(topologies: Sequence[Topology], clusters: Clusters) -> list[Placement]:
    """Where to deliver to: the union of the topologies, in their order, nothing twice.

    No topology at all means the control plane's own cluster.

    Raises:
        Problem | Problems: `cluster.unknown`; `cluster.none` when a selector matches nothing and
            the policy does not allow that.
    Source: semantics F2.
    """
    if not topologies:
        return [Placement(names.LOCAL, "")]
    problems: list[Problem] = []
    found = [
        Placement(cluster, topology.namespace)
        for topology in topologies
        for cluster in _clusters(topology, clusters, problems)
    ]
    raise_any(problems)
    return list(dict.fromkeys(found))


def _clusters(topology: Topology, known: Clusters, problems: list[Problem]) -> Iterator[str]:
    if topology.clusters:
        for index, name in enumerate(topology.clusters):
            if name in known:
                yield name
            else:
                problems.append(_unknown(name, known, f"{topology.path}.clusters[{index}]"))
    elif topology.selector is None:
        yield names.LOCAL
    else:
        chosen = [name for name, labels in known.items() if _matches(topology.selector, labels)]
        if not chosen and not topology.allow_empty:
            problems.append(_none(topology))
        yield from chosen


def _matches(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in selector.items())


def _unknown(name: str, known: Clusters, path: str) -> Problem:
    listed = f"known clusters: {', '.join(known)}"
    nearest = suggest.nearest(name, known)
    return Problem(
        "cluster.unknown",
        f'there is no cluster "{name}"',
        path=path,
        hint=f"{nearest} {listed}" if nearest else listed,
        retry=True,  # it may join
    )


def _none(topology: Topology) -> Problem:
    return Problem(
        "cluster.none",
        "failed to find any cluster matches given labels",
        path=f"{topology.path}.clusterLabelSelector",
        hint="`allowEmpty: true` delivers nowhere instead",
        retry=True,
    )
