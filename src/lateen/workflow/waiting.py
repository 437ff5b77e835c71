"""When to look at an unfinished step again (semantics E3, backoff).

Counters live in the memory of the process: losing them costs a few passes, nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

RETRIES = 10  # a step that fails once more than this is given up, unless a setting says otherwise
_WAIT_CEILING = 60.0
_FAILURE_CEILING = 300.0


@dataclass
class _Attempt:
    passes: int = 0  # in a row with the same message, the first not counted
    failures: int = 0  # in a row
    message: str = ""
    due: float = 0.0  # monotonic seconds


class Attempts:
    """How often each step, by its id, was tried. One for each run of an application's workflow.

    A pass that comes before a step is due, because something changed in the cluster, does not
    count: a storm of events must not use up the retries of a failing step.
    """

    def __init__(self) -> None:
        self._steps: dict[str, _Attempt] = {}

    def due(self, step: str, now: float) -> bool:
        found = self._steps.get(step)
        return found is None or now >= found.due

    def waited(self, step: str, message: str, now: float) -> None:
        """A step is not there yet."""
        self._count(step, message, now, _WAIT_CEILING).failures = 0

    def failed(self, step: str, message: str, now: float, retries: int = RETRIES) -> bool:
        """A step failed; returns whether it is to be given up."""
        attempt = self._count(step, message, now, _FAILURE_CEILING)
        attempt.failures += 1
        return attempt.failures > retries

    def _count(self, step: str, message: str, now: float, ceiling: float) -> _Attempt:
        attempt = self._steps.setdefault(step, _Attempt(message=message, due=-1.0))
        if attempt.message != message:
            attempt.message, attempt.passes = message, 0
        elif attempt.due >= 0:
            if now < attempt.due:
                return attempt
            attempt.passes += 1
        attempt.due = now + interval(attempt.passes, ceiling)
        return attempt

    def forget(self, step: str) -> None:
        self._steps.pop(step, None)

    def next(self, steps: Iterable[str], now: float) -> float | None:
        """Seconds until the first of `steps` is due; a second for one that is overdue."""
        waits = [self._steps[step].due - now for step in steps if step in self._steps]
        return max(1.0, min(waits)) if waits else None


def interval(passes: int, ceiling: float) -> float:
    """Seconds between passes over a step that was looked at `passes` times without news."""
    return min(max(float(int(0.05 * 2.0 ** min(passes, 15))), 1.0), ceiling)
