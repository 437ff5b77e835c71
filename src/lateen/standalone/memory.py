"""How much memory processes take, where the system tells (Linux)."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection
from pathlib import Path

_PROC = Path("/proc")


def resident(sessions: Collection[int]) -> dict[int, int]:
    """Resident bytes of each session, by the process id of its leader; what is gone is missing.

    A child of the supervisor leads a session of its own, so what it started itself counts too. So
    does a supervisor, but for one in the foreground, which shares the session of its terminal.
    """
    found: Counter[int] = Counter()
    if not _PROC.is_dir():
        return {}
    page = os.sysconf("SC_PAGE_SIZE")
    for entry in _PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # after the command name, which may hold anything: state ppid pgrp session ...
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended while we looked
        if (session := int(fields[3])) in sessions:
            found[session] += int(fields[21]) * page
    return dict(found)
