"""`lateen top` shows what programs write."""

from __future__ import annotations

import anyio
import pytest
from textual.widgets import RichLog

from tests.e2e import planes, tops
from tests.e2e.planes import EXAMPLES, Plane


@pytest.mark.anyio
async def test_logs_are_followed(plane: Plane, namespace: str) -> None:
    await anyio.to_thread.run_sync(
        lambda: plane.run("up", "-f", EXAMPLES / "hello.yaml", "-n", namespace)
    )
    async with tops.opened(plane, namespace) as (look, pilot):
        assert look.ready(look.applications()[0])[1] >= 1
        await pilot.press("l")
        while not pilot.app.screen.query(RichLog):
            await pilot.pause(0.1)
        # the address is asked, as every request is logged
        [url] = (await anyio.to_thread.run_sync(plane.urls, "hello", namespace))[:1]
        await anyio.to_thread.run_sync(planes.fetch, url)
        log = pilot.app.screen.query_one(RichLog)
        while not any("GET" in line.text for line in log.lines):
            await pilot.pause(0.1)
