"""What is under way for one Configuration, and what becomes of it when something else is wanted.

Until anything is changed, it is given up for what is wanted by now. From then on it goes to its
end, and is asked to stop only where going on is what nobody wants any more. Pure but for the two
things it is interrupted by.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import anyio

from lateen.api.configuration import Configuration
from lateen.base import clock as clocks

QUIET: Final = timedelta(seconds=30)  # a resource that takes longer is told of every ten


class Turn:
    """One pass over a Configuration as it was when the pass began.

    `scope` is what the pass runs in; `stop` is set when what changes something is to be
    interrupted, as by Ctrl-C.
    """

    def __init__(self, declared: Configuration) -> None:
        self.scope = anyio.CancelScope()
        self.stop = anyio.Event()
        self._what = _which(declared)
        self._generation = declared.generation
        self._destroying = declared.deleting
        self._since = ""
        self._newest: Configuration | None = None
        self._heard: datetime | None = None
        self._limit: datetime | None = None
        self._usual: str | None = None

    def notice(self, found: Configuration) -> None:
        """Take in what is wanted by now."""
        if _which(found) == self._what:
            return
        self._newest = found
        if not self._since:
            self.scope.cancel()
        elif self._pointless(found):
            self.stop.set()

    async def change(self, now: datetime) -> None:
        """From here on something is changed; not, if that is not wanted any more by now."""
        await anyio.lowlevel.checkpoint()
        self._since = clocks.stamp(now)

    @property
    def part(self) -> str:
        """Of the status, where this is told."""
        newest = self._newest
        return "destroy" if self._destroying or (newest and newest.deleting) else "apply"

    def begin(self, now: datetime, limit: datetime) -> None:
        """A command is started, and will be interrupted at `limit`."""
        self._heard, self._limit = now, limit

    def heard(self, now: datetime) -> None:
        """It has said something."""
        self._heard = now

    def message(self, before: str, now: datetime) -> str:
        """What the status is to say now that says `before`; that again once there is nothing."""
        if self._usual is None:
            self._usual = before
        return self._newer or self._silence(now) or self._usual

    def _silence(self, now: datetime) -> str:
        if self._heard is None or self._limit is None or now - self._heard < QUIET:
            return ""
        since, until = clocks.stamp(self._heard), clocks.stamp(self._limit)
        return (
            f"{self._usual}\nTerraform has said nothing since {since}, as when a cloud does not "
            f"answer; it is interrupted at {until}"
        )

    @property
    def _newer(self) -> str:
        """What there is to say of something newer that waits; empty for nothing."""
        if self._newest is None:
            return ""
        way = "destroy" if self._destroying else "apply"
        what = f"the {way} of generation {self._generation}"
        if self.stop.is_set():
            wish = "destroyed" if self._newest.destroys else "let go"
            return f"It is to be {wish}: {what}, which began at {self._since}, is being interrupted"
        leaving = self._newest.deleting and not self._destroying
        newer = "Its deletion" if leaving else f"Generation {self._newest.generation}"
        return f"{newer} waits: {what} began at {self._since}, and goes to its end"

    def _pointless(self, newest: Configuration) -> bool:
        if self._destroying:
            return not newest.destroys
        return newest.deleting and (newest.destroys or newest.forced)


def _which(declared: Configuration) -> tuple[str, int]:
    return declared.uid, declared.generation
