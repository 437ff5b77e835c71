"""What an application has that its next version no longer brings, and what becomes of it.

The controller decides the same way, with the same plan (`gc`). Nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lateen.api import manifest as manifests
from lateen.api import sharing
from lateen.api.application import Application
from lateen.api.manifest import Key, Manifest
from lateen.api.tracker import Resource, Tracker
from lateen.base.problem import Problem
from lateen.cli import connecting, offline, reaching
from lateen.dispatch import ownership
from lateen.gc import planning, sweeping
from lateen.gc.sweeping import Fate
from lateen.hub.resources import Resources
from lateen.policies import treating


@dataclass(frozen=True)
class Departure:
    """An object that is live and no longer wanted."""

    live: Manifest
    cluster: str
    fate: Fate

    @property
    def key(self) -> Key:
        return manifests.key(self.live)


async def leaving(
    reach: reaching.Reach, rendered: offline.Rendered, live: Application, *, spare_data: bool = True
) -> list[Departure]:
    """Objects the application brought that are still there, and not among what it renders to.

    What a component or step may bring that a dry run cannot show is not among them.

    Args:
        live: the application as it is now.
        spare_data: whether the control plane leaves what holds data where it is.
    """
    governed = treating.read(rendered.app)
    if governed.legacy_kept:
        return []
    trackers = await connecting.trackers(reach.client, live)
    coming = Tracker(
        {
            "metadata": {"name": ""},
            "spec": {"managedResources": [e.to_map() for e in await _wanted(reach, rendered)]},
        }
    )
    owner = live.owner
    fates = sweeping.Fates(
        owner, governed.treatment, spare_data=spare_data and not rendered.app.may_delete_data
    )
    found = []
    for resource in planning.plan([*trackers, coming], coming).doomed:
        if not reach.roster.knows(resource.cluster) or unseen(resource, rendered, live):
            continue
        there = await _found(reach, resource)
        if there is None:
            continue
        if ownership.owns(there, owner) or sharing.shares(there, owner):
            found.append(Departure(there, resource.cluster, fates.of(resource, there)))
    return found


def deleted(departures: Iterable[Departure]) -> list[Departure]:
    """Those that do not come back by themselves."""
    return [each for each in departures if each.fate is Fate.DELETED]


async def _wanted(reach: reaching.Reach, rendered: offline.Rendered) -> list[Resource]:
    """The inventory of what is rendered: a dry run does not know which kinds have a namespace."""
    found = []
    for component, trait, manifest in rendered.manifests:
        key = manifests.key(manifest)
        try:
            known = await _kinds(reach, manifests.cluster(manifest))
            resource = await known.find(key.group, key.version, key.kind)
        except Problem as problem:
            if problem.code != "hub.unknown-kind":
                raise
        else:
            if not resource.namespaced:
                meta = {k: v for k, v in manifest["metadata"].items() if k != "namespace"}
                manifest = {**manifest, "metadata": meta}
        found.append(Resource.tracking(manifest, component, trait or ""))
    return found


async def _kinds(reach: reaching.Reach, cluster: str) -> Resources:
    """The kinds a cluster knows; one that does not answer is taken to know what ours does."""
    try:
        return (await reach.at(cluster)).resources
    except Problem as problem:
        if problem.code not in reaching.AWAY:
            raise
        return reach.client.resources


async def _found(reach: reaching.Reach, resource: Resource) -> Manifest | None:
    """An object as it is live. In a cluster that does not answer it counts as there, as it was
    sent, as it does for garbage collection.
    """
    try:
        return await reach.fetch(resource.cluster, resource.key)
    except Problem as problem:
        if problem.code not in reaching.AWAY:
            raise
        return resource.raw


def unseen(resource: Resource, rendered: offline.Rendered, live: Application) -> bool:
    """Whether a delivery may render it, though a dry run cannot."""
    named = {component.name for component in rendered.app.components}
    if resource.component in named:
        return resource.component not in {component for component, _, _ in rendered.manifests}
    # of a step, or of a component that a step makes up
    return bool(rendered.unrun) and resource.component not in {c.name for c in live.components}
