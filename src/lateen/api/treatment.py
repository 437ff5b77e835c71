"""How one object is written, kept and removed, as policies say (semantics F5 to F10)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

WHOLE = "*"  # in place of a field path: everything


class Lifetime(Enum):
    """Until when an object that is no longer declared stays (semantics F6)."""

    DECLARED = "onAppUpdate"  # it goes when a version of the application leaves it out
    APPLICATION = "onAppDelete"  # it goes with the application
    FOREVER = "never"  # it is left behind


@dataclass(frozen=True)
class Treatment:
    """What is to be done with one object. Paths are field paths, or `WHOLE`."""

    read_only: bool = False  # it is somebody else's, and only read
    take_over: bool = False  # it may be one that no application owns
    shared: bool = False  # it may be another application's that shares it as well
    replace: bool = False  # write it whole: what is not declared goes
    recreate: tuple[str, ...] = ()  # where one of these differs it is deleted and made anew
    left_on_update: tuple[str, ...] = ()  # live values that stand when a workflow delivers it
    left_on_drift: tuple[str, ...] = ()  # live values that are not put back
    unrecorded: bool = False  # the inventory names it without its manifest: drift is nobody's
    lifetime: Lifetime = Lifetime.DECLARED
    orphan: bool = False  # instead of being deleted it is let go


PLAIN = Treatment()
"""What happens to an object that no policy mentions."""
