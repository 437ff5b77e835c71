"""When an application is left alone: nothing changed since a pass that found nothing left to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lateen.api import manifest, tracker
from lateen.api.application import Application
from lateen.base.clock import Clock
from lateen.controllers import caches, observing, tidings
from lateen.controllers.application import scheduling, sessions
from lateen.hub import clusters


@dataclass(frozen=True)
class Rest:
    """Compares everything that a pass would look at with what the last pass saw."""

    remembered: sessions.Sessions
    caches: caches.Caches
    clusters: clusters.Clusters
    live: observing.Fleet
    tidings: tidings.Tidings
    clock: Clock

    def settled(self, app: Application) -> bool:
        """Whether nothing changed since a pass that found nothing left to do."""
        settled = self.remembered.of(app).settled
        spent = scheduling.spent(app, app.status, self.clock.now())
        news = self.tidings.waiting(app.namespace, app.name)
        if not settled or spent or news or self.due(app, app.status) == 0:
            return False
        others = [
            *self.caches.external_versions(app),
            *self.clusters.states,
            *_inventories(self.caches.trackers(app)),
        ]
        return settled == sessions.fingerprint(app, app.status, self.owned(app), others)

    def settle(
        self, app: Application, status: Mapping[str, Any], books: Iterable[tracker.Tracker]
    ) -> None:
        """A pass ends that leaves nothing to do.

        As this pass found it all, not as it is by now: what changed since is another's to see.

        Args:
            status: as it is about to be stored.
            books: the inventories that stay.
        """
        session = self.remembered.of(app)
        others = [*session.externals, *session.clusters, *_inventories(books)]
        session.settled = sessions.fingerprint(app, status, session.owned, others)

    def due(self, app: Application, status: Mapping[str, Any]) -> float | None:
        """Seconds until it is to be looked at though nothing changed, 0 for now; None for never."""
        waits = [scheduling.wait(app, status, self.clock.now())]
        if every := scheduling.interval(app):
            looked = self.remembered.of(app).looked
            waits.append(max(0.0, looked + every - self.clock.monotonic()))
        return min((each for each in waits if each is not None), default=None)

    def owned(self, app: Application) -> sessions.Versions:
        """The live objects of the application, as the watches show them."""
        found = (manifest.metadata(each) for _, each in self.live.owned_by(app.owner))
        return [(str(meta["uid"]), str(meta["resourceVersion"])) for meta in found]


def _inventories(trackers: Iterable[tracker.Tracker]) -> list[tuple[str, str]]:
    """Those that are stored: an application without objects has none."""
    named = ((each.name, str(each.raw["metadata"].get("uid", ""))) for each in trackers)
    return [(name, uid) for name, uid in named if uid]
