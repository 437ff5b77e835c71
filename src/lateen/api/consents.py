"""How many objects may go at once because they are no longer declared, and who allowed more. Pure.

Consent is for one text: `lateen.dev/allow-delete: 214@7` says that 214 objects may go with
generation 7 of the application, and nothing of any other.
"""

from __future__ import annotations

from lateen.api import names
from lateen.api.application import Application


def limit(app: Application, default: int) -> int:
    """How many objects of an application may go without being asked for."""
    text = app.annotations.get(names.DELETION_LIMIT, "")
    return int(text) if text.isdecimal() else default


def most(app: Application, default: int) -> int:
    """How many may go now: the limit, or what its author allowed for this text if that is more."""
    count, _, generation = app.annotations.get(names.ALLOW_DELETE, "").partition("@")
    allowed = int(count) if count.isdecimal() and generation == str(app.generation) else 0
    return max(limit(app, default), allowed)


def text(count: int, generation: int) -> str:
    """What allows it."""
    return f"{count}@{generation}"
