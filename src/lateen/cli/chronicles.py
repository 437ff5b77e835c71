"""Events of Kubernetes: whose they are, in which order, and how they are told. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lateen.api import manifest as manifests
from lateen.api.manifest import Key, Manifest

WARNING = "Warning"
_NAME = re.compile(r"[a-z0-9](?:[-.a-z0-9]*[a-z0-9])?")
# what the events of a kind tell of: objects that may be gone when one asks
_MAKES = {
    "Deployment": "ReplicaSet",
    "ReplicaSet": "Pod",
    "StatefulSet": "Pod",
    "DaemonSet": "Pod",
    "Job": "Pod",
    "CronJob": "Job",
}


@dataclass(frozen=True)
class Event:
    """One event, whichever of the two APIs wrote it. `when` is the last time it happened."""

    when: str
    type: str
    reason: str
    message: str
    count: int
    about: Key
    uid: str
    field: str  # spec.containers{web}
    source: str

    @property
    def container(self) -> str:
        found = re.fullmatch(r"spec\.\w*[cC]ontainers\{(.+)\}", self.field)
        return found[1] if found else ""

    def to_map(self) -> dict[str, Any]:
        fields = {
            "lastSeen": self.when,
            "type": self.type,
            "reason": self.reason,
            "message": self.message,
            "count": self.count,
            "object": {
                "apiVersion": self.about.api_version,
                "kind": self.about.kind,
                "namespace": self.about.namespace,
                "name": self.about.name,
            },
            "field": self.field,
            "source": self.source,
        }
        return {name: value for name, value in fields.items() if value}


def read(raw: Manifest) -> Event:
    """An Event object of the core API; what a series says goes before what its first event said."""
    series, meta = raw.get("series") or {}, manifests.metadata(raw)
    times = (
        series.get("lastObservedTime"),
        raw.get("lastTimestamp"),
        raw.get("eventTime"),
        raw.get("firstTimestamp"),
        meta.get("creationTimestamp"),
    )
    about = raw.get("involvedObject") or {}
    return Event(
        when=str(next(filter(None, times), "")),
        type=str(raw.get("type") or "Normal"),
        reason=str(raw.get("reason") or ""),
        message=" ".join(str(raw.get("message") or "").split()),
        count=int(series.get("count") or raw.get("count") or 1),
        about=manifests.key({**about, "metadata": about}),
        uid=str(about.get("uid") or ""),
        field=str(about.get("fieldPath") or ""),
        source=str(
            (raw.get("source") or {}).get("component") or raw.get("reportingComponent") or ""
        ),
    )


def in_order(events: Iterable[Event]) -> list[Event]:
    """The oldest first; of one moment, by object."""
    # `...:05.000123Z` is later than `...:05Z`, although the letter sorts behind the point
    return sorted(events, key=lambda event: (event.when.rstrip("Z"), event.about))


def of(events: Iterable[Event], objects: Sequence[Manifest]) -> list[Event]:
    """The events of these objects, and of what they made that is gone by now.

    A live object is known by its uid. One that is gone is known by an event of who made it, which
    names it: `Created pod: web-1`.
    """
    uids = {str(manifests.metadata(each).get("uid") or "") for each in objects} - {""}
    named = {manifests.key(each).identity for each in objects}
    gone: set[tuple[str, str, str]] = set()
    found: list[Event] = []
    left = list(events)
    while True:
        mine, others = [], []
        for event in left:
            (mine if _is_of(event, uids, named, gone) else others).append(event)
        if not mine:
            return in_order(found)
        found += mine
        left = others
        gone |= {each for event in mine for each in _made(event)}


def _is_of(
    event: Event,
    uids: set[str],
    named: set[tuple[str, str, str, str]],
    gone: set[tuple[str, str, str]],
) -> bool:
    if event.uid in uids:
        return True
    about = event.about
    if not event.uid and about.identity in named:
        return True
    return (about.kind, about.namespace, about.name) in gone


def _made(event: Event) -> Iterable[tuple[str, str, str]]:
    kind = _MAKES.get(event.about.kind)
    if kind is None:
        return
    for word in _NAME.findall(event.message):
        if word.startswith(f"{event.about.name}-"):
            yield kind, event.about.namespace, word


def told(event: Event) -> str:
    """An event in one line."""
    times = f" ({event.count} times)" if event.count > 1 else ""
    return f"{event.message or event.reason}{times}"
