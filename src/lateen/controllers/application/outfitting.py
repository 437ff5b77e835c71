"""What a pass delivers through: made for each pass, of what the control plane has but once."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lateen import __version__
from lateen.api import tracker
from lateen.api.application import Application
from lateen.api.revision import Revision
from lateen.controllers import caches, observing
from lateen.controllers.application import (
    deliver,
    identities,
    returning,
    scoping,
    sessions,
    stepping,
    targets,
)
from lateen.cue.engine import Engine
from lateen.definitions import contexts, loading, rendering, templates
from lateen.dispatch import applying, recording
from lateen.hub import client, clusters
from lateen.policies import treating


@dataclass(frozen=True)
class Outfitter:
    """Gives each pass its deliverer, and the ledger that what it delivers is recorded in."""

    hub: client.Client
    engine: Engine
    caches: caches.Caches
    clusters: clusters.Clusters
    live: observing.Fleet
    shelf: templates.Shelf
    world: stepping.World
    rules: rendering.Rules

    def outfit(
        self,
        app: Application,
        revision: Revision,
        session: sessions.Session,
        books: tuple[tracker.Tracker, tracker.Tracker],
        governance: treating.Governance,
    ) -> tuple[deliver.Deliverer, recording.Ledger]:
        """Args: `books` are the inventories of the run, its own and the root."""
        ledger = recording.Ledger(self.hub, *books, self.caches.observe_tracker)
        treat = governance.treatment
        identity = identities.of(app)
        dispatcher = applying.Dispatcher(self.live, ledger, app.owner, identity, treat)
        back = returning.goes_back(app, revision, self.caches.revisions(app))
        renderer = rendering.Renderer(
            self.engine,
            loading.Layered(loading.Recorded(revision.definitions), self.caches),
            self.shelf,
            runtime=self.world.templates(app, identity, goes_back=back),
            rules=self.rules,
        )
        deliverer = deliver.Deliverer(
            self.engine,
            renderer,
            self._facts(app, revision),
            targets.Fleet(dispatcher, self.live, treat),
            self.clusters,
            session.delivered,
            referred=revision.referred,
        )
        return deliverer, ledger

    def _facts(self, app: Application, revision: Revision) -> contexts.AppFacts:
        facts = contexts.AppFacts.of(
            app,
            controller_version=__version__,
            revision=revision.name,
            revision_hash=revision.hash,
            cluster_version=self.clusters.local_version,
        )
        return replace(facts, custom=scoping.custom(revision.scoped))
