"""What says that an application is at a stored revision: sent back by hand, or put aside (C10).

Pure. Two annotations, each written in one request and bound to what it was written for: as soon as
the author changes the application, they mean nothing any more, so an edit always flows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TypeVar

from lateen.api import manifest, names
from lateen.api.application import Application
from lateen.api.revision import Revision

T = TypeVar("T")


@dataclass(frozen=True)
class Return:
    """On an application: it has the text of `revision`, and its definitions are to be of then.

    `run`: its workflow runs again; else what it had delivered is put back as it was.
    """

    revision: str
    generation: int
    version: str  # app.oam.dev/publishVersion
    run: bool

    def to_text(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))


@dataclass(frozen=True)
class Quarantine:
    """On a revision: what came of it, and the revision that is delivered in its place.

    `generation` is that of the application it holds for.
    """

    generation: int
    instead: str
    reason: str
    time: str

    def to_text(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))


def sent(app: Application) -> Return | None:
    """The return that an application is under, None where its author has changed it since."""
    found = _read(Return, app.annotations.get(names.RETURN, ""))
    if found is None or (found.generation, found.version) != (app.generation, app.publish_version):
        return None
    return found


def quarantine(revision: Revision) -> Quarantine | None:
    """What a revision was put aside for; also one that holds no more, for the record."""
    return _read(Quarantine, manifest.annotation(revision.raw, names.QUARANTINE))


def put_aside(app: Application, revisions: Iterable[Revision]) -> Revision | None:
    """The revision of what the author wrote, where that one is quarantined."""
    wanted = (app.generation, app.publish_version)
    for each in revisions:
        found = quarantine(each)
        if found is not None and (found.generation, each.publish_version) == wanted:
            return each
    return None


def good(revisions: Iterable[Revision], but: Iterable[str] = ()) -> Revision | None:
    """The revision that was last delivered well, apart from some; one put aside is none.

    None where there is none.
    """
    known = [each for each in revisions if each.succeeded and each.name not in but]
    sound = (each for each in known if quarantine(each) is None)
    return max(sound, key=lambda each: (each.ended, each.number), default=None)


def _read(kind: type[T], text: str) -> T | None:
    """An annotation as it was written; one that somebody else made up says nothing."""
    try:
        return kind(**json.loads(text)) if text else None
    except (TypeError, ValueError):
        return None
