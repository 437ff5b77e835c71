"""A watch survives what happens to its connection."""

from __future__ import annotations

import time
from contextlib import aclosing

import anyio
import pytest

from lateen import hub
from tests.hub import servers

pytestmark = pytest.mark.anyio


async def take(client, count, version="1"):
    found = []
    with anyio.fail_after(30):
        async with aclosing(
            client.watch("", "v1", "ConfigMap", resource_version=version)
        ) as events:
            async for kind, manifest in events:
                assert (manifest["apiVersion"], manifest["kind"]) == ("v1", "ConfigMap")
                found.append((kind, manifest["metadata"]["name"]))
                if len(found) == count:
                    break
    return found


def positions(script):
    return [request.query["resourceVersion"] for request in script.requests]


@pytest.mark.parametrize("then", ["end", "cut"])
async def test_it_goes_on_where_it_was(then):
    script = servers.Script(
        servers.streams(servers.event("ADDED", "a", 5), then=then),
        servers.streams(servers.event("DELETED", "a", 9), then="open"),
    )
    async with servers.client_of(script) as client:
        assert await take(client, 2) == [("ADDED", "a"), ("DELETED", "a")]
        assert client.counts[("watch", "configmaps")] == 2
    assert positions(script) == ["1", "5"]


async def test_a_bookmark_moves_the_place_to_go_on_from():
    script = servers.Script(
        servers.streams(servers.event("BOOKMARK", "", 70), then="cut"),
        servers.streams(servers.event("ADDED", "a", 71), then="open"),
    )
    async with servers.client_of(script) as client:
        assert await take(client, 1) == [("ADDED", "a")]
    assert positions(script) == ["1", "70"]


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(servers.drops, id="no answer"),
        pytest.param(servers.refuses(500, "InternalError"), id="500"),
        pytest.param(servers.refuses(429, "TooManyRequests"), id="429"),
        pytest.param(
            servers.streams({"type": "ERROR", "object": {"code": 500, "message": "etcd"}}),
            id="an error event",
        ),
    ],
)
async def test_it_tries_again_after(failure):
    script = servers.Script(failure, servers.streams(servers.event("ADDED", "a", 5), then="open"))
    async with servers.client_of(script) as client:
        assert await take(client, 1) == [("ADDED", "a")]
    assert positions(script) == ["1", "1"]


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        pytest.param(servers.refuses(410, "Expired"), 410, id="410 at once"),
        pytest.param(
            servers.streams({"type": "ERROR", "object": {"code": 410, "reason": "Expired"}}),
            410,
            id="410 in the stream",
        ),
        pytest.param(servers.refuses(403, "Forbidden"), 403, id="403 does not heal by waiting"),
    ],
)
async def test_it_gives_up_on(failure, status):
    script = servers.Script(failure)
    async with servers.client_of(script) as client:
        with pytest.raises(hub.ApiError) as caught:
            await take(client, 1)
    assert caught.value.status == status
    assert caught.value.gone is (status == 410)
    assert len(script.requests) == 1


async def test_a_server_that_ends_every_watch_is_not_asked_without_a_pause():
    script = servers.Script(servers.streams())
    async with servers.client_of(script) as client:
        began = time.monotonic()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(take, client, 1)
            with anyio.fail_after(30):
                while len(script.requests) < 4:
                    await anyio.sleep(0.01)
            tasks.cancel_scope.cancel()
    # three pauses of 0.2, 0.4 and 0.8 s, a quarter less at the least
    assert time.monotonic() - began > 1


async def test_an_event_larger_than_any_buffer():
    large = servers.event("ADDED", "a", 5, text="x" * 3_000_000)
    script = servers.Script(servers.streams(large, then="open"))
    async with servers.client_of(script) as client:
        assert await take(client, 1) == [("ADDED", "a")]


async def test_leaving_it_closes_the_connection():
    script = servers.Script(servers.streams(servers.event("ADDED", "a", 5), then="open"))
    async with servers.client_of(script) as client:
        await take(client, 1)
        with anyio.fail_after(30):
            while not script.ended:
                await anyio.sleep(0.01)
