"""How far a delivery is: what an application's status says, in the words of the command line.

Pure. The status of an older generation says nothing about this one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lateen.api import conditions, returns
from lateen.api.application import Application

_FAILED = frozenset({"workflowFailed", "workflowTerminated"})
_ROLLED_BACK = "RolledBack"
_ERRORS = frozenset({"ReconcileError", _ROLLED_BACK, "NothingToReturnTo"})
_ENDED = {"Timeout": "it took longer than its timeout", "Terminate": "it was terminated"}


@dataclass(frozen=True)
class Line:
    """One step of the workflow, or one component at one place."""

    name: str
    state: str  # a phase of a step; healthy or unhealthy
    message: str = ""
    type: str = ""
    depth: int = 0  # 1 for a sub-step


@dataclass(frozen=True)
class View:
    """What there is to see of one delivery."""

    phase: str
    steps: tuple[Line, ...] = ()
    components: tuple[Line, ...] = ()
    errors: tuple[str, ...] = ()  # what keeps it from going on
    held: str = ""  # what is no longer declared, and waits to be allowed to go
    rolled_back: bool = False  # what is delivered is not what was asked for

    @property
    def healthy(self) -> bool:
        well = self.phase == "running" and all(c.state == "healthy" for c in self.components)
        return well and not self.rolled_back

    @property
    def failed(self) -> bool:
        """Only a change of the application, or a restart, can help."""
        return self.rolled_back or self.phase in _FAILED

    @property
    def suspended(self) -> bool:
        return self.phase == "workflowSuspending"

    @property
    def reasons(self) -> list[str]:
        """Why it is not healthy, each reason once."""
        failed = [
            step
            for at, step in enumerate(self.steps)
            if step.state == "failed" and (step.message or not self._group(at))
        ]
        steps = [
            f"step {step.name} failed: {step.message or 'no reason is given'}" for step in failed
        ]
        # the error of a workflow that failed is made of what its steps say
        errors = [
            error
            for error in self.errors
            if not any(f"step {step.name}: " in error for step in failed)
        ]
        components = [
            f"component {each.name} is not healthy: {each.message or 'no reason is given'}"
            for each in self.components
            if each.state == "unhealthy"
        ]
        return list(dict.fromkeys([*errors, *steps, *components]))

    def _group(self, at: int) -> bool:
        """Whether a step has others in it: it fails with one of these, which says why."""
        return any(step.depth > self.steps[at].depth for step in self.steps[at + 1 : at + 2])


def view(app: Application, generation: int = 0) -> View:
    """What the status says of `generation` (0: of whichever it speaks)."""
    status = app.status
    if app.deleting:
        return View("deleting", errors=tuple(_errors(status, "Deleting", "Hook")))
    if not status or int(status.get("observedGeneration") or 0) < generation or _behind(app):
        return View("starting")
    workflow = status.get("workflow") or {}
    return View(
        phase=str(status.get("status") or "starting"),
        steps=tuple(_steps(workflow.get("steps") or ())),
        components=tuple(component(service) for service in status.get("services") or ()),
        errors=tuple(_errors(status, *_ERRORS)),
        held=next(_errors(status, "Held"), ""),
        rolled_back=rolled_back(app),
    )


def rolled_back(app: Application) -> bool:
    """Whether another revision is delivered in the place of the one that is declared."""
    found = conditions.find(app.status.get("conditions") or [], "Stable") or {}
    return found.get("reason") == _ROLLED_BACK


def _behind(app: Application) -> bool:
    """Whether the status speaks of another version, though of the same text."""
    if app.status.get("status") == "rendering" or rolled_back(app):
        return False  # it does not come to a version, and says why
    run = (app.status.get("workflow") or {}).get("appRevision")
    mark = returns.sent(app)
    wanted = app.publish_version or (mark.revision if mark else "")
    return bool(run and wanted and run != wanted)


def events(before: View, after: View) -> list[str]:
    """What changed from one look to the next, one line each, for a log or a pipe."""
    found = []
    for word, old, new in (
        ("step", before.steps, after.steps),
        ("component", before.components, after.components),
    ):
        known = {(line.name, line.depth): line for line in old}
        for line in new:
            if known.get((line.name, line.depth)) != line:
                said = f": {line.message}" if line.message else ""
                found.append(f"{word} {line.name} {line.state}{said}")
    found += [f"error: {error}" for error in after.errors if error not in before.errors]
    if after.phase != before.phase:
        found.append(f"phase {after.phase}")
    return found


def _steps(raw: Any, depth: int = 0) -> Iterator[Line]:
    for step in raw:
        yield Line(
            str(step.get("name") or step.get("id") or ""),
            str(step.get("phase") or "pending"),
            _message(step),
            str(step.get("type") or ""),
            depth,
        )
        yield from _steps(step.get("subSteps") or (), depth + 1)


def _message(step: dict[str, Any]) -> str:
    """What a step says; one that was ended from outside has nothing to say of that itself."""
    ended = _ENDED.get(str(step.get("reason"))) if step.get("phase") == "failed" else None
    return ended or str(step.get("message") or "")


def component(service: Mapping[str, Any]) -> Line:
    """One entry of `status.services`."""
    cluster, namespace = service.get("cluster"), service.get("namespace")
    place = f" ({cluster}/{namespace})" if cluster and cluster != "local" else ""
    messages = [
        service.get("message"),
        *(
            f"{trait.get('type')}: {trait.get('message') or 'not healthy'}"
            for trait in service.get("traits") or ()
            if not trait.get("healthy")
        ),
    ]
    return Line(
        f"{service.get('name')}{place}",
        "healthy" if service.get("healthy") else "unhealthy",
        "; ".join(str(message) for message in messages if message),
        str((service.get("workloadDefinition") or {}).get("kind") or ""),
    )


def _errors(status: dict[str, Any], *reasons: str) -> Iterator[str]:
    said = set()
    for condition in status.get("conditions") or ():
        message = str(condition.get("message") or "")
        bad = condition.get("status") == "False" and condition.get("reason") in reasons
        if bad and message and message not in said:
            said.add(message)
            yield message
