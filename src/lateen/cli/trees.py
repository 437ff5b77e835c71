"""What an application has in its clusters: its objects, and what those made in turn.

Pure: built from objects that were read before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.manifest import Key, Manifest
from lateen.health import trees as health

Place = tuple[str, Key]  # a cluster, and an object in it


@dataclass(frozen=True)
class Node:
    """One object. `live` is None when it is not there, or cannot be read."""

    key: Key
    cluster: str
    component: str
    healthy: bool
    message: str
    live: Manifest | None
    children: tuple[Node, ...] = ()

    @property
    def place(self) -> str:
        """The cluster it is in, by its name."""
        return self.cluster or names.LOCAL

    @property
    def where(self) -> str:
        """Words that tell it from its namesakes elsewhere; none in the control plane's cluster."""
        return f" on cluster {self.cluster}" if self.place != names.LOCAL else ""

    def walk(self) -> Iterator[Node]:
        yield self
        for child in self.children:
            yield from child.walk()

    def to_map(self, *, detail: bool = False) -> dict[str, Any]:
        """For JSON and YAML; what is empty is left out."""
        fields: dict[str, Any] = {
            "cluster": self.cluster,
            "component": self.component,
            "apiVersion": self.key.api_version,
            "kind": self.key.kind,
            "namespace": self.key.namespace,
            "name": self.key.name,
            "healthy": self.healthy,
            "message": self.message,
        }
        if detail and self.live is not None:
            fields |= {
                "created": str(manifests.metadata(self.live).get("creationTimestamp") or ""),
                "ready": ready(self.live),
                "conditions": [each.to_map() for each in conditions(self.live)],
            }
        fields["children"] = [child.to_map(detail=detail) for child in self.children]
        return {name: value for name, value in fields.items() if value not in ("", [])}


@dataclass(frozen=True)
class Condition:
    """A condition of an object. `status` is True, False or Unknown."""

    type: str
    status: str
    reason: str = ""
    message: str = ""

    @property
    def fine(self) -> bool:
        """One of trouble is fine when it is not met, any other when it is."""
        trouble = "Fail" in self.type or "Pressure" in self.type
        return self.status == ("False" if trouble else "True")

    def to_map(self) -> dict[str, str]:
        found = (("reason", self.reason), ("message", self.message))
        return {"type": self.type, "status": self.status, **{k: v for k, v in found if v}}


def build(
    applied: Iterable[Mapping[str, Any]],
    live: Mapping[Place, Manifest | None],
    others: Iterable[Manifest],
    away: Mapping[str, str] = MappingProxyType({}),
) -> list[Node]:
    """The tree of each entry of `status.appliedResources`.

    `live` holds the applied objects that were asked for, None for one that is not there; `others`
    is everything they may have made, found by owner references; `away` says of clusters that cannot
    be asked why.
    """
    made: dict[str, list[Manifest]] = defaultdict(list)
    for other in others:
        for owner in manifests.metadata(other).get("ownerReferences") or ():
            made[str(owner.get("uid"))].append(other)
    return [_applied(entry, live, made, away) for entry in applied]


def place_of(entry: Mapping[str, Any]) -> Place:
    """Where an entry of `status.appliedResources` is."""
    return str(entry.get("cluster") or names.LOCAL), key_of(entry)


def key_of(entry: Mapping[str, Any]) -> Key:
    """The key of an entry of `status.appliedResources`."""
    return manifests.key({**entry, "metadata": entry})


def pods(nodes: Iterable[Node]) -> list[Node]:
    """Every pod below the nodes, each once."""
    found = (each for node in nodes for each in node.walk() if each.key.identity[:2] == ("", "Pod"))
    return list({(each.cluster, each.key.identity): each for each in found}.values())


def causes(nodes: Iterable[Node]) -> list[str]:
    """What Kubernetes says of the pods that are not well: the end of the chain of causes."""
    unwell = (pod for pod in pods(nodes) if not pod.healthy)
    return [f"pod {pod.key.name}{pod.where}: {pod.message}" for pod in unwell]


def uids(nodes: Iterable[Node], others: Iterable[Manifest]) -> set[str]:
    """The objects of a tree and everything they made, also what they have no use for any more."""
    found = {
        str(manifests.metadata(each.live).get("uid"))
        for node in nodes
        for each in node.walk()
        if each.live
    }
    made: dict[str, list[str]] = defaultdict(list)
    for other in others:
        meta = manifests.metadata(other)
        for owner in meta.get("ownerReferences") or ():
            made[str(owner.get("uid"))].append(str(meta.get("uid")))
    unseen = list(found)
    while unseen:
        fresh = set(made.get(unseen.pop(), ())) - found
        found |= fresh
        unseen += fresh
    return found


def ready(live: Manifest) -> str:
    """How much of an object is ready, as `1/2`; empty where that is no question."""
    spec, status = live.get("spec") or {}, live.get("status") or {}
    kind = live.get("kind")
    if kind in ("Deployment", "StatefulSet", "ReplicaSet"):
        return f"{status.get('readyReplicas') or 0}/{spec.get('replicas', 1)}"
    if kind == "DaemonSet":
        return f"{status.get('numberReady') or 0}/{status.get('desiredNumberScheduled') or 0}"
    if kind == "Job":
        return f"{status.get('succeeded') or 0}/{spec.get('completions') or 1}"
    if kind == "Pod":
        containers = status.get("containerStatuses") or ()
        count = len(spec.get("containers") or ())
        return f"{sum(bool(each.get('ready')) for each in containers)}/{count}"
    return ""


def conditions(live: Manifest) -> list[Condition]:
    """The conditions of an object, as they are."""
    return [
        Condition(
            str(each.get("type")),
            str(each.get("status")),
            str(each.get("reason") or ""),
            str(each.get("message") or ""),
        )
        for each in (live.get("status") or {}).get("conditions") or ()
    ]


def _applied(
    entry: Mapping[str, Any],
    live: Mapping[Place, Manifest | None],
    made: Mapping[str, list[Manifest]],
    away: Mapping[str, str],
) -> Node:
    key, cluster = key_of(entry), str(entry.get("cluster") or "")
    if cluster in away:
        return Node(key, cluster, "", False, away[cluster], None)
    found = live[place_of(entry)]
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
