"""The status of an application, built in memory and handed out once (design, decision 7).

Pure: what writes it is in `reconcile`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

from lateen.api import conditions
from lateen.api.application import Application
from lateen.api.tracker import Resource
from lateen.base import merge
from lateen.base.clock import Clock
from lateen.base.problem import Problem, Problems, told

# conditions in the order a pass earns them; a failure drops what comes after it (semantics C1)
_STAGES = ("Parsed", "Revision", "Policy", "Render", "Workflow", "Ready")
_BEFORE_WORKFLOW = _STAGES[: _STAGES.index("Workflow")]


@dataclass(frozen=True)
class Next:
    """When to look at the application again if nothing changes: in `after` seconds, or never.

    `failed`: the pass ended with a problem, so the queue waits longer each time.
    """

    after: float | None = None
    failed: bool = False

    def within(self, seconds: float | None) -> Next:
        """The same, but not later than in so many seconds."""
        times = [each for each in (self.after, seconds) if each is not None]
        return replace(self, after=min(times, default=None))


class Report:
    """What one pass found out. Starts as the status that is stored."""

    def __init__(self, app: Application, clock: Clock) -> None:
        self._app = app
        self._clock = clock
        self._stage = _STAGES[0]
        self._services: dict[tuple[str, str, str], dict[str, Any]] = {
            _service_key(entry): entry for entry in app.status.get("services") or ()
        }
        self.status: dict[str, Any] = dict(app.status)
        self.status["observedGeneration"] = app.generation

    @property
    def changed(self) -> bool:
        return self.status != self._app.status

    def patch(self) -> dict[str, Any]:
        """The change as a merge patch of the status."""
        return dict(merge.difference(self._app.status, self.status))

    def abandon(self) -> None:
        """Say nothing: the application is gone, or the pass ends before it knows anything."""
        self.status = dict(self._app.status)

    @property
    def phase(self) -> str:
        return str(self.status.get("status", ""))

    @phase.setter
    def phase(self, phase: str) -> None:
        self.status["status"] = phase

    def enter(self, stage: str) -> None:
        """What fails from here on fails the condition `stage`."""
        self._stage = stage

    def passed(self, stage: str, message: str = "") -> None:
        self._put(stage, true=True, reason="Available", message=message)

    def fail(self, error: Problem | Problems) -> Next:
        """The pass ends here: the stage it was in and `Ready` say why."""
        message = told(error)
        self._put(self._stage, true=False, reason="ReconcileError", message=message)
        if self._stage != "Ready":
            self._put("Ready", true=False, reason="ReconcileError", message=message)
        if self._stage in _BEFORE_WORKFLOW:
            self.phase = "rendering"  # whatever ran before, this text does not
        return Next(failed=error.retry)

    def under_way(self) -> None:
        """The workflow goes on: what an earlier pass said of its failure no longer holds."""
        failed = [("Workflow", "False"), ("Ready", "False")]
        self.status["conditions"] = [
            c
            for c in self.status.get("conditions") or ()
            if (c.get("type"), c.get("status")) not in failed
        ]

    def ready(self) -> None:
        self._put("Ready", true=True, reason="Available")

    def kept(self) -> None:
        """Everything is as declared: the condition stands only while it is not (semantics C1)."""
        self._drop("StateKeep")

    def stable(self, reason: str, message: str = "") -> None:
        """Whether a delivery that may be given up holds; told where a policy says it may."""
        self._put("Stable", true=reason == "Healthy", reason=reason, message=message)

    def held(self, why: str) -> None:
        """Objects that are no longer declared stay for the time being, and why; or none do."""
        if why:
            self._put("Deletion", true=False, reason="Held", message=why)
        else:
            self._drop("Deletion")

    def unjudged(self) -> None:
        """Nobody asks whether the delivery holds."""
        self._drop("Stable")

    def waiting(self, reason: str, message: str) -> None:
        self._put("Ready", true=False, reason=reason, message=message)

    def restart(self, revision: str) -> None:
        """A new run of the workflow: what the last one found no longer holds (semantics C5)."""
        self._services.clear()
        self.status.pop("services", None)
        self.status.pop("appliedResources", None)
        self.status["conditions"] = [
            c for c in self.status.get("conditions") or () if c.get("type") in _BEFORE_WORKFLOW
        ]
        self.status["workflow"] = {"appRevision": revision}

    def service(self, entry: dict[str, Any]) -> None:
        """Record one component's health: one entry per component, cluster and namespace."""
        self._services[_service_key(entry)] = entry
        self._write_services()

    def leave(self, left: Callable[[str, str], bool]) -> None:
        """Drop the health of what is no longer placed: `left(component, cluster)` says what."""
        for key in [key for key in self._services if left(key[0], key[1])]:
            del self._services[key]
        self._write_services()

    @property
    def healthy(self) -> bool:
        return all(entry.get("healthy") for entry in self._services.values())

    def resources(self, tracked: Iterable[Resource], policies: Collection[str] = ()) -> None:
        """Record what is applied; `policies` are the names under which policies applied some."""
        applied = []
        for resource in tracked:
            entry = {
                "cluster": resource.cluster,
                "creator": "policy" if resource.component in policies else "workflow",
                "apiVersion": resource.api_version,
                "kind": resource.kind,
                "name": resource.name,
                "namespace": resource.namespace,
            }
            applied.append({key: value for key, value in entry.items() if value})
        if applied:
            self.status["appliedResources"] = applied
        else:
            self.status.pop("appliedResources", None)

    def _write_services(self) -> None:
        if self._services:
            # components finish in any order; they are read in the order they are written
            order = {component.name: i for i, component in enumerate(self._app.components)}
            entries = self._services.values()
            self.status["services"] = sorted(
                entries, key=lambda entry: order.get(entry.get("name", ""), len(order))
            )
        else:
            self.status.pop("services", None)

    def _drop(self, kind: str) -> None:
        known = self.status.get("conditions") or ()
        self.status["conditions"] = [c for c in known if c.get("type") != kind]

    def _put(self, kind: str, *, true: bool, reason: str, message: str = "") -> None:
        self.status["conditions"] = conditions.put(
            self.status.get("conditions") or [],
            kind,
            self._clock.now(),
            true=true,
            reason=reason,
            message=message,
        )


def _service_key(entry: dict[str, Any]) -> tuple[str, str, str]:
    return (entry.get("name", ""), entry.get("cluster", ""), entry.get("namespace", ""))
