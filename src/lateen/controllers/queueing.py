"""A queue of keys to look at: each once, never twice at the same time, none lost.

`Agenda` decides and knows no event loop: what is ready, what waits for its time, what is being
worked on. `Queue` runs workers over it. The model is client-go's work queue.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import math
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

import anyio

from lateen.base import loglines
from lateen.base.backoff import Backoff
from lateen.base.clock import Clock, SystemClock

_LOG = logging.getLogger(__name__)

K = TypeVar("K", bound=Hashable)
Handler = Callable[[K], Awaitable[float | None]]


class Agenda(Generic[K]):
    """Which key is next. Times are seconds of one monotonic clock.

    A key added while it is being worked on is ready again once that work is done, so the change
    that came in between is seen. A key waits for at most one time, the earliest asked for; adding
    it at once leaves that time standing, for what was to happen then may still have to.
    """

    def __init__(self) -> None:
        self._ready: deque[K] = deque()
        self._dirty: set[K] = set()  # to be worked on: in `_ready`, or again after the work
        self._busy: set[K] = set()
        self._due: dict[K, float] = {}
        self._times: list[tuple[float, int, K]] = []  # heap; entries not in `_due` are stale
        self._order = 0  # of equal times, and keeps the heap from comparing keys

    def __len__(self) -> int:
        """Keys that are ready or will be when the work on them ends."""
        return len(self._dirty)

    @property
    def waiting(self) -> int:
        return len(self._due)

    @property
    def busy(self) -> int:
        return len(self._busy)

    def add(self, key: K) -> None:
        if key in self._dirty:
            return
        self._dirty.add(key)
        if key not in self._busy:
            self._ready.append(key)

    def add_at(self, key: K, moment: float) -> None:
        if self._due.get(key, math.inf) <= moment:
            return
        self._due[key] = moment
        self._order += 1
        heapq.heappush(self._times, (moment, self._order, key))

    def take(self, now: float) -> K | None:
        """The next key, which is then being worked on until `done`; None when none is ready."""
        while self._times and self._times[0][0] <= now:
            moment, _, key = heapq.heappop(self._times)
            if self._due.get(key) == moment:
                del self._due[key]
                self.add(key)
        if not self._ready:
            return None
        key = self._ready.popleft()
        self._dirty.discard(key)
        self._busy.add(key)
        return key

    def done(self, key: K) -> None:
        self._busy.discard(key)
        if key in self._dirty:
            self._ready.append(key)

    def next_time(self) -> float:
        """When the next waiting key becomes ready; infinity when none waits."""
        while self._times and self._due.get(self._times[0][2]) != self._times[0][0]:
            heapq.heappop(self._times)
        return self._times[0][0] if self._times else math.inf


class Queue(Generic[K]):
    """Runs a handler over keys. Use it from one event loop.

    What the handler returns is when to look again, in seconds (None: not until something is
    added). What it raises is logged, and the key comes again after a wait that grows with each
    failure in a row.
    """

    def __init__(
        self,
        *,
        backoff: Backoff | None = None,
        clock: Clock | None = None,
        about: Callable[[K], dict[str, str]] = lambda key: {},
    ) -> None:
        """`about` says in fields what a key stands for, for the log."""
        self._agenda: Agenda[K] = Agenda()
        self._about = about
        self._backoff = backoff or Backoff(first=0.2, factor=2.0, ceiling=60.0)
        self._clock = clock or SystemClock()
        self._failures: dict[K, int] = {}
        self._changed = anyio.Event()
        self._rest = anyio.Event()
        self._stopping = False
        self._moved = self._clock.monotonic()

    def __len__(self) -> int:
        return len(self._agenda)

    @property
    def waiting(self) -> int:
        """Keys that wait for their time."""
        return self._agenda.waiting

    @property
    def busy(self) -> int:
        """Keys that are being worked on."""
        return self._agenda.busy

    @property
    def stalled(self) -> float:
        """For how many seconds keys have been ready and none was begun or done; 0 if none is."""
        return self._clock.monotonic() - self._moved if len(self._agenda) else 0.0

    @property
    def idle(self) -> bool:
        """Nothing is ready or being worked on; keys may wait for their time."""
        return not len(self._agenda) and not self._agenda.busy

    async def wait_idle(self) -> None:
        """Wait until it is `idle`; returns at once when it is."""
        while not self.idle:
            self._rest = anyio.Event()
            await self._rest.wait()

    def add(self, key: K) -> None:
        """Look at a key as soon as a worker is free."""
        if not len(self._agenda):
            self._moved = self._clock.monotonic()
        self._agenda.add(key)
        self._changed.set()

    def add_after(self, key: K, seconds: float) -> None:
        """Look at a key in a while; the earliest time asked for counts."""
        if seconds <= 0:
            self.add(key)
            return
        self._agenda.add_at(key, self._clock.monotonic() + seconds)
        self._changed.set()

    def failures(self, key: K) -> int:
        """How often in a row the handler has failed on a key."""
        return self._failures.get(key, 0)

    def stop(self) -> None:
        """Begin nothing new; `run` returns when what has begun is done."""
        self._stopping = True
        self._changed.set()

    async def run(
        self, handler: Handler[K], workers: int = 1, *, patience: float = math.inf
    ) -> None:
        """Handle keys, up to `workers` at once, until `stop`.

        Work that takes longer than `patience` seconds goes on, and gives its place to another: what
        waits for a slow cluster must not keep everything else waiting.

        Cancelled, it leaves a key that was being worked on ready, for a later run.
        """
        self._stopping = False
        free = anyio.Semaphore(workers)
        async with anyio.create_task_group() as tasks:
            while True:
                await free.acquire()
                key = await self._next()
                if key is None:
                    return
                place = _Place(free, patience)
                tasks.start_soon(self._handle, handler, key, place, name=f"handle {key}")

    async def _next(self) -> K | None:
        while not self._stopping:
            now = self._clock.monotonic()
            key = self._agenda.take(now)
            if key is not None:
                self._moved = now
                return key
            self._changed = anyio.Event()
            with anyio.move_on_after(self._agenda.next_time() - now):
                await self._changed.wait()
        return None

    async def _handle(self, handler: Handler[K], key: K, place: _Place) -> None:
        try:
            again = await handler(key)
        except Exception:  # whatever it is, one key must not stop the others
            failures = self._failures[key] = self.failures(key) + 1
            again = self._backoff.delay(failures)
            about = loglines.about(**self._about(key))
            said = "%s failed for the %d. time, again in %.1f s"
            _LOG.exception(said, key, failures, again, extra=about)
        except BaseException:  # cancelled: not done yet
            self._agenda.add(key)
            raise
        else:
            self._failures.pop(key, None)
        finally:
            self._agenda.done(key)
            self._moved = self._clock.monotonic()
            self._changed.set()
            self._rest.set()
            place.leave()
        if again is not None:
            self.add_after(key, again)


class _Place:
    """One of the places of those who work; left when the work ends, or takes too long."""

    def __init__(self, free: anyio.Semaphore, patience: float) -> None:
        self._free: anyio.Semaphore | None = free
        loop = asyncio.get_running_loop()
        self._timer = None if patience == math.inf else loop.call_later(patience, self.leave)

    def leave(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._free is not None:
            self._free.release()
            self._free = None
