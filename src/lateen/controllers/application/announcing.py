"""Kubernetes events of an application: what `kubectl describe` shows of its way (inventory 1.2).

An event tells of a change of the status, so none is repeated while nothing changes.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from lateen.api import names
from lateen.api.application import Application
from lateen.api.manifest import Key, Manifest
from lateen.base import clock, hashing
from lateen.base.clock import Clock
from lateen.controllers import settings
from lateen.hub import client, errors

_LOG = logging.getLogger(__name__)

NORMAL, WARNING = "Normal", "Warning"
_LONGEST = 1024  # characters of a message; a longer one is refused by newer readers

# condition -> what is told when it becomes true, and when it becomes false
_STAGES = {
    "Parsed": ("Parsed", "FailedParse"),
    "Revision": ("Revisioned", "FailedRevision"),
    "Policy": ("PolicyGenerated", "FailedParse"),
    "Render": ("Rendered", "FailedRender"),
    "Workflow": ("Applied", "FailedWorkflow"),
    "StateKeep": ("", "FailedStateKeep"),
    "Stable": ("", "RolledBack"),
    "Deletion": ("", "DeletionHeld"),
    "Ready": ("", "FailedGC"),
}
_BAD = ("ReconcileError", "RolledBack", "Held")
_TOLD = {
    "Parsed": "the application is understood",
    "Revisioned": "revision {revision}",
    "PolicyGenerated": "policies are decided",
    "Rendered": "the workflow of {revision} is ready to run",
    "Applied": "the workflow of {revision} has succeeded",
}


@dataclass(frozen=True)
class News:
    """One event to be: `kind` is Normal or Warning."""

    kind: str
    reason: str
    message: str


def news(
    before: Mapping[str, Any], after: Mapping[str, Any], wanted: settings.Events
) -> Iterator[News]:
    """What two statuses of an application, one after the other, have to tell. Pure."""
    yield from _failures(before, after)
    yield from _scoped(before, after, wanted)
    if wanted == "all":
        yield from _passed(before, after)
    if wanted != "failures" and _run(after) != _run(before) and _run(after)[0] == "succeeded":
        yield News(NORMAL, "Deployed", f"{_revision(after)} is deployed")


def _scoped(
    before: Mapping[str, Any], after: Mapping[str, Any], wanted: settings.Events
) -> Iterator[News]:
    """What policies with the scope `Application` did that they had not done before."""
    known = before.get("appliedApplicationPolicies") or ()
    for each in after.get("appliedApplicationPolicies") or ():
        if each in known:
            continue
        whose = "Global" if each.get("source") == "global" else ""
        said = f"policy {each.get('name')}: {each.get('message') or 'applied'}"
        if each.get("error"):
            yield News(WARNING, f"{whose}PolicyFailed", said)
        elif wanted == "all":
            how = "Applied" if each.get("applied") else "Skipped"
            yield News(NORMAL, f"{whose}Policy{how}", said)


def _failures(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[News]:
    old = _conditions(before)
    failed = {k: c for k, c in _conditions(after).items() if c.get("status") == "False"}
    for kind, found in failed.items():
        known = old.get(kind, {})
        news_of = (found.get("reason"), found.get("message", ""))
        if (
            known.get("status") == "False"
            and (known.get("reason"), known.get("message")) == news_of
        ):
            continue
        # `Ready` only repeats what another one says, or waits for what is being deleted
        if kind not in _STAGES or found.get("reason") not in _BAD:
            continue
        if kind == "Ready" and failed.keys() - {"Ready", "Stable", "Deletion"}:
            continue
        yield News(WARNING, _STAGES[kind][1], str(found.get("message", "")))


def _passed(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[News]:
    old, moved = _conditions(before), _revision(before) != _revision(after)
    for kind, found in _conditions(after).items():
        reason = _STAGES.get(kind, ("", ""))[0]
        fresh = old.get(kind, {}).get("status") != "True" or moved
        if reason and fresh and found.get("status") == "True":
            yield News(NORMAL, reason, _TOLD[reason].format(revision=_revision(after)))


def _conditions(status: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {str(c.get("type")): c for c in status.get("conditions") or ()}


def _run(status: Mapping[str, Any]) -> tuple[str, str, str]:
    workflow = status.get("workflow") or {}
    fields = ("status", "appRevision", "startTime")
    return tuple(str(workflow.get(field) or "") for field in fields)  # type: ignore[return-value]


def _revision(status: Mapping[str, Any]) -> str:
    return str((status.get("latestRevision") or {}).get("name") or "")


class Subject(Protocol):
    """What an event is about."""

    @property
    def key(self) -> Key: ...
    @property
    def uid(self) -> str: ...
    @property
    def metadata(self) -> Mapping[str, Any]: ...


class Herald:
    """Writes events. One that cannot be written is let go: the status says the same."""

    def __init__(self, hub: client.Client, clock: Clock, wanted: settings.Events) -> None:
        self._hub = hub
        self._clock = clock
        self._wanted = wanted

    async def tell(
        self, app: Application, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> None:
        """Write what is new in `after`."""
        for each in dict.fromkeys(news(before, after, self._wanted)):
            await self.write(app, each)

    async def write(self, subject: Subject, told: News) -> None:
        """Write one event about an object."""
        try:
            await self._write(subject, told)
        except errors.ApiError as error:
            _LOG.info("no event %s of %s: %s", told.reason, subject.key, error)

    async def _write(self, subject: Subject, told: News) -> None:
        now = clock.stamp(self._clock.now())
        event = _event(subject, told, now)
        try:
            await self._hub.create(event)
        except errors.ApiError as error:
            if not error.already_exists:
                raise
            meta = event["metadata"]  # the same was told before: it has happened once more
            key = Key("", "Event", meta["namespace"], meta["name"], "v1")
            count = int((await self._hub.get(key)).get("count") or 1) + 1
            await self._hub.patch(key, {"count": count, "lastTimestamp": now})


def _event(subject: Subject, told: News, now: str) -> Manifest:
    message = told.message if len(told.message) <= _LONGEST else told.message[: _LONGEST - 1] + "…"
    key = subject.key
    name = f"{key.name}.{hashing.digest([subject.uid, told.reason, message])}"
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": key.namespace},
        "involvedObject": {
            "apiVersion": key.api_version,
            "kind": key.kind,
            "namespace": key.namespace,
            "name": key.name,
            "uid": subject.uid,
            "resourceVersion": str(subject.metadata.get("resourceVersion", "")),
        },
        "type": told.kind,
        "reason": told.reason,
        "message": message,
        "source": {"component": names.FIELD_MANAGER},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
