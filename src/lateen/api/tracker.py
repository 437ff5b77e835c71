"""ResourceTrackers: the inventory of what an application had applied (semantics C6)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from lateen.api import compressing, manifest, names
from lateen.api.application import Application
from lateen.api.manifest import Key, Manifest
from lateen.api.treatment import PLAIN, Lifetime, Treatment
from lateen.base import hashing


@dataclass(frozen=True)
class Resource:
    """One entry of `spec.managedResources`. `raw` is the manifest as it was dispatched.

    `lifetime` says which inventory it belongs to, and whether it is ever deleted.
    """

    api_version: str
    kind: str
    namespace: str
    name: str
    cluster: str = ""
    component: str = ""
    trait: str = ""
    raw: Manifest | None = None
    lifetime: Lifetime = Lifetime.DECLARED

    @classmethod
    def of(cls, raw: Mapping[str, Any], lifetime: Lifetime = Lifetime.DECLARED) -> Resource:
        return cls(
            api_version=str(raw.get("apiVersion", "")),
            kind=str(raw.get("kind", "")),
            namespace=str(raw.get("namespace", "")),
            name=str(raw.get("name", "")),
            cluster=str(raw.get("cluster", "")),
            component=str(raw.get("component", "")),
            trait=str(raw.get("trait", "")),
            raw=raw.get("raw"),
            lifetime=Lifetime.FOREVER if raw.get("skipGC") else lifetime,
        )

    @classmethod
    def tracking(
        cls, desired: Manifest, component: str, trait: str, treatment: Treatment = PLAIN
    ) -> Resource:
        """The entry for a manifest about to be dispatched; its cluster is its cluster label."""
        key = manifest.key(desired)
        cluster = manifest.labels(desired).get(names.APP_CLUSTER, "")
        raw = None if treatment.unrecorded else desired
        named = (key.api_version, key.kind, key.namespace, key.name, cluster, component, trait)
        return cls(*named, raw, treatment.lifetime)

    @property
    def key(self) -> Key:
        group, version = manifest.split_version(self.api_version)
        return Key(group, self.kind, self.namespace, self.name, version)

    @property
    def local(self) -> bool:
        """It is in the control plane's own cluster."""
        return self.cluster in ("", names.LOCAL)

    @property
    def identity(self) -> tuple[str, ...]:
        """What makes two entries the same object, whichever version or component names it."""
        return (self.cluster or names.LOCAL, *self.key.identity)

    def to_map(self) -> dict[str, Any]:
        fields = {
            "cluster": self.cluster,
            "apiVersion": self.api_version,
            "kind": self.kind,
            "name": self.name,
            "namespace": self.namespace,
            "component": self.component,
            "trait": self.trait,
            "raw": self.raw,
            "skipGC": self.lifetime is Lifetime.FOREVER or None,
        }
        return {name: value for name, value in fields.items() if value not in ("", None)}


@dataclass(frozen=True)
class Tracker:
    """A view of one ResourceTracker object."""

    raw: Manifest

    @property
    def name(self) -> str:
        return str(self.raw["metadata"]["name"])

    @property
    def generation(self) -> int:
        return int((self.raw.get("spec") or {}).get("applicationGeneration") or 0)

    @property
    def root(self) -> bool:
        """Whether it holds what lives as long as the application, whatever version it is of."""
        return (self.raw.get("spec") or {}).get("type") == "root"

    @property
    def publish_version(self) -> str:
        return manifest.annotation(self.raw, names.PUBLISH_VERSION)

    @property
    def revision(self) -> str:
        """The revision that what it lists is of."""
        return manifest.labels(self.raw).get(names.APP_REVISION, "")

    @property
    def run(self) -> str:
        """Which of several runs of one declaration it is of, empty for the first."""
        return manifest.annotation(self.raw, names.RUN)

    @property
    def deleting(self) -> bool:
        return bool(self.raw["metadata"].get("deletionTimestamp"))

    @cached_property
    def resources(self) -> tuple[Resource, ...]:
        spec = self.raw.get("spec") or {}
        entries = compressing.unpacked(spec)
        if entries is None:
            entries = spec.get("managedResources") or ()
        lifetime = Lifetime.APPLICATION if self.root else Lifetime.DECLARED
        return tuple(Resource.of(entry, lifetime) for entry in entries)

    @property
    def uid(self) -> str:
        """Of the application whose it is, empty where that is not said."""
        return manifest.labels(self.raw).get(names.APP_UID, "")

    def belongs_to(self, app: Application) -> bool:
        return self.uid == app.uid

    def tracks(self, app: Application) -> bool:
        """Whether this is the tracker of what the application declares now (semantics C6)."""
        if self.root:
            return False
        if app.publish_version:
            return self.publish_version == app.publish_version
        return not self.publish_version and self.generation == app.generation


def current(
    trackers: Iterable[Tracker], app: Application, revision: str, *, running: bool, run: str = ""
) -> Tracker | None:
    """The tracker of what the application declares now; None when it has yet to be made.

    One generation may have been delivered as another revision: a definition that it follows
    changed, or a revision that failed was quarantined. What that one lists is history.

    `running` says that the workflow of `revision` goes on rather than starts. Its tracker then
    holds even under an older generation: a text that was changed and changed back before anybody
    looked is the same revision, and what it delivered is still wanted.
    `run` tells runs of one declaration apart that came to different things.
    """
    known = [
        each for each in trackers if not each.root and each.revision == revision and each.run == run
    ]
    for tracker in known:
        if tracker.tracks(app):
            return tracker
    if not running:
        return None
    published = (each for each in known if each.publish_version == app.publish_version)
    return max(published, key=lambda tracker: tracker.generation, default=None)


def renamed(tracker: Tracker) -> Tracker:
    """The tracker under a name that only it can have, for when its own is taken.

    Names are put together from parts that may hold dashes, and a version may be called as a
    generation is: `shop-v2-default` can be more than one thing.
    """
    meta = tracker.raw["metadata"]
    told_apart = hashing.digest(
        [
            meta["labels"][names.APP_UID],
            tracker.generation,
            tracker.publish_version,
            tracker.revision,
            tracker.run,
        ],
        8,
    )
    return replace(
        tracker, raw={**tracker.raw, "metadata": {**meta, "name": f"{tracker.name}-{told_apart}"}}
    )


def same(left: Tracker, right: Tracker) -> bool:
    """Whether both are the inventory of one declaration of one application."""

    def what(tracker: Tracker) -> tuple[str | None, bool, int, str, str]:
        uid = manifest.labels(tracker.raw).get(names.APP_UID)
        of = "" if tracker.root else f"{tracker.revision} {tracker.run}"
        return uid, tracker.root, tracker.generation, tracker.publish_version, of

    return what(left) == what(right)


def fresh(app: Application, revision: str, run: str = "") -> Tracker:
    """A tracker for the application as it is declared now, holding nothing yet."""
    version = app.publish_version or f"v{app.generation}"
    if run:
        version = f"{version}-{run[:8]}"
    tracker = _empty(app, revision, f"{app.name}-{version}-{app.namespace}", "versioned")
    if app.publish_version:
        tracker.raw["metadata"]["annotations"] = {names.PUBLISH_VERSION: app.publish_version}
    if run:
        tracker.raw["metadata"]["annotations"][names.RUN] = run
    tracker.raw["spec"]["applicationGeneration"] = app.generation
    return tracker


def root(trackers: Iterable[Tracker], app: Application, revision: str) -> Tracker:
    """The tracker of what lives as long as the application; one that holds nothing if need be."""
    found = next((each for each in trackers if each.root), None)
    return found or _empty(app, revision, f"{app.name}-{app.namespace}", "root")


def _empty(app: Application, revision: str, name: str, kind: str) -> Tracker:
    labels = {
        names.APP_NAME: app.name,
        names.APP_NAMESPACE: app.namespace,
        names.APP_UID: app.uid,
        names.APP_REVISION: revision,
    }
    return Tracker(
        {
            "apiVersion": names.V1BETA1,
            "kind": "ResourceTracker",
            "metadata": {
                "name": name,
                "labels": labels,
                "annotations": {},
                "finalizers": [names.TRACKER_FINALIZER],
            },
            "spec": {"type": kind, "applicationGeneration": 0, "managedResources": []},
        }
    )


def key_of(tracker: Tracker) -> Key:
    return Key(names.GROUP, "ResourceTracker", "", tracker.name, "v1beta1")


def without(tracker: Tracker, gone: Collection[tuple[str, ...]]) -> Tracker:
    """The tracker less the entries of some identities."""
    return holding(tracker, [each for each in tracker.resources if each.identity not in gone])


def recording(tracker: Tracker, resources: Iterable[Resource]) -> Tracker:
    """The tracker with `resources` recorded; an entry for the same object is replaced in place."""
    entries = {resource.identity: resource for resource in tracker.resources}
    for resource in resources:
        entries[resource.identity] = resource
    return holding(tracker, entries.values())


def holding(tracker: Tracker, resources: Iterable[Resource]) -> Tracker:
    """The tracker with these entries and no others."""
    entries = [each.to_map() for each in resources]
    spec = {**(tracker.raw.get("spec") or {}), "managedResources": entries}
    spec.pop("compression", None)
    if compressing.large(entries):
        del spec["managedResources"]
        spec["compression"] = compressing.packed(entries)
    return replace(tracker, raw={**tracker.raw, "spec": spec})
