"""What a step has sent out into the world, written down before and after (semantics E5).

A request that changes something, or a mail, must not go out twice because a pass was repeated or
the controller was killed. So it goes out only once the step itself is stored, with its id; that it
is about to is stored before, its answer after. One that was about to, and never came to an end, is
not sent again: nobody knows whether it arrived.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from lateen.base.problem import Problem
from lateen.workflow import remembering
from lateen.workflow.ports import Task

_BEGUN: Final = "begun"
_LARGE: Final = "large"
_LARGEST: Final = 64 * 1024  # characters of an answer; all of a Secret has to fit into 1 MiB


class Unready(Exception):  # noqa: N818 - nothing is wrong
    """The step has to be stored first; it is run again at once."""


class Journal:
    """Implements `providers.ports.Journal` for one run of one step, in the workflow's memory.

    An attempt ends when the step fails: what is tried again is sent again. Mail is sent once for a
    step, however often that is tried.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self._memory = task.memory
        self._id = task.record.id
        self._used = False

    def key(self, path: str, *, once: bool) -> str:
        """What the action at `path` is written down under."""
        return remembering.key(self._id, "sent", *([] if once else [str(self._attempt)]), path)

    async def begin(self, key: str) -> Mapping[str, Any] | None:
        """See `providers.ports.Journal`.

        Raises:
            Unready: the step is not stored yet.
            Problem: `provider.interrupted`.
        """
        noted = self._memory.private(key)
        if noted == _BEGUN or (noted == _LARGE and key not in self._memory.answers):
            raise Problem(
                "provider.interrupted",
                "the controller was stopped while this was sent: it may have arrived or not",
                hint="find out, then `lateen workflow restart` sends it again",
            )
        self._used = True
        if noted:
            found: Mapping[str, Any] = self._memory.answers.get(key) or orjson.loads(noted)
            return found
        ready = f"{self._id}.stored"
        if not self._memory.value(ready):
            # with it the memory is stored, then the status, that has the id and knows the memory
            self._memory.keep(ready, "true")
            raise Unready
        self._memory.keep_private(key, _BEGUN)
        await self._store()
        return None

    async def end(self, key: str, result: Mapping[str, Any]) -> None:
        """See `providers.ports.Journal`. A very large answer is kept by this process only."""
        noted = orjson.dumps(result).decode()
        self._memory.answers[key] = result
        self._memory.keep_private(key, noted if len(noted) <= _LARGEST else _LARGE)
        await self._store()

    def abandon(self, key: str) -> None:
        """It has failed, and is known to have: it may be sent again."""
        if self._memory.private(key) == _BEGUN:
            self._memory.keep_private(key, "")

    def fail(self) -> None:
        """The attempt is over."""
        if self._used:
            self._memory.keep(f"{self._id}.attempt", str(self._attempt + 1))

    @property
    def _attempt(self) -> int:
        return int(self._memory.value(f"{self._id}.attempt") or 0)

    async def _store(self) -> None:
        if self._task.tools.store is not None:
            await self._task.tools.store()
