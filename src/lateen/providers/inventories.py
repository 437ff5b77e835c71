"""Inventories of applications, from the ResourceTrackers of the control plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lateen import hub
from lateen.api import names
from lateen.api.application import Application
from lateen.api.manifest import Key
from lateen.api.tracker import Tracker
from lateen.base.problem import Problem, raise_any
from lateen.providers import queries
from lateen.providers.ports import Entry


@dataclass(frozen=True)
class Tracked:
    """`ports.Inventories` over the control plane's own client, as the control plane: authors see no
    trackers. Only names leave here; the objects are then read as the author.
    """

    client: hub.Client

    async def entries(self, app: str, namespace: str) -> Sequence[Entry]:
        """Raises: Problem: `query.application` for an application that is not there."""
        try:
            raw = await self.client.get(Key(names.GROUP, "Application", namespace, app, "v1beta1"))
            selector = f"{names.APP_NAME}={app},{names.APP_NAMESPACE}={namespace}"
            found, _ = await self.client.list(
                names.GROUP, "v1beta1", "ResourceTracker", label_selector=selector
            )
        except hub.ApiError as error:
            if error.not_found:
                message = f"there is no application {app} in namespace {namespace}"
                raise Problem("query.application", message) from error
            raise_any(error.problems())
            raise
        application = Application(raw)
        trackers = [tracker for tracker in map(Tracker, found) if tracker.belongs_to(application)]
        return queries.entries(trackers, application)
