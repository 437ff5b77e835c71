"""Applications and what became of them, kept in memory by watches: what `top` looks at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskGroup

from lateen import hub
from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.application import Application
from lateen.api.manifest import Manifest
from lateen.cli import gathering, trees
from lateen.controllers import observing
from lateen.hub import informer

_PATIENCE = 15.0  # seconds for the first list


@dataclass
class Lookout:
    """`changed` is called whenever anything that is watched has changed; it must not wait."""

    client: hub.Client
    tasks: TaskGroup
    namespace: str = ""  # empty for all
    changed: Callable[[], None] = lambda: None
    _made: list[informer.Informer] = field(default_factory=list)

    async def start(self) -> None:
        """Know all there is; goes on in `tasks`.

        Raises:
            ApiError | Problem: why applications cannot be listed.
        """
        self._applications = self._watch(names.GROUP, "v1beta1", "Application")
        self._made = [self._watch(*kind) for kind in gathering.MADE]
        self._owned = observing.Owned(self.client, self.tasks, lambda *_: self.changed())
        watches = [self._applications, *self._made]
        for each in watches:
            each.on_change(lambda *_: self.changed())
            self.tasks.start_soon(each.run)
        for each in watches:
            with anyio.move_on_after(_PATIENCE):
                await each.wait_synced()
            if not each.synced and each.error is not None:
                raise each.error

    def _watch(self, group: str, version: str, kind: str) -> informer.Informer:
        return informer.Informer(self.client, group, version, kind, self.namespace)

    @property
    def trouble(self) -> str:
        """Why what is shown may be old; nothing while it is up to date."""
        for watch in (self._applications, *self._made):
            if watch.error is not None:
                return f"{watch.kind}: {watch.error}"
        return ""

    def applications(self) -> list[Application]:
        """By namespace and name."""
        found = map(Application, self._applications.list())
        return sorted(found, key=lambda app: app.owner)

    def application(self, owner: tuple[str, str]) -> Application | None:
        found = self._applications.get(*owner)
        return Application(found) if found is not None else None

    async def tree(self, app: Application) -> list[trees.Node]:
        """The objects of an application, and what those made. Of joined clusters only their names.

        Raises:
            Problem: `hub.unwatched` for a kind that may not be watched.
        """
        applied = app.status.get("appliedResources") or ()
        live: dict[trees.Place, Manifest | None] = {}
        away: dict[str, str] = {}
        for cluster, key in map(trees.place_of, applied):
            if cluster == names.LOCAL:
                live[cluster, key] = await self._owned.find(key)
            else:
                away[cluster] = "not watched from here: `lateen status --tree` looks there"
        made = [each for watch in self._made for each in watch.list()]
        return trees.build(applied, live, made, away)

    def ready(self, app: Application) -> tuple[int, int]:
        """How many of its pods are ready, and how many there are."""
        spaces = {entry.get("namespace") for entry in app.status.get("appliedResources") or ()}
        pods = next(each for each in self._made if each.kind == "Pod")
        own = [
            pod
            for pod in pods.list()
            if manifests.labels(pod).get(names.APP_NAME) == app.name
            and manifests.metadata(pod).get("namespace") in spaces
        ]
        return sum(_is_ready(pod) for pod in own), len(own)


def _is_ready(pod: Manifest) -> bool:
    found = (pod.get("status") or {}).get("conditions") or ()
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in found)
