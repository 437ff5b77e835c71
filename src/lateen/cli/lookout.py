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
from lateen.base.problem import Problem
from lateen.cli import gathering, reaching, trees
from lateen.controllers import observing
from lateen.hub import informer

_PATIENCE = 15.0  # seconds for the first list
_PAUSE = 5.0  # seconds between two looks for a cluster that is not there


@dataclass(frozen=True)
class _Sight:
    """What is watched in one cluster."""

    client: hub.Client
    owned: observing.Owned
    made: list[informer.Informer]

    @property
    def pods(self) -> list[Manifest]:
        return next(each for each in self.made if each.kind == "Pod").list()


@dataclass
class Lookout:
    """`changed` is called whenever anything that is watched has changed; it must not wait."""

    client: hub.Client
    tasks: TaskGroup
    namespace: str = ""  # empty for all
    changed: Callable[[], None] = lambda: None
    _sights: dict[str, _Sight] = field(default_factory=dict)
    _away: dict[str, str] = field(default_factory=dict)  # clusters, and why they are not seen

    async def start(self) -> None:
        """Know all there is; goes on in `tasks`.

        Raises:
            ApiError | Problem: why applications cannot be listed.
        """
        self._applications = self._watch(self.client, names.GROUP, "v1beta1", "Application")
        here = self._sight(self.client)
        self._sights[names.LOCAL] = here
        for each in (self._applications, *here.made):
            with anyio.move_on_after(_PATIENCE):
                await each.wait_synced()
            if not each.synced and each.error is not None:
                raise each.error

    def _sight(self, client: hub.Client) -> _Sight:
        made = [self._watch(client, *kind) for kind in gathering.MADE]
        owned = observing.Owned(client, self.tasks, lambda *_: self.changed())
        return _Sight(client, owned, made)

    def _watch(self, client: hub.Client, group: str, version: str, kind: str) -> informer.Informer:
        watch = informer.Informer(client, group, version, kind, self.namespace)
        watch.on_change(lambda *_: self.changed())
        self.tasks.start_soon(watch.run)
        return watch

    async def _approach(self, cluster: str) -> None:
        """See into a joined cluster, as soon as it answers."""
        while cluster not in self._sights:
            try:
                async with reaching.every(self.client) as reach:
                    self._sights[cluster] = self._sight(await reach.at(cluster))
                    self.changed()
                    await anyio.sleep_forever()  # the connection is to stay
            except (hub.ApiError, Problem) as error:
                self._away[cluster] = error.message
            self.changed()
            await anyio.sleep(_PAUSE)

    @property
    def trouble(self) -> str:
        """Why what is shown may be old; nothing while it is up to date."""
        watches = [("", self._applications)]
        for cluster, sight in self._sights.items():
            place = "" if cluster == names.LOCAL else f" on cluster {cluster}"
            watches += [(place, each) for each in sight.made]
        for place, watch in watches:
            if watch.error is not None:
                return f"{watch.kind}{place}: {watch.error}"
        return ""

    def client_of(self, cluster: str) -> hub.Client:
        """A client of a cluster that is seen into."""
        return self._sights[cluster].client

    def applications(self) -> list[Application]:
        """By namespace and name."""
        found = map(Application, self._applications.list())
        return sorted(found, key=lambda app: app.owner)

    def application(self, owner: tuple[str, str]) -> Application | None:
        found = self._applications.get(*owner)
        return Application(found) if found is not None else None

    async def tree(self, app: Application) -> list[trees.Node]:
        """The objects of an application, and what those made. A joined cluster is seen into from
        when it is first asked for; until then there are only names.

        Raises:
            Problem: `hub.unwatched` for a kind that may not be watched.
        """
        applied = app.status.get("appliedResources") or ()
        live: dict[trees.Place, Manifest | None] = {}
        away: dict[str, str] = {}
        for cluster, key in map(trees.place_of, applied):
            if sight := self._seen(cluster):
                live[cluster, key] = await sight.owned.find(key)
            else:
                away[cluster] = self._away[cluster]
        made = [
            each for sight in self._sights.values() for watch in sight.made for each in watch.list()
        ]
        return trees.build(applied, live, made, away)

    def _seen(self, cluster: str) -> _Sight | None:
        if cluster not in self._sights and cluster not in self._away:
            self._away[cluster] = "is being connected to"
            self.tasks.start_soon(self._approach, cluster)
        return self._sights.get(cluster)

    def ready(self, app: Application) -> tuple[int, int]:
        """How many of its pods are ready, and how many there are, as far as one sees."""
        spaces: dict[str, set[str]] = {}
        for cluster, key in map(trees.place_of, app.status.get("appliedResources") or ()):
            spaces.setdefault(cluster, set()).add(key.namespace)
        own = [
            pod
            for cluster, within in spaces.items()
            if (sight := self._seen(cluster))
            for pod in sight.pods
            if manifests.labels(pod).get(names.APP_NAME) == app.name
            and manifests.metadata(pod).get("namespace") in within
        ]
        return sum(_is_ready(pod) for pod in own), len(own)


def _is_ready(pod: Manifest) -> bool:
    found = (pod.get("status") or {}).get("conditions") or ()
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in found)
