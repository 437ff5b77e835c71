"""Did you mean: the nearest known name to a mistyped one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for the user, `did you mean "webservice"?`, or nothing when no name is near."""
    matches = difflib.get_close_matches(name, sorted(set(known)), n=1, cutoff=0.6)
    return f'did you mean "{matches[0]}"?' if matches else ""
