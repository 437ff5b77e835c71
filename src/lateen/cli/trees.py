"""What an application has in its clusters: its objects, and what those made in turn.

Pure: built from objects that were read before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.manifest import Key, Manifest
from lateen.health import trees as health


@dataclass(frozen=True)
class Node:
    """One object. `live` is None when it is not there, or is not read from here."""

    key: Key
    cluster: str
    component: str
    healthy: bool
    message: str
    live: Manifest | None
    children: tuple[Node, ...] = ()

    def walk(self) -> Iterator[Node]:
        yield self
        for child in self.children:
            yield from child.walk()

    def to_map(self) -> dict[str, Any]:
        """For JSON and YAML; what is empty is left out."""
        fields = {
            "cluster": self.cluster,
            "component": self.component,
            "apiVersion": self.key.api_version,
            "kind": self.key.kind,
            "namespace": self.key.namespace,
            "name": self.key.name,
            "healthy": self.healthy,
            "message": self.message,
            "children": [child.to_map() for child in self.children],
        }
        return {name: value for name, value in fields.items() if value not in ("", [])}


def build(
    applied: Iterable[Mapping[str, Any]],
    live: Mapping[Key, Manifest | None],
    others: Iterable[Manifest],
) -> list[Node]:
    """The tree of each entry of `status.appliedResources`.

    `live` holds the applied objects that were asked for, None for one that is not there; `others`
    is everything they may have made, found by owner references.
    """
    made: dict[str, list[Manifest]] = defaultdict(list)
    for other in others:
        for owner in manifests.metadata(other).get("ownerReferences") or ():
            made[str(owner.get("uid"))].append(other)
    return [_applied(entry, live, made) for entry in applied]


def key_of(entry: Mapping[str, Any]) -> Key:
    """The key of an entry of `status.appliedResources`."""
    return manifests.key({**entry, "metadata": entry})


def pods(nodes: Iterable[Node]) -> list[Node]:
    """Every pod below the nodes, each once."""
    found = (each for node in nodes for each in node.walk() if each.key.identity[:2] == ("", "Pod"))
    return list({each.key.identity: each for each in found}.values())


def causes(nodes: Iterable[Node]) -> list[str]:
    """What Kubernetes says of the pods that are not well: the end of the chain of causes."""
    unwell = (pod for pod in pods(nodes) if not pod.healthy)
    return [f"pod {pod.key.name}: {pod.message}" for pod in unwell]


def _applied(
    entry: Mapping[str, Any],
    live: Mapping[Key, Manifest | None],
    made: Mapping[str, list[Manifest]],
) -> Node:
    key, cluster = key_of(entry), str(entry.get("cluster") or "")
    if key not in live:
        return Node(key, cluster, "", True, f"in cluster {cluster}", None)
    found = live[key]
    if found is None:
        return Node(key, cluster, "", False, "not there", None)
    return _node(found, key, cluster, manifests.labels(found).get(names.APP_COMPONENT, ""), made)


def _node(
    live: Manifest, key: Key, cluster: str, component: str, made: Mapping[str, list[Manifest]]
) -> Node:
    uid = str(manifests.metadata(live).get("uid") or "")
    below = sorted(made.get(uid, ()), key=lambda child: manifests.key(child).identity)
    children = tuple(
        _node(child, manifests.key(child), cluster, component, made)
        for child in below
        if not _spent(child)
    )
    healthy, message = health.health_of(live)
    if manifests.metadata(live).get("deletionTimestamp"):
        message = "being deleted"
    healthy = healthy and all(child.healthy for child in children)
    return Node(key, cluster, component, healthy, message, live, children)


def _spent(manifest: Manifest) -> bool:
    """A ReplicaSet of the past, kept by its Deployment for going back to."""
    wanted = (manifest.get("spec") or {}).get("replicas")
    left = (manifest.get("status") or {}).get("replicas")
    return manifest.get("kind") == "ReplicaSet" and wanted == 0 and not left
