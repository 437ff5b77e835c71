"""`lateen top` shows what programs write."""

from __future__ import annotations

import anyio
import pytest
from textual.widgets import DataTable, RichLog

from lateen import hub
from lateen.cli import beholding, lookout
from tests.e2e.planes import EXAMPLES, Plane


@pytest.mark.anyio
async def test_logs_are_followed(plane: Plane, namespace: str) -> None:
    await anyio.to_thread.run_sync(
        lambda: plane.run("up", "-f", EXAMPLES / "hello.yaml", "-n", namespace)
    )
    async with (
        hub.connect(plane.directory.kubeconfig()) as client,
        anyio.create_task_group() as tasks,
    ):
        look = lookout.Lookout(client, tasks, namespace)
        await look.start()
        async with beholding.Top(look).run_test(size=(140, 40)) as pilot:
            with anyio.fail_after(30):
                while not pilot.app.screen.query_one(DataTable).row_count:
                    await pilot.pause(0.1)
                assert look.ready(look.applications()[0])[1] >= 1
                await pilot.press("l")
                while not pilot.app.screen.query(RichLog):
                    await pilot.pause(0.1)
                # the address is asked, as every request is logged
                [url] = (await anyio.to_thread.run_sync(plane.urls, "hello", namespace))[:1]
                await anyio.to_thread.run_sync(_ask, url)
                log = pilot.app.screen.query_one(RichLog)
                while not any("GET" in line.text for line in log.lines):
                    await pilot.pause(0.1)
        tasks.cancel_scope.cancel()


def _ask(url: str) -> None:
    from tests.e2e import planes

    planes.fetch(url)
