"""What passes write into stored revisions: how far their runs came, and which are put aside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lateen.api import returns
from lateen.api.application import Application
from lateen.api.revision import Revision
from lateen.controllers import caches
from lateen.controllers.application import closing, returning
from lateen.hub import client
from lateen.workflow.remembering import Memory


@dataclass(frozen=True)
class Chronicle:
    """The stored revisions; what is written shows in the caches at once."""

    hub: client.Client
    caches: caches.Caches

    async def close(
        self, revision: Revision, workflow: Mapping[str, Any], memory: Memory | None
    ) -> None:
        """Note how the run of a revision ended, where it is over."""
        await self._write(revision, closing.ended(revision, workflow, memory))

    async def supersede(self, app: Application) -> None:
        """Note how far the run has come that another one takes the place of (semantics C5)."""
        old = closing.left_behind(app, self.caches.revisions(app))
        if old is not None:
            workflow = app.status.get("workflow") or {}
            await self._write(old, closing.superseded(old, workflow))

    async def mark(
        self, app: Application, revision: Revision, mark: returns.Quarantine | None
    ) -> Revision:
        """Quarantine a revision, or end that."""
        stored = await returning.put_aside(app, revision, mark, self.hub)
        self.caches.observe_revision(stored)
        return Revision(stored)

    async def _write(self, revision: Revision, ending: Mapping[str, Any] | None) -> None:
        if stored := await closing.write(revision, ending, self.hub):
            self.caches.observe_revision(stored)
