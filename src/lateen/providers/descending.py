"""What objects brought in turn: from a Deployment to its pods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.manifest import Manifest
from lateen.base.problem import Problem
from lateen.hub.errors import ApiError
from lateen.providers.ports import Objects

# (group, kind) -> what to look for below it, by owner reference
_BELOW: Final[Mapping[tuple[str, str], tuple[tuple[str, str], ...]]] = {
    ("apps", "Deployment"): (("apps/v1", "ReplicaSet"),),
    ("apps", "ReplicaSet"): (("v1", "Pod"),),
    ("apps", "StatefulSet"): (("v1", "Pod"), ("v1", "PersistentVolumeClaim")),
    ("apps", "DaemonSet"): (("v1", "Pod"),),
    ("batch", "CronJob"): (("batch/v1", "Job"),),
    ("batch", "Job"): (("v1", "Pod"),),
    ("", "ReplicationController"): (("v1", "Pod"),),
}


@dataclass(frozen=True)
class Node:
    """A live object and what it brought."""

    cluster: str
    manifest: Manifest
    children: tuple[Node, ...] = ()

    def walk(self, parent: Node | None = None) -> Iterator[tuple[Node, Node]]:
        """Every node with its parent; the topmost one is its own."""
        yield self, parent or self
        for child in self.children:
            yield from child.walk(self)


@dataclass
class Forest:
    """Looks below objects. Lists each kind of a namespace once, so use one for each question."""

    objects: Objects
    _listed: dict[tuple[str, ...], list[Manifest]] = field(default_factory=dict)

    async def below(self, cluster: str, manifest: Manifest) -> Node:
        key = manifests.key(manifest)
        uid = str(manifests.metadata(manifest).get("uid"))
        children: list[Node] = []
        for api_version, kind in _BELOW.get((key.group, key.kind), ()):
            found = await self._all(cluster, api_version, kind, key.namespace)
            children += [await self.below(cluster, each) for each in found if _owned_by(each, uid)]
        return Node(cluster or names.LOCAL, manifest, tuple(children))

    async def _all(self, cluster: str, api_version: str, kind: str, place: str) -> list[Manifest]:
        key = (cluster, api_version, kind, place)
        if key not in self._listed:
            try:
                found = await self.objects.list(cluster, api_version, kind, namespace=place)
            except (ApiError, Problem) as error:
                # who may not see what is below sees the rest
                if not (isinstance(error, ApiError) and error.forbidden):
                    raise
                found = []
            self._listed[key] = found
        return self._listed[key]


def _owned_by(manifest: Mapping[str, Any], uid: str) -> bool:
    owners = manifests.metadata(manifest).get("ownerReferences") or ()
    return any(owner.get("uid") == uid for owner in owners)
