"""Our own kinds, kept in memory by watches: what every pass reads, and no pass asks for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from typing import Any

from anyio.abc import TaskGroup

from lateen.api import authors, manifest, names
from lateen.api.application import Application
from lateen.api.definition import Definition, DefinitionKind, DefinitionRevision
from lateen.api.manifest import Manifest
from lateen.api.revision import Revision
from lateen.api.tracker import Tracker
from lateen.hub import client, informer
from lateen.providers import external

Changed = Callable[[str, str], None]  # namespace and name of an application to look at
Defined = Callable[[DefinitionKind, str, str], None]  # kind, namespace and name of a definition

# applications that a change of a definition concerns
_UNPARSED, _FOLLOWING = "unparsed", "following"


class Caches:
    """Applications and everything of core.oam.dev they are made of.

    Is the catalogue definitions are looked up in, and where external policies, workflows, stored
    revisions and trackers are found.
    """

    def __init__(self, hub: client.Client) -> None:
        def watch(kind: str, version: str = "v1beta1", **options: object) -> informer.Informer:
            return informer.Informer(hub, names.GROUP, version, kind, **options)  # type: ignore[arg-type]

        self.watches: list[informer.Informer] = []  # those that have been started
        self.applications = watch("Application", index=_by_need, transform=_authored)
        self._revisions = watch("ApplicationRevision", index=_by_owner)
        self._trackers = watch("ResourceTracker", index=_by_owner)
        self._definitions = {kind: watch(kind.value) for kind in DefinitionKind}
        self._workloads = watch("WorkloadDefinition")
        self._kept = watch("DefinitionRevision", index=_by_definition)
        self._packages = informer.Informer(hub, "cue.oam.dev", "v1alpha1", external.KIND)
        self.packages = external.Shelf()  # what definitions may import beside `vela/...`
        self._policies = watch("Policy", "v1alpha1")
        self._workflows = watch("Workflow", "v1alpha1")
        self._parsed: dict[tuple[DefinitionKind, str, str], tuple[Manifest, Definition]] = {}
        self._turn = 0  # moves on when what a type means may have changed

    async def run(
        self, tasks: TaskGroup, changed: Changed, defined: Defined = lambda *key: None
    ) -> None:
        """Start the watches in `tasks`; returns when all have listed what there is.

        `defined` is called with each definition that changes, also by its status or a revision.
        """
        self.applications.on_change(_tell(changed))
        self._trackers.on_change(_tell_owner(changed))
        for shared in (self._policies, self._workflows):
            shared.on_change(self._tell_namespace(changed))
        for kind, definitions in self._definitions.items():
            definitions.on_change(self._tell_users(changed))
            definitions.on_change(_tell_definition(kind, defined))
        self._workloads.on_change(self._tell_users(changed))
        self._kept.on_change(self._tell_users(changed))
        self._kept.on_change(_tell_revised(defined))
        self._packages.on_change(self._repack(defined))
        self.watches = [
            self.applications,
            self._revisions,
            self._trackers,
            *self._definitions.values(),
            self._workloads,
            self._packages,
            self._kept,
            self._policies,
            self._workflows,
        ]
        for each in self.watches:
            tasks.start_soon(each.run)
        for each in self.watches:
            await each.wait_synced()

    async def wait_up(self) -> None:
        """Wait until what decides over what is deleted is known as it is, after a watch broke off:
        meanwhile the API server may have been restored from a backup.
        """
        for each in (self.applications, self._revisions, self._trackers):
            await each.wait_up()

    @property
    def tracker_count(self) -> int:
        return self._trackers.count

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
        return [each for each in self.trackers_under(*app.owner) if each.belongs_to(app)]

    def trackers_under(self, namespace: str, name: str) -> list[Tracker]:
        """Those of an application and of its namesakes, as far as they left any."""
        return [Tracker(raw) for raw in self._trackers.by_index((namespace, name))]

    def find(self, kind: DefinitionKind, name: str, namespace: str) -> Definition | None:
        raw = self._definitions[kind].get(namespace, name)
        if raw is None:
            self._parsed.pop((kind, namespace, name), None)
            return None
        known = self._parsed.get((kind, namespace, name))
        if known is None or known[0] is not raw:
            complete = {"apiVersion": names.V1BETA1, "kind": kind.value, **raw}
            known = self._parsed[kind, namespace, name] = (raw, Definition.of(complete))
        return known[1]

    def find_revision(
        self, kind: DefinitionKind, name: str, revision: str, namespace: str
    ) -> Definition | None:
        raw = self._kept.get(namespace, f"{name}-v{revision}")
        found = DefinitionRevision(raw) if raw is not None else None
        return found.definition if found and (found.kind, found.of) == (kind, name) else None

    def versions(self, kind: DefinitionKind, name: str, namespace: str) -> Collection[str]:
        return {each.version for each in self.kept(kind, name, namespace)}

    def find_workload(self, name: str, namespace: str) -> Definition | None:
        raw = self._workloads.get(namespace, name)
        return Definition.of_workload({"apiVersion": names.V1BETA1, **raw}) if raw else None

    def kept(self, kind: DefinitionKind, name: str, namespace: str) -> list[DefinitionRevision]:
        """The stored revisions of one definition."""
        return [DefinitionRevision(raw) for raw in self._kept.by_index((kind, namespace, name))]

    def taken(self, kind: DefinitionKind, name: str, namespace: str) -> set[str]:
        """Names of revisions that a definition of another kind has under the same name."""
        others = [k for k in DefinitionKind if k is not kind]
        return {each.name for other in others for each in self.kept(other, name, namespace)}

    def observe_definition(self, kind: DefinitionKind, found: Manifest) -> None:
        self._definitions[kind].observe(found)

    def observe_kept(self, found: Manifest) -> None:
        self._kept.observe(found)

    def pins(self, name: str, namespace: str) -> set[str]:
        """What applications, as they are and as their stored revisions were, write after `name@v`.

        A definition of `vela-system` may be anybody's.
        """
        space = "" if namespace == names.SYSTEM_NAMESPACE else namespace
        stored = (Revision(raw).application.spec for raw in self._revisions.list(space))
        specs = [*(app.get("spec") or {} for app in self.applications.list(space)), *stored]
        found = (_types(spec) for spec in specs)
        start = f"{name}@v"
        return {each.removeprefix(start) for f in found for each in f if each.startswith(start)}

    def names(self, kind: DefinitionKind, namespace: str) -> set[str]:
        return {raw["metadata"]["name"] for raw in self._definitions[kind].list(namespace)}

    def policy(self, namespace: str, name: str) -> Manifest | None:
        return self._policies.get(namespace, name)

    def workflow(self, namespace: str, name: str) -> Manifest | None:
        return self._workflows.get(namespace, name)

    def external_versions(self, app: Application) -> list[tuple[str, str]]:
        """Changes when anything does that the application refers to: the external policies and
        workflows of its namespace, and definitions if it follows them.
        """
        shared = [*self._policies.list(app.namespace), *self._workflows.list(app.namespace)]
        found = sorted((o["metadata"]["uid"], o["metadata"]["resourceVersion"]) for o in shared)
        return [*found, ("definitions", str(self._turn))] if _follows(app) else found

    def _tell_namespace(self, changed: Changed) -> informer.Change:
        def tell(old: Manifest | None, new: Manifest | None) -> None:
            namespace = manifest.metadata(new or old or {}).get("namespace", "")
            for app in self.applications.list(namespace):
                changed(namespace, app["metadata"]["name"])

        return tell

    def _repack(self, defined: Defined) -> informer.Change:
        """A package that appears may be what a definition could not be compiled without."""

        def tell(old: Manifest | None, new: Manifest | None) -> None:
            if new is None:
                self.packages.drop(old or {})
            else:
                self.packages.put(new)
            for kind, definitions in self._definitions.items():
                for each in definitions.list():
                    if "import" in Definition.of(each).text:
                        defined(kind, each["metadata"]["namespace"], each["metadata"]["name"])

        return tell

    def _tell_users(self, changed: Changed) -> informer.Change:
        """A definition that appears may be what an application is waiting for; one that changes is
        of interest to those that follow it. What is only said of it in its status is not.
        """

        def tell(old: Manifest | None, new: Manifest | None) -> None:
            if old is not None and new is not None and old.get("spec") == new.get("spec"):
                return
            self._turn += 1
            name = _defines(new or old or {})
            everybody = any((side or {}).get("spec", {}).get("global") for side in (old, new))
            for need in (_UNPARSED, _FOLLOWING):
                for app in self.applications.by_index(need):
                    if everybody or _may_use(app.get("spec") or {}, name):
                        changed(app["metadata"]["namespace"], app["metadata"]["name"])

        return tell


def _defines(found: Manifest) -> str:
    """The name of the definition that a definition, or a revision of one, is about."""
    kept = "definitionType" in (found.get("spec") or {})
    return DefinitionRevision(found).of if kept else str(found["metadata"]["name"])


def _may_use(spec: Manifest, name: str) -> bool:
    if any(each.partition("@")[0] == name for each in _types(spec)):
        return True
    return bool((spec.get("workflow") or {}).get("ref"))  # its steps are written elsewhere


def _types(spec: Any) -> Iterator[str]:
    """Every `type` in the text of an application, those that an override policy holds included."""
    if isinstance(spec, dict):
        if isinstance(kind := spec.get("type"), str):
            yield kind
        for value in spec.values():
            yield from _types(value)
    elif isinstance(spec, list):
        for value in spec:
            yield from _types(value)


def _by_need(found: Manifest) -> Iterable[Hashable]:
    app = Application(found)
    conditions = app.status.get("conditions") or ()
    if any(c.get("status") == "False" and c.get("type") == "Parsed" for c in conditions):
        yield _UNPARSED
    if _follows(app):
        yield _FOLLOWING


def _follows(app: Application) -> bool:
    return app.auto_update or app.auto_revision


def _authored(found: Manifest) -> Manifest:
    """The object as a pass needs it, who wrote its text included."""
    trimmed = informer.trim(found)
    meta = {**trimmed["metadata"], "managedFields": authors.noted(found)}
    return {**trimmed, "metadata": meta}


def _by_definition(found: Manifest) -> Iterable[Hashable]:
    kept = DefinitionRevision(found)
    return [(kept.kind, kept.namespace, kept.of)]


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
        # one that appears may come late: from somebody who was killed while it was on its way
        if old is None or new is None or manifest.metadata(new).get("deletionTimestamp"):
            changed(labels.get(names.APP_NAMESPACE, ""), labels.get(names.APP_NAME, ""))

    return tell


def _tell_definition(kind: DefinitionKind, defined: Defined) -> informer.Change:
    def tell(old: Manifest | None, new: Manifest | None) -> None:
        meta = manifest.metadata(new or old or {})
        defined(kind, meta["namespace"], meta["name"])

    return tell


def _tell_revised(defined: Defined) -> informer.Change:
    def tell(old: Manifest | None, new: Manifest | None) -> None:
        found = DefinitionRevision(new or old or {})
        if found.kind is not None:
            defined(found.kind, found.namespace, found.of)

    return tell
