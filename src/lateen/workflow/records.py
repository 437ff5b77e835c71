"""How far each step is: `status.workflow` of an application, read and written (semantics E1)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lateen.api.application import Step
from lateen.base import clock, durations

SUCCEEDED, FAILED, SKIPPED = "succeeded", "failed", "skipped"
RUNNING, PENDING, SUSPENDING = "running", "pending", "suspending"

# reasons of a phase
WAIT, SKIP, RENDERING, EXECUTE = "Wait", "Skip", "Rendering", "Execute"
SUSPEND, TERMINATE, INPUT, ACTION = "Suspend", "Terminate", "Input", "Action"
EXHAUSTED, TIMEOUT = "FailedAfterRetries", "Timeout"

# which reason a group takes over from its failed steps, the weightiest first
_WEIGHT = (EXHAUSTED, TIMEOUT, ACTION, TERMINATE)
_EXPIRED = "the workflow has not ended within"
_ALPHABET = "abcdefghijklmnopqrstuvwxyz123456789"


def fresh_id() -> str:
    """An id for a step, as it is never used again: 10 letters and digits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(10))


@dataclass
class Record:
    """The status of one step. `first` and `last` are times as Kubernetes writes them."""

    id: str
    name: str
    type: str
    phase: str = ""
    message: str = ""
    reason: str = ""
    first: str = ""
    last: str = ""
    subs: list[Record] = field(default_factory=list)

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Record:
        return cls(
            id=str(raw.get("id") or ""),
            name=str(raw.get("name") or ""),
            type=str(raw.get("type") or ""),
            phase=str(raw.get("phase") or ""),
            message=str(raw.get("message") or ""),
            reason=str(raw.get("reason") or ""),
            first=str(raw.get("firstExecuteTime") or ""),
            last=str(raw.get("lastExecuteTime") or ""),
            subs=[cls.of(sub) for sub in raw.get("subSteps") or ()],
        )

    def to_map(self) -> dict[str, Any]:
        raw: dict[str, Any] = {
            "id": self.id,
            "name": self.name,
            "type": self.type,
            "phase": self.phase,
            "message": self.message,
            "reason": self.reason,
            "firstExecuteTime": self.first,
            "lastExecuteTime": self.last,
            "subSteps": [sub.to_map() for sub in self.subs],
        }
        return {key: value for key, value in raw.items() if value}

    def walk(self) -> Iterator[Record]:
        yield self
        for sub in self.subs:
            yield from sub.walk()

    @property
    def begun(self) -> bool:
        """Whether it has run. A group that has may be pending again, with the steps in it."""
        return bool(self.first) or self.phase not in ("", PENDING)

    @property
    def finished(self) -> bool:
        """A step that failed while executing is tried again: it is not finished (E1)."""
        if self.phase == FAILED:
            return self.reason not in ("", EXECUTE)
        return self.phase in (SUCCEEDED, SKIPPED)

    @property
    def paused_by_hand(self) -> bool:
        """Suspended by an operation, not by what the step itself does (semantics E6)."""
        return self.phase == SUSPENDING and self.reason != SUSPEND

    def put(self, phase: str, reason: str, message: str, now: datetime) -> None:
        """Move on. The time is noted only with a change: a pass that finds nothing new leaves the
        status as it is, and nothing is written.
        """
        if phase != PENDING:
            self.first = self.first or clock.stamp(now)
        if (phase, reason, message) == (self.phase, self.reason, self.message):
            return
        self.phase, self.reason, self.message = phase, reason, message
        if phase != PENDING:
            self.last = clock.stamp(now)


def summary(group: Step, subs: Sequence[Record]) -> tuple[str, str]:
    """Phase and reason of a group from those of its steps (semantics E2)."""
    phases = {sub.phase for sub in subs}
    if SUSPENDING in phases:
        return SUSPENDING, ""
    if len(subs) < len(group.sub_steps) or RUNNING in phases:
        return RUNNING, ""
    if PENDING in phases:
        return PENDING, ""
    failed = [sub for sub in subs if sub.phase == FAILED]
    if any(not sub.finished for sub in failed):
        return FAILED, EXECUTE
    if failed:
        reasons = [sub.reason for sub in failed]
        return FAILED, next((reason for reason in _WEIGHT if reason in reasons), reasons[0])
    if subs and phases == {SKIPPED}:
        return SKIPPED, SKIP
    return SUCCEEDED, ""


class Ledger:
    """The whole of `status.workflow` while a pass works on it. Unknown fields are kept."""

    def __init__(self, status: Mapping[str, Any]) -> None:
        self._raw = dict(status)
        self.steps = [Record.of(raw) for raw in status.get("steps") or ()]
        self._by_name = {record.name: record for record in self.walk()}
        self.suspend = bool(status.get("suspend"))
        self.terminated = bool(status.get("terminated"))
        self.finished = bool(status.get("finished"))

    @property
    def started(self) -> bool:
        return bool(self._raw.get("startTime") or self.steps)

    @property
    def state(self) -> str:
        return str(self._raw.get("status") or "")

    @property
    def start_time(self) -> datetime | None:
        found = self._raw.get("startTime")
        return clock.parse(str(found)) if found else None

    @property
    def message(self) -> str:
        return str(self._raw.get("message") or "")

    @property
    def expired(self) -> bool:
        """Its time was over: nothing begins any more, unless by its `if`."""
        return self.message.startswith(_EXPIRED)

    def expire(self, limit: float) -> None:
        """Its time is over. What is held by hand is held no longer."""
        self._raw["message"] = f"{_EXPIRED} {durations.short(limit)}"
        self.terminated, self.suspend = True, False
        for record in self.walk():
            if record.paused_by_hand:
                record.phase = RUNNING

    def start(self, mode: str, now: datetime) -> None:
        self._raw |= {"mode": mode, "startTime": clock.stamp(now)}

    def close(self, state: str, now: datetime) -> None:
        """Note the state, and that the run is over where it is an end."""
        self._raw["status"] = state
        if state in (SUCCEEDED, FAILED, "terminated") and not self.finished:
            self.finished = True
            self._raw["endTime"] = clock.stamp(now)

    def reopen(self) -> None:
        """The run goes on: undo what ended or held it."""
        self.suspend = self.terminated = self.finished = False
        if self.expired:  # it is given its time again
            del self._raw["startTime"]
        for key in ("endTime", "message", "suspendState"):
            self._raw.pop(key, None)

    def to_map(self) -> dict[str, Any]:
        raw = dict(self._raw)
        raw.pop("steps", None)
        raw.setdefault("mode", "")
        flags = {
            "suspend": self.suspend,
            "terminated": self.terminated,
            "finished": self.finished,
        }
        steps = {"steps": [record.to_map() for record in self.steps]} if self.steps else {}
        return {**raw, **flags, **steps}

    def walk(self) -> Iterator[Record]:
        for record in self.steps:
            yield from record.walk()

    def find(self, name: str) -> Record | None:
        """The record of a step or sub-step, whichever group it is in."""
        return self._by_name.get(name)

    def done(self, name: str) -> bool:
        found = self.find(name)
        return found is not None and found.finished

    def touch(self, step: Step, group: Record | None, ids: Callable[[], str]) -> Record:
        """The record of a step, made if it has none. Records stand in the order of their making."""
        record = self._by_name.get(step.name)
        if record is None:
            record = self._by_name[step.name] = Record(ids(), step.name, step.type)
            (self.steps if group is None else group.subs).append(record)
        return record
