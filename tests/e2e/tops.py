"""`lateen top` on a control plane."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from textual.pilot import Pilot
from textual.widgets import DataTable

from lateen import hub
from lateen.cli import beholding, lookout
from lateen.cli.lookout import Lookout
from tests.e2e.planes import Plane


@asynccontextmanager
async def opened(plane: Plane, namespace: str) -> AsyncIterator[tuple[Lookout, Pilot[Any]]]:
    """It shows an application; all that follows has a minute and a half."""
    async with (
        hub.connect(plane.directory.kubeconfig()) as client,
        anyio.create_task_group() as tasks,
    ):
        look = lookout.Lookout(client, tasks, namespace)
        await look.start()
        async with beholding.Top(look).run_test(size=(140, 40)) as pilot:
            with anyio.fail_after(90):
                while not pilot.app.screen.query_one(DataTable).row_count:
                    await pilot.pause(0.1)
                yield look, pilot
        tasks.cancel_scope.cancel()
