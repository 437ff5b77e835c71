"""What policies with the scope `Application` make of an application, and telling people of it."""

from __future__ import annotations

from dataclasses import dataclass

from lateen import __version__
from lateen.api.application import Application
from lateen.api.revision import Revision
from lateen.controllers import caches
from lateen.controllers.application import identities, revise, scoping, sessions, stepping
from lateen.controllers.application.report import Report
from lateen.definitions import contexts, templates
from lateen.hub import client, clusters


@dataclass(frozen=True)
class Changer:
    """Applies such policies, once for the same inputs."""

    hub: client.Client
    caches: caches.Caches
    clusters: clusters.Clusters
    shelf: templates.Shelf
    world: stepping.World

    async def changed(
        self, app: Application, stored: list[Revision], session: sessions.Session
    ) -> scoping.Transformed:
        """The application as its policies, and global ones, leave it (semantics F12).

        Raises:
            Problem | Problems: what a policy of the application's own failed with.
        """
        latest = revise.latest_of(app, stored)
        if latest is not None and scoping.unchanged(app, latest):
            return scoping.standing(app, latest)
        policies = scoping.participants(app, self.caches)
        if not policies:
            return scoping.Transformed(app)
        inputs = scoping.inputs(app, policies)
        if session.scoped is None or session.scoped[0] != inputs:
            facts = contexts.AppFacts.of(
                app,
                controller_version=__version__,
                cluster_version=self.clusters.local_version,
            )
            runtime = self.world.templates(app, identities.of(app))
            changed = await scoping.transform(app, policies, facts, self.shelf, runtime)
            session.scoped = (inputs, changed)
        return session.scoped[1]

    async def account(self, app: Application, revision: Revision, report: Report) -> None:
        """Say what policies did to the application, and keep the details for people to read."""
        told = scoping.status(revision.scoped)
        named = scoping.config_map_name(app) if told else None
        fields = {"appliedApplicationPolicies": told, "applicationPoliciesConfigMap": named}
        if told and any(report.status.get(name) != value for name, value in fields.items()):
            await self.hub.apply(scoping.config_map(app, revision), force=True)
        for name, value in fields.items():
            if value:
                report.status[name] = value
            else:
                report.status.pop(name, None)
