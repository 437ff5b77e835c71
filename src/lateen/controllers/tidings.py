"""Looks from time to time whether what applications were rendered from has changed elsewhere.

A source that moves (a branch, a range of versions), or values kept in an object, lead to a new run
of the workflow without a new revision: the text of the application is the same, what it stands for
is not.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import anyio

from lateen.base import hashing
from lateen.base.clock import Clock
from lateen.base.problem import Problem, Problems
from lateen.hub.errors import ApiError

_LOG: Final = logging.getLogger(__name__)
_SHORTEST: Final = 1.0  # seconds between two looks at one source
_LOOKS: Final = 8  # under way at once
_IDLE: Final = 3600.0

Look = Callable[[], Awaitable[str]]
Whose = tuple[str, str]  # namespace and name of an application


@dataclass
class _Watched:
    token: str  # as it was rendered
    interval: float
    look: Look
    due: float
    found: str = ""  # as it was last seen, where that is something else


@dataclass
class _Followed:
    """What is followed for one application. `told`: what a run has been started for."""

    watched: dict[str, _Watched] = field(default_factory=dict)
    begun: bool = False  # a run has begun: everything is to be resolved anew
    taken: set[str] = field(default_factory=set)  # and these have been
    told: str = ""

    @property
    def news(self) -> str:
        """A digest of everything that is otherwise than it was rendered; empty for nothing."""
        found = {name: each.found for name, each in self.watched.items() if each.found}
        return hashing.digest(found, 32) if found else ""


class Tidings:
    """What is followed, for all applications; `changed` hears of whom there is news."""

    def __init__(self, clock: Clock, changed: Callable[[str, str], None]) -> None:
        self._clock = clock
        self._changed = changed
        self._followed: dict[Whose, _Followed] = {}
        self._wake = anyio.Event()

    def of(self, namespace: str, name: str) -> News:
        """What the actions of one application's templates are given."""
        return News(self, (namespace, name))

    def begin(self, namespace: str, name: str) -> None:
        """A run of the workflow begins: it takes everything as it is now."""
        followed = self._followed.setdefault((namespace, name), _Followed())
        followed.begun = True
        followed.taken.clear()

    def news(self, namespace: str, name: str) -> str:
        """What no run has been started for yet; empty for nothing. It is told once."""
        followed = self._followed.get((namespace, name))
        if followed is None or not followed.news or followed.news == followed.told:
            return ""
        followed.told = followed.news
        return followed.news

    def waiting(self, namespace: str, name: str) -> bool:
        """Whether there is something to be told."""
        followed = self._followed.get((namespace, name))
        return followed is not None and followed.news not in ("", followed.told)

    def forget(self, namespace: str, name: str) -> None:
        self._followed.pop((namespace, name), None)

    def refresh(self, namespace: str, name: str) -> None:
        """Look now, whenever the next look would have been."""
        followed = self._followed.get((namespace, name))
        for each in followed.watched.values() if followed else ():
            each.due = self._clock.monotonic()
        self._wake.set()

    async def run(self) -> None:
        """Look at what is due, until cancelled."""
        limit = anyio.CapacityLimiter(_LOOKS)
        while True:
            self._wake = anyio.Event()
            now = self._clock.monotonic()
            async with anyio.create_task_group() as tasks:
                for whose, followed in list(self._followed.items()):
                    for watched in list(followed.watched.values()):
                        if watched.due <= now:
                            watched.due = now + watched.interval
                            tasks.start_soon(self._look, whose, watched, limit)
            every = [each.due for f in self._followed.values() for each in f.watched.values()]
            pause = min(every, default=now + _IDLE) - self._clock.monotonic()
            with anyio.move_on_after(max(pause, 0.05)):
                await self._wake.wait()

    async def _look(self, whose: Whose, watched: _Watched, limit: anyio.CapacityLimiter) -> None:
        async with limit:
            try:
                seen = await watched.look()
            except (Problem, Problems, ApiError) as error:
                # what is delivered stands; when it is there again, the next look tells
                _LOG.info("application %s/%s: %s", *whose, error)
                return
        found = seen if seen != watched.token else ""
        if found != watched.found:
            watched.found = found
            if found:
                self._changed(*whose)

    def follow(self, whose: Whose, name: str, token: str, interval: float, look: Look) -> None:
        followed = self._followed.setdefault(whose, _Followed())
        interval = max(interval, _SHORTEST)
        due = self._clock.monotonic() + interval
        followed.watched[name] = _Watched(token, interval, look, due)
        self._wake.set()

    def pending(self, whose: Whose, name: str) -> bool:
        followed = self._followed.get(whose)
        if followed is None:
            return False
        watched = followed.watched.get(name)
        new = watched is not None and bool(watched.found)
        return new or (followed.begun and name not in followed.taken)

    def take(self, whose: Whose, name: str) -> None:
        if followed := self._followed.get(whose):
            followed.taken.add(name)
            for each in (name, f"{name} values"):
                followed.watched.pop(each, None)
            if not followed.news:
                followed.told = ""


@dataclass(frozen=True)
class News:
    """Implements `providers.ports.News` for one application."""

    tidings: Tidings
    whose: Whose

    def follow(self, component: str, token: str, interval: float, look: Look) -> None:
        self.tidings.follow(self.whose, component, token, interval, look)

    def pending(self, component: str) -> bool:
        return self.tidings.pending(self.whose, component)

    def taken(self, component: str) -> None:
        self.tidings.take(self.whose, component)
