"""An informer's store and its calls, whatever order things arrive in."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager

import anyio
import pytest

from lateen import hub
from tests.hub import servers

pytestmark = pytest.mark.anyio

OPEN = servers.streams(then="open")


def seen(version, name="a", **labels):
    """As a caller has it back from a write."""
    found = servers.config_map(name, version)
    found["metadata"]["labels"] = labels
    return {"apiVersion": "v1", "kind": "ConfigMap", **found}


def versions(informer):
    return {m["metadata"]["name"]: int(m["metadata"]["resourceVersion"]) for m in informer.list()}


def short(manifest):
    return manifest and int(manifest["metadata"]["resourceVersion"])


async def until(condition):
    with anyio.fail_after(30):
        while not condition():
            await anyio.sleep(0.01)


@asynccontextmanager
async def following(*answers, **options):
    script = servers.Script(*answers)
    changes = []
    async with servers.client_of(script) as client, anyio.create_task_group() as tasks:
        informer = hub.Informer(client, "", "v1", "ConfigMap", **options)
        informer.on_change(lambda old, new: changes.append((short(old), short(new))))
        tasks.start_soon(informer.run)
        with anyio.fail_after(30):
            await informer.wait_synced()
        yield informer, changes, script
        tasks.cancel_scope.cancel()


async def test_it_lists_and_then_follows():
    watch = servers.streams(
        servers.event("MODIFIED", "a", 11),
        servers.event("ADDED", "b", 12),
        servers.event("DELETED", "a", 13),
        then="open",
    )
    async with following(servers.listing(10, servers.config_map("a", 3)), watch) as (
        informer,
        changes,
        script,
    ):
        await until(lambda: len(changes) == 4)
        assert changes == [(None, 3), (3, 11), (None, 12), (11, None)]
        assert versions(informer) == {"b": 12}
        assert informer.get("ns", "b")["kind"] == "ConfigMap"
        assert informer.get("ns", "a") is None
        assert script.requests[1].query["resourceVersion"] == "10"


async def test_long_lists_come_in_pages():
    async with following(
        servers.listing(10, servers.config_map("a", 3), more="next"),
        servers.listing(10, servers.config_map("b", 4)),
        OPEN,
    ) as (informer, _, script):
        assert versions(informer) == {"a": 3, "b": 4}
        assert script.requests[1].query["continue"] == "next"


async def test_a_page_that_is_compacted_away_begins_the_list_anew():
    async with following(
        servers.listing(10, servers.config_map("a", 3), more="next"),
        servers.refuses(410, "Expired"),
        servers.listing(20, servers.config_map("b", 15)),
        OPEN,
    ) as (informer, _, script):
        assert versions(informer) == {"b": 15}
        assert "limit" not in script.requests[2].query


async def test_after_a_gap_what_vanished_is_deleted():
    async with following(
        servers.listing(10, servers.config_map("a", 3), servers.config_map("b", 4)),
        servers.refuses(410, "Expired"),
        servers.listing(20, servers.config_map("b", 15)),
        OPEN,
    ) as (informer, changes, _):
        await until(lambda: len(changes) == 4)
        assert versions(informer) == {"b": 15}
        assert changes[2:] == [(4, 15), (3, None)]


async def test_what_was_observed_after_the_list_was_made_outlives_it():
    gate = anyio.Event()

    async def late(request):
        await gate.wait()
        return await servers.refuses(410, "Expired")(request)

    async with following(servers.listing(10), late, servers.listing(20), OPEN) as (
        informer,
        changes,
        script,
    ):
        informer.observe(seen(25))
        gate.set()
        await until(lambda: len(script.requests) == 4)
        assert versions(informer) == {"a": 25}
        assert changes == [(None, 25)]


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        pytest.param(12, 12, id="newer wins"),
        pytest.param(3, 10, id="older is ignored"),
        pytest.param(10, 10, id="the same is nothing new"),
    ],
)
async def test_observing_what_was_written(observed, expected):
    async with following(servers.listing(10, servers.config_map("a", 10)), OPEN) as (
        informer,
        changes,
        _,
    ):
        informer.observe(seen(observed))
        assert versions(informer) == {"a": expected}
        assert changes == [(None, 10)] + ([(10, 12)] if expected == 12 else [])


async def test_an_old_event_does_not_undo_what_was_observed():
    gate = anyio.Event()

    async def late(request):
        await gate.wait()
        return await servers.streams(
            servers.event("MODIFIED", "a", 11),
            servers.event("DELETED", "a", 12),
            servers.event("ADDED", "z", 40),
            then="open",
        )(request)

    async with following(servers.listing(10, servers.config_map("a", 10)), late) as (
        informer,
        _,
        _script,
    ):
        informer.observe(seen(30))  # deleted at 12, made anew at 30
        gate.set()
        await until(lambda: informer.get("ns", "z"))
        assert versions(informer) == {"a": 30, "z": 40}


async def test_a_late_observation_does_not_bring_back_the_deleted():
    watch = servers.streams(servers.event("DELETED", "a", 12), then="open")
    async with following(servers.listing(10, servers.config_map("a", 10)), watch) as (
        informer,
        changes,
        _,
    ):
        await until(lambda: len(changes) == 2)
        informer.observe(seen(11))
        assert versions(informer) == {}
        informer.observe(seen(13))
        assert versions(informer) == {"a": 13}


async def test_only_what_is_selected_is_observed():
    async with following(servers.listing(10), OPEN, namespace="ns", label_selector="app=web") as (
        informer,
        _,
        script,
    ):
        informer.observe(seen(11, "other", app="db"))
        informer.observe(seen(12, "mine", app="web"))
        assert versions(informer) == {"mine": 12}
        assert script.requests[0].path == "/api/v1/namespaces/ns/configmaps"
        assert script.requests[0].query["labelSelector"] == "app=web"


async def test_finding_by_index():
    async with following(
        servers.listing(
            10, servers.config_map("a", 1, owner="x"), servers.config_map("b", 2, owner="x")
        ),
        OPEN,
        index=lambda manifest: [manifest["data"].get("owner")],
    ) as (informer, _, _script):
        assert [m["metadata"]["name"] for m in informer.by_index("x")] == ["a", "b"]
        informer.observe({**seen(11), "data": {"owner": "y"}})
        assert [m["metadata"]["name"] for m in informer.by_index("x")] == ["b"]
        assert [m["metadata"]["name"] for m in informer.by_index("y")] == ["a"]
        assert informer.by_index("z") == []


async def test_what_nobody_reads_is_not_kept():
    fat = servers.config_map("a", 1)
    fat["metadata"]["managedFields"] = [{"manager": "kubectl"}]
    fat["metadata"]["annotations"] = {
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        "mine": "stays",
    }
    async with following(servers.listing(10, fat), OPEN) as (informer, _, _script):
        kept = informer.get("ns", "a")["metadata"]
        assert "managedFields" not in kept
        assert kept["annotations"] == {"mine": "stays"}


async def test_a_failing_server_is_asked_again_and_named_once(caplog):
    caplog.set_level(logging.WARNING)
    refusal = servers.refuses(403, "Forbidden", "you may not list configmaps")
    async with following(
        refusal, refusal, servers.listing(10, servers.config_map("a", 3)), OPEN
    ) as (informer, _, _script):
        assert versions(informer) == {"a": 3}
        assert informer.error is None
    [record] = caplog.records
    assert "you may not list configmaps" in record.getMessage()
