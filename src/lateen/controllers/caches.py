"""Our own kinds, kept in memory by watches: what every pass reads, and no pass asks for."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable

from anyio.abc import TaskGroup

from lateen.api import manifest, names
from lateen.api.application import Application
from lateen.api.definition import Definition, DefinitionKind
from lateen.api.manifest import Manifest
from lateen.api.revision import Revision
from lateen.api.tracker import Tracker
from lateen.hub import client, informer

Changed = Callable[[str, str], None]  # namespace and name of an application to look at


class Caches:
    """Applications and everything of core.oam.dev they are made of.

    Is the catalogue definitions are looked up in, and where external policies, workflows, stored
    revisions and trackers are found.
    """

    def __init__(self, hub: client.Client) -> None:
        def watch(kind: str, version: str = "v1beta1", **options: object) -> informer.Informer:
            return informer.Informer(hub, names.GROUP, version, kind, **options)  # type: ignore[arg-type]

        self.applications = watch("Application")
        self._revisions = watch("ApplicationRevision", index=_by_owner)
        self._trackers = watch("ResourceTracker", index=_by_owner)
        self._definitions = {kind: watch(kind.value) for kind in DefinitionKind}
        self._kept = watch("DefinitionRevision")
        self._policies = watch("Policy", "v1alpha1")
        self._workflows = watch("Workflow", "v1alpha1")
        self._parsed: dict[tuple[str, str], Definition] = {}  # by uid and resourceVersion

    async def run(self, tasks: TaskGroup, changed: Changed) -> None:
        """Start the watches in `tasks`; returns when all have listed what there is."""
        self.applications.on_change(_tell(changed))
        self._trackers.on_change(_tell_owner(changed))
        for shared in (self._policies, self._workflows):
            shared.on_change(self._tell_namespace(changed))
        for definitions in (*self._definitions.values(), self._kept):
            definitions.on_change(self._tell_unparsed(changed))
        watches = [
            self.applications,
            self._revisions,
            self._trackers,
            *self._definitions.values(),
            self._kept,
            self._policies,
            self._workflows,
        ]
        for each in watches:
            tasks.start_soon(each.run)
        for each in watches:
            await each.wait_synced()

    def application(self, namespace: str, name: str) -> Application | None:
        found = self.applications.get(namespace, name)
        return Application(found) if found is not None else None

    # what a pass writes is seen by the next one, whether or not the watch has brought it

    def observe_application(self, found: Manifest) -> None:
        self.applications.observe(found)

    def observe_revision(self, found: Manifest) -> None:
        self._revisions.observe(found)

    def observe_tracker(self, found: Manifest) -> None:
        self._trackers.observe(found)

    def revisions(self, app: Application) -> list[Revision]:
        """The stored revisions of this very application, not of a namesake before it."""
        found = self._revisions.by_index((app.namespace, app.name))
        return [
            Revision(raw)
            for raw in found
            if any(
                ref.get("uid") == app.uid for ref in raw["metadata"].get("ownerReferences") or ()
            )
        ]

    def trackers(self, app: Application) -> list[Tracker]:
        return [
            tracker
            for tracker in map(Tracker, self._trackers.by_index((app.namespace, app.name)))
            if tracker.belongs_to(app)
        ]

    def find(self, kind: DefinitionKind, name: str, namespace: str) -> Definition | None:
        raw = self._definitions[kind].get(namespace, name)
        if raw is None:
            return None
        meta = raw["metadata"]
        key = (str(meta["uid"]), str(meta["resourceVersion"]))
        if key not in self._parsed:
            complete = {"apiVersion": names.V1BETA1, "kind": kind.value, **raw}
            self._parsed[key] = Definition.of(complete)
        return self._parsed[key]

    def find_revision(
        self, kind: DefinitionKind, name: str, revision: str, namespace: str
    ) -> Definition | None:
        raw = self._kept.get(namespace, f"{name}-v{revision}")
        embedded = ((raw or {}).get("spec") or {}).get(kind.value[0].lower() + kind.value[1:])
        if not embedded:
            return None
        return Definition.of({"apiVersion": names.V1BETA1, "kind": kind.value, **embedded})

    def names(self, kind: DefinitionKind, namespace: str) -> set[str]:
        return {raw["metadata"]["name"] for raw in self._definitions[kind].list(namespace)}

    def policy(self, namespace: str, name: str) -> Manifest | None:
        return self._policies.get(namespace, name)

    def workflow(self, namespace: str, name: str) -> Manifest | None:
        return self._workflows.get(namespace, name)

    def external_versions(self, namespace: str) -> list[tuple[str, str]]:
        """Changes when any external policy or workflow of the namespace does."""
        shared = [*self._policies.list(namespace), *self._workflows.list(namespace)]
        return sorted((o["metadata"]["uid"], o["metadata"]["resourceVersion"]) for o in shared)

    def _tell_namespace(self, changed: Changed) -> informer.Change:
        def tell(old: Manifest | None, new: Manifest | None) -> None:
            namespace = manifest.metadata(new or old or {}).get("namespace", "")
            for app in self.applications.list(namespace):
                changed(namespace, app["metadata"]["name"])

        return tell

    def _tell_unparsed(self, changed: Changed) -> informer.Change:
        """A definition that appears may be what an application is waiting for."""

        def tell(old: Manifest | None, new: Manifest | None) -> None:
            for app in self.applications.list():
                conditions = (app.get("status") or {}).get("conditions") or ()
                if any(
                    c.get("status") == "False" and c.get("type") == "Parsed" for c in conditions
                ):
                    changed(app["metadata"]["namespace"], app["metadata"]["name"])

        return tell


def _by_owner(found: Manifest) -> Iterable[Hashable]:
    labels = manifest.labels(found)
    namespace = manifest.metadata(found).get("namespace") or labels.get(names.APP_NAMESPACE, "")
    return [(namespace, labels.get(names.APP_NAME, ""))]


def _tell(changed: Changed) -> informer.Change:
    def tell(old: Manifest | None, new: Manifest | None) -> None:
        meta = manifest.metadata(new or old or {})
        changed(meta["namespace"], meta["name"])

    return tell


def _tell_owner(changed: Changed) -> informer.Change:
    def tell(old: Manifest | None, new: Manifest | None) -> None:
        labels = manifest.labels(new or old or {})
        if new is None or manifest.metadata(new).get("deletionTimestamp"):
            changed(labels.get(names.APP_NAMESPACE, ""), labels.get(names.APP_NAME, ""))

    return tell
