"""The work queue: each key once, never twice at the same time, none lost."""

from __future__ import annotations

import logging
from collections import Counter
from datetime import UTC, datetime

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lateen.base.backoff import Backoff
from lateen.controllers import queueing


class Hands:
    """A clock that stands until it is set."""

    def __init__(self):
        self.time = 0.0

    def now(self):
        return datetime.fromtimestamp(self.time, UTC)

    def monotonic(self):
        return self.time


def taken(agenda, now=0.0):
    """All keys that are ready, each done at once."""
    keys = []
    while (key := agenda.take(now)) is not None:
        keys.append(key)
        agenda.done(key)
    return keys


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        pytest.param([("add", "a"), ("add", "b")], ["a", "b"], id="in order"),
        pytest.param([("add", "a"), ("add", "b"), ("add", "a")], ["a", "b"], id="each once"),
        pytest.param([("at", "a", 5)], [], id="not before its time"),
        pytest.param([("at", "a", 0)], ["a"], id="at its time"),
        pytest.param([("at", "a", 9), ("at", "a", 0)], ["a"], id="the earlier time counts"),
        pytest.param([("at", "a", 0), ("at", "a", 9)], ["a"], id="the later time does not"),
        pytest.param([("at", "b", -1), ("at", "a", -2)], ["a", "b"], id="by time"),
        pytest.param([("add", "a"), ("at", "a", 0)], ["a"], id="ready and due is once"),
    ],
)
def test_what_is_ready(steps, expected):
    agenda: queueing.Agenda[str] = queueing.Agenda()
    for verb, key, *moment in steps:
        if verb == "add":
            agenda.add(key)
        else:
            agenda.add_at(key, *moment)
    assert taken(agenda) == expected


def test_adding_at_once_leaves_the_time_standing():
    agenda: queueing.Agenda[str] = queueing.Agenda()
    agenda.add_at("a", 5)
    agenda.add("a")
    assert taken(agenda, 0) == ["a"]
    assert agenda.next_time() == 5
    assert taken(agenda, 5) == ["a"]
    assert agenda.next_time() == float("inf")


def test_a_key_added_during_the_work_on_it_comes_again():
    agenda: queueing.Agenda[str] = queueing.Agenda()
    agenda.add("a")
    assert agenda.take(0) == "a"
    agenda.add("a")
    agenda.add("a")
    assert agenda.take(0) is None
    agenda.done("a")
    assert taken(agenda) == ["a"]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, 4)),
        st.tuples(st.just("at"), st.integers(0, 4), st.integers(0, 10)),
        st.tuples(st.just("take")),
        st.tuples(st.just("done"), st.integers(0, 4)),
        st.tuples(st.just("tick"), st.integers(1, 5)),
    ),
    max_size=80,
)


@given(STEPS)
def test_nothing_is_doubled_and_nothing_is_lost(steps):
    agenda: queueing.Agenda[int] = queueing.Agenda()
    now = 0
    busy: list[int] = []
    owed: dict[int, int] = {}  # key -> when it must have been taken, by the latest at the end
    for verb, *values in steps:
        if verb == "add":
            agenda.add(values[0])
            owed[values[0]] = now
        elif verb == "at":
            agenda.add_at(values[0], now + values[1])
            owed[values[0]] = min(owed.get(values[0], now + values[1]), now + values[1])
        elif verb == "tick":
            now += values[0]
        elif verb == "done" and values[0] in busy:
            busy.remove(values[0])
            agenda.done(values[0])
        elif verb == "take" and (key := agenda.take(now)) is not None:
            assert key not in busy
            busy.append(key)
            assert owed.get(key, 0) <= now
            owed.pop(key, None)
    for key in busy:
        agenda.done(key)
    assert set(owed) <= set(taken(agenda, now + 11))
    assert (len(agenda), agenda.waiting, agenda.busy) == (0, 0, 0)


@pytest.mark.anyio
async def test_workers_share_the_keys_and_never_one_key():
    queue: queueing.Queue[int] = queueing.Queue()
    running: Counter[int] = Counter()
    handled: Counter[int] = Counter()
    most = 0

    async def handle(key):
        nonlocal most
        running[key] += 1
        assert running[key] == 1
        most = max(most, running.total())
        await anyio.sleep(0.001)
        running[key] -= 1
        handled[key] += 1
        if handled[key] < 5:
            queue.add(key)
        elif handled.total() == 50:
            queue.stop()

    for key in range(10):
        queue.add(key)
    with anyio.fail_after(30):
        await queue.run(handle, workers=4)
    assert handled == dict.fromkeys(range(10), 5)
    assert most == 4


@pytest.mark.anyio
async def test_what_the_handler_returns_is_when_to_look_again():
    clock = Hands()
    queue: queueing.Queue[str] = queueing.Queue(clock=clock)
    seen = []

    async def handle(key):
        seen.append((key, clock.time))
        return 30.0 if len(seen) == 1 else None

    queue.add("a")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(queue.run, handle)
        await anyio.wait_all_tasks_blocked()
        assert (seen, queue.waiting, queue.idle) == ([("a", 0.0)], 1, True)
        clock.time = 30.0
        queue.add("b")
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert sorted(seen) == [("a", 0.0), ("a", 30.0), ("b", 30.0)]
    assert queue.waiting == 0


@pytest.mark.anyio
async def test_time_passes_by_itself():
    queue: queueing.Queue[str] = queueing.Queue()

    async def handle(key):
        queue.stop()

    queue.add_after("a", 0.02)
    queue.add_after("a", 60)
    with anyio.fail_after(30):
        await queue.run(handle)
    assert queue.idle
    assert queue.waiting == 0


@pytest.mark.anyio
async def test_failures_wait_longer_each_time_and_are_forgotten_after_a_success(caplog):
    clock = Hands()
    queue: queueing.Queue[str] = queueing.Queue(
        backoff=Backoff(first=1, factor=2, ceiling=60), clock=clock
    )
    outcomes = [ValueError("one"), ValueError("two"), None]

    async def handle(key):
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome

    queue.add("a")
    counted = []
    with caplog.at_level(logging.ERROR):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(queue.run, handle)
            for moment in (0.0, 0.9, 1.0, 2.9, 3.0):
                clock.time = moment
                queue.add_after("never", 1e9)  # wakes the queue to look at the clock
                await anyio.wait_all_tasks_blocked()
                counted.append((len(outcomes), queue.failures("a")))
            tasks.cancel_scope.cancel()
    assert counted == [(2, 1), (2, 1), (1, 2), (1, 2), (0, 0)]
    assert "a failed for the 2. time, again in 2.0 s" in caplog.text


@pytest.mark.anyio
async def test_stopping_lets_what_has_begun_finish():
    queue: queueing.Queue[str] = queueing.Queue()
    finished = []

    async def handle(key):
        queue.stop()
        await anyio.sleep(0.02)
        finished.append(key)

    queue.add("a")
    queue.add("b")
    await queue.run(handle)
    assert finished == ["a"]
    assert len(queue) == 1, "what had not begun is still to be done"


@pytest.mark.anyio
async def test_a_cancelled_run_loses_nothing():
    queue: queueing.Queue[str] = queueing.Queue()

    async def hang(key):
        await anyio.sleep(60)

    queue.add("a")
    queue.add("b")
    with anyio.move_on_after(0.05):
        await queue.run(hang)
    handled = []

    async def handle(key):
        handled.append(key)
        if len(handled) == 2:
            queue.stop()

    with anyio.fail_after(30):
        await queue.run(handle, workers=2)
    assert sorted(handled) == ["a", "b"]


@pytest.mark.anyio
async def test_what_takes_long_gives_its_place_to_another():
    queue: queueing.Queue[str] = queueing.Queue()
    done: list[str] = []
    begun = anyio.Event()

    async def handle(key):
        if key == "slow":
            begun.set()
            await anyio.sleep_forever()
        done.append(key)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: queue.run(handle, workers=1, patience=0.05))
        queue.add("slow")
        await begun.wait()
        queue.add("quick")
        with anyio.fail_after(30):
            while done != ["quick"]:
                await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()
