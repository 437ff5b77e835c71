"""What is under way for one Configuration, and what becomes of it when something else is wanted.

Until anything is changed, it is given up for what is wanted by now. From then on it goes to its
end, and is asked to stop only where going on is what nobody wants any more.
"""

from __future__ import annotations

from datetime import datetime

import anyio

from lateen.api.configuration import Configuration
from lateen.base import clock as clocks


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
        """Of the status, where that is told."""
        return "destroy" if self._newest is not None and self._newest.deleting else "apply"

    @property
    def said(self) -> str:
        """What there is to say of something newer that waits; empty for nothing."""
        if self._newest is None:
            return ""
        newer = f"generation {self._newest.generation}"
        if self._destroying:
            under_way = f"what is there has been destroyed since {self._since}"
        else:
            under_way = f"generation {self._generation} has been applied since {self._since}"
        if self.stop.is_set():
            wish = "it is to be destroyed" if self._newest.destroys else "it is to be let go"
            return f"{wish}: {under_way}, which is being interrupted"
        if self._newest.deleting and not self._destroying:
            newer = "its deletion"
        return f"{newer} waits: {under_way}, and is not interrupted"

    def _pointless(self, newest: Configuration) -> bool:
        if self._destroying:
            return not newest.destroys
        return newest.deleting and (newest.destroys or newest.forced)


def _which(declared: Configuration) -> tuple[str, int]:
    return declared.uid, declared.generation
