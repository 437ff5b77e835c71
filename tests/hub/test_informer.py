"""An informer's store and its calls, whatever order things arrive in."""

from __future__ import annotations

import logging
from collections import Counter
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


async def test_what_is_observed_while_a_list_is_on_its_way_outlives_it():
    asked, gate = anyio.Event(), anyio.Event()

    async def late(request):
        asked.set()
        await gate.wait()
        return await servers.listing(20)(request)

    async with following(servers.listing(10), servers.refuses(410, "Expired"), late, OPEN) as (
        informer,
        changes,
        script,
    ):
        await asked.wait()
        informer.observe(seen(25))
        gate.set()
        await until(lambda: len(script.requests) == 4)
        assert versions(informer) == {"a": 25}
        assert changes == [(None, 25)]


async def test_a_watch_that_the_server_ends_goes_on_without_a_list():
    async with following(
        servers.listing(10),
        servers.streams(servers.event("BOOKMARK", "", 15)),
        servers.streams(servers.event("ADDED", "a", 16), then="open"),
    ) as (informer, _, script):
        await until(lambda: informer.count)
        assert ["watch" in each.query for each in script.requests] == [False, True, True]
        assert script.requests[2].query["resourceVersion"] == "15"


@pytest.mark.parametrize(
    ("answer", "there", "noticed"),
    [
        pytest.param(
            servers.listing(15, servers.config_map("a", 3), servers.config_map("b", 9)),
            {"a": 3, "b": 9},
            True,
            id="it knows less than it has told",
        ),
        pytest.param(
            servers.listing(15),
            {},
            True,
            id="nothing is left",
        ),
        pytest.param(
            servers.listing(99, servers.config_map("a", 3), servers.config_map("c", 50)),
            {"a": 3, "c": 50},
            True,
            id="much was written since, but not to what had changed",
        ),
        pytest.param(
            servers.listing(99, servers.config_map("a", 18), servers.config_map("b", 9)),
            {"a": 18, "b": 9},
            True,
            id="much was written since, but not to what had been deleted",
        ),
        pytest.param(
            servers.listing(99, servers.config_map("a", 18), servers.config_map("c", 19)),
            {"a": 18, "c": 19},
            False,
            id="nothing has happened",
        ),
        pytest.param(
            servers.listing(99, servers.config_map("a", 40), servers.config_map("d", 50)),
            {"a": 40, "d": 50},
            False,
            id="one changed, one was made, one was deleted",
        ),
    ],
)
async def test_a_server_that_went_back_in_time_is_believed(answer, there, noticed):
    """Restored from a backup: what is there then is what is, and who wants to know is told."""
    watch = servers.streams(
        servers.event("MODIFIED", "a", 18),
        servers.event("DELETED", "b", 17),
        servers.event("ADDED", "c", 19),
        servers.event("BOOKMARK", "", 20),
        then="cut",
    )
    beginning = servers.listing(10, servers.config_map("a", 3), servers.config_map("b", 9))
    told = []
    async with following(beginning, watch, answer, OPEN) as (informer, changes, script):
        informer._client.connection.on_restored = lambda: told.append(1)
        await until(lambda: len(script.requests) == 4)
        assert versions(informer) == there
        assert bool(told) is noticed
        told_of = Counter(new for _, new in changes)
        told_of.subtract(old for old, _ in changes)
        assert {each for each, times in told_of.items() if each and times} == set(there.values())
        assert all(old != new for old, new in changes), "what stays as it was is no news"


async def test_who_went_back_in_time_may_make_anew_what_had_been_deleted():
    watch = servers.streams(servers.event("DELETED", "a", 18), then="cut")
    async with following(
        servers.listing(10, servers.config_map("a", 3)), watch, servers.listing(5), OPEN
    ) as (informer, _, script):
        await until(lambda: len(script.requests) == 4)
        informer.observe(seen(7))
        assert versions(informer) == {"a": 7}


async def test_a_revision_that_only_an_answer_had_is_no_sign_of_another_time():
    """k3s answers who makes again what was deleted with a revision that it does not have."""
    watch = servers.streams(
        servers.event("ADDED", "a", 12), servers.event("ADDED", "z", 20), then="cut"
    )
    gate, told = anyio.Event(), []

    async def late(request):
        await gate.wait()
        return await watch(request)

    async with following(
        servers.listing(10), late, servers.listing(20, servers.config_map("a", 12)), OPEN
    ) as (informer, _, script):
        informer._client.connection.on_restored = lambda: told.append(1)
        informer.observe(seen(14))
        gate.set()
        await until(lambda: len(script.requests) == 4)
        assert (versions(informer), told) == ({"a": 12}, [])


async def test_a_watch_that_is_lost_at_once_is_not_asked_for_without_a_pause(caplog):
    """Though the list goes well each time."""
    script = servers.Script(servers.listing(10))

    async def answer(request):
        watched = "watch" in request.query
        return await (servers.refuses(403, "Forbidden") if watched else servers.listing(10))(
            request
        )

    script.answers = [answer]
    async with servers.client_of(script) as client, anyio.create_task_group() as tasks:
        informer = hub.Informer(client, "", "v1", "ConfigMap")
        began = anyio.current_time()
        tasks.start_soon(informer.run)
        await until(lambda: len(script.requests) >= 8)
        tasks.cancel_scope.cancel()
    assert anyio.current_time() - began > 1  # 0.2, 0.4 and 0.8 seconds, a quarter less at the least
    assert len(caplog.records) == 1


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
