"""What an application, or its deletion, is waiting for: one chain from its status down to a cause.

Pure: told from the application and what was read around it (`gathering`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lateen import __version__
from lateen.api import names
from lateen.api.application import Application
from lateen.base import clock
from lateen.cli import causes, progress, trees
from lateen.cli.causes import Link, Surroundings
from lateen.gc import planning
from lateen.workflow import graphs, records
from lateen.workflow.records import Record

_STAGES = ("Parsed", "Revision", "Policy", "Render", "Workflow", "StateKeep", "Ready", "Deletion")
_SLOW = 15.0  # seconds after which a change should have been seen


@dataclass(frozen=True)
class Situation:
    """An application and what there was to see of it at one moment.

    `nodes` are the objects it has applied; `leftovers` those that it no longer declares, or all of
    them when it is being deleted, as far as they are still there; `members` what is around those
    in joined clusters.
    """

    app: Application
    around: Surroundings
    nodes: Sequence[trees.Node] = ()
    leftovers: Sequence[trees.Node] = ()
    members: Mapping[str, Surroundings] = field(default_factory=dict)

    def trace(self, node: trees.Node) -> Link:
        """The chain from an object down to what is wrong with it."""
        return causes.of_object(node, self.members.get(node.place, self.around))

    def left(self, node: trees.Node) -> Link:
        """The same of one whose component does not say where it is."""
        found = self.trace(node)
        return replace(found, what=f"{found.what}{node.where}")


@dataclass(frozen=True)
class Explanation:
    """`waits`: there is something to wait for, or to mend."""

    chain: Link
    waits: bool

    @property
    def hints(self) -> list[str]:
        """What can be done, each once, the nearest to the cause last."""
        return list(dict.fromkeys(link.hint for link in self.chain.walk() if link.hint))

    def to_map(self) -> dict[str, Any]:
        return {"waits": self.waits, **self.chain.to_map()}


def explain(situation: Situation) -> Explanation:
    """Why the application is as it is."""
    app = situation.app
    view = progress.view(app)
    what = f"Application {app.name}"
    if held := _held(app):
        return Explanation(Link(what, "is left alone", "", (held,)), True)
    if app.deleting:
        since = str(app.metadata["deletionTimestamp"])
        found = tuple(_deletion(situation))
        return Explanation(Link(what, "is being deleted", since, found), True)
    if unseen := _unseen(situation):
        return Explanation(Link(what, "has not been looked at yet", "", (unseen,)), True)
    found = tuple(_Live(situation).causes())
    if view.phase == "running" and view.healthy and not found:
        kept = (app.status.get("latestRevision") or {}).get("name") or ""
        return Explanation(Link(what, f"is running {kept} and waits for nothing"), False)
    says = _PHASES.get(view.phase, f"is {view.phase}")
    return Explanation(Link(what, says, _changed(app), found), True)


_PHASES = {
    "starting": "is starting",
    "rendering": "cannot be rendered",
    "runningWorkflow": "runs its workflow",
    "workflowSuspending": "is suspended",
    "workflowFailed": "has failed",
    "workflowTerminated": "was terminated",
    "unhealthy": "is delivered and not healthy",
    "running": "is running",
}


def _changed(app: Application) -> str:
    workflow = app.status.get("workflow") or {}
    return str(workflow.get("endTime") or workflow.get("startTime") or "")


def _held(app: Application) -> Link | None:
    """Why no controller of ours looks at it, where that was asked for."""
    place = f"application {app.name} -n {app.namespace}"
    if app.paused:
        hint = f"`kubectl label {place} {names.PAUSE}-` lets it go on"
        return Link(f"label {names.PAUSE}", "asks for it to be left alone", "", (), hint)
    wanted = app.required_controller
    if wanted not in ("", __version__):
        hint = f"`kubectl annotate {place} {names.REQUIRED_CONTROLLER}-` lets any version do it"
        says = f"asks for the controller of version {wanted}; this is {__version__}"
        return Link(f"annotation {names.REQUIRED_CONTROLLER}", says, "", (), hint)
    return None


def _unseen(situation: Situation) -> Link | None:
    """The controllers have not come to what is declared now."""
    app = situation.app
    seen = int(app.status.get("observedGeneration") or 0)
    if seen >= app.generation and app.status:
        return None
    created = str(app.metadata.get("creationTimestamp") or "")
    says = f"have seen generation {seen} of it, which is at {app.generation}"
    passed = (situation.around.now - clock.parse(created)).total_seconds() if created else 0.0
    hint = _CONTROLLERS if passed > _SLOW else ""
    return Link("the controllers", says if seen else "have not seen it", created, (), hint)


_CONTROLLERS = "do they run? On this machine `lateen server status` tells, `lateen server logs` why"


def _deletion(situation: Situation) -> Iterator[Link]:
    """What is still there of an application that is being deleted."""
    app, around = situation.app, situation.around
    left = {node.component for node in situation.leftovers}
    order = planning.dependents(app) if _ordered(app) else {}
    told = []
    for node in situation.leftovers:
        link = situation.left(node)
        if node.live is not None and not _going(node):
            first = sorted(left & order.get(node.component, frozenset()))
            says = f"goes after component {', '.join(first)}" if first else "is still to be deleted"
            link = Link(link.what, says)
        told.append(link)
    yield from causes.alike(told)
    place = f"{app.name} -n {app.namespace}"
    without = f"`kubectl annotate application {place} {names.SKIP_HOOKS}=true` goes on without it"
    yield from (replace(each, hint=without) for each in _conditions(app, "Hook"))
    failed = list(_conditions(app, "ReconcileError"))
    yield from failed
    if not situation.leftovers:
        ours = (names.APP_FINALIZER, names.APP_ORPHAN)
        others = [name for name in app.finalizers if name not in ours]
        if others:
            yield from causes.leaving(app.raw, around).causes
        elif not failed:
            yield Link("the controllers", "have nothing left to clean up", "", (), _CONTROLLERS)


def _ordered(app: Application) -> bool:
    return any(
        policy.type == "garbage-collect" and (policy.properties or {}).get("order") == "dependency"
        for policy in app.policies
    )


def _going(node: trees.Node) -> bool:
    return bool(((node.live or {}).get("metadata") or {}).get("deletionTimestamp"))


def _conditions(app: Application, *reasons: str) -> Iterator[Link]:
    """The conditions that say what is wrong; one that only repeats another is left out."""
    said = set()
    found = {str(each.get("type")): each for each in app.status.get("conditions") or ()}
    for stage in _STAGES:
        each = found.get(stage) or {}
        message = str(each.get("message") or "")
        wrong = each.get("status") == "False" and each.get("reason") in reasons
        if wrong and message and message not in said:
            said.add(message)
            since = str(each.get("lastTransitionTime") or "")
            yield Link(f"condition {stage}", message, since)


@dataclass
class _Live:
    """What keeps an application that lives from being well."""

    situation: Situation
    _told: set[str] = field(default_factory=set)  # steps that were followed: no chain is endless

    def causes(self) -> Iterator[Link]:
        app = self.situation.app
        status = app.status
        records_ = [Record.of(raw) for raw in (status.get("workflow") or {}).get("steps") or ()]
        over = str((status.get("workflow") or {}).get("status") or "") == records.SUCCEEDED
        steps = [] if over else [link for each in records_ if (link := self._step(each))]
        # what the workflow's condition says is made of what its steps say
        yield from (
            link
            for link in _conditions(app, "ReconcileError")
            if not (steps and link.what == "condition Workflow")
        )
        yield from steps
        if not steps:
            yield from self._components(None)
        if over or not steps:
            yield from self._garbage()

    def _step(self, record: Record) -> Link | None:
        """A step that is not done, down to what it waits for."""
        if record.phase in (records.SUCCEEDED, records.SKIPPED) or record.name in self._told:
            return None
        self._told.add(record.name)
        what, since = f"step {record.name}", record.first
        if record.subs:
            below = tuple(link for sub in record.subs if (link := self._step(sub)))
            return Link(what, f"is {record.phase}", since, below)
        says = f"{record.phase}: {record.message}" if record.message else f"is {record.phase}"
        if record.phase == records.SUSPENDING:
            return Link(what, says, since, (), self._resume())
        if record.phase == records.PENDING:
            return Link(what, says, since, tuple(self._sources(record)))
        hint = ""
        if record.phase == records.FAILED:
            says = f"failed: {record.message or _reason(record.reason)}"
            if not record.finished:
                says += " (it is tried again)"
            else:
                hint = f"when it is mended: `{self._command('workflow restart')}`"
        return Link(what, says, since, tuple(self._components(record)), hint)

    def _resume(self) -> str:
        return f"`{self._command('workflow resume')}` lets it go on"

    def _command(self, words: str) -> str:
        app = self.situation.app
        return f"lateen {words} {app.name} -n {app.namespace}"

    def _sources(self, record: Record) -> Iterator[Link]:
        """The steps that a pending one waits for."""
        _, _, awaited = record.message.partition(": ")
        makers = [awaited]
        if record.message.startswith("Pending on Input"):
            makers = self._makers(graphs.variable(awaited))
            if not makers:
                yield Link(f"input {awaited}", "is set by no step or component", "", (), _NO_MAKER)
        known = {each.name: each for each in self._records()}
        for name in makers:
            if name in known:
                link = self._step(known[name])
                yield link or Link(f"step {name}", f"is {known[name].phase}")
            else:
                yield Link(f"step {name}", "has not begun")

    def _records(self) -> Iterator[Record]:
        for raw in (self.situation.app.status.get("workflow") or {}).get("steps") or ():
            yield from Record.of(raw).walk()

    def _makers(self, variable: str) -> list[str]:
        """Steps and components that set a variable of the workflow."""
        app = self.situation.app
        written = (app.workflow or {}).get("steps") or ()
        steps = [each for step in written for each in (step, *(step.get("subSteps") or ()))]
        found = [str(step.get("name")) for step in steps if _sets(step.get("outputs"), variable)]
        return found + [each.name for each in app.components if _sets(each.outputs, variable)]

    def _components(self, record: Record | None) -> Iterator[Link]:
        """Components that are not healthy: all of them, or those a step is about."""
        services = self.situation.app.status.get("services") or ()
        for service in services:
            if service.get("healthy") or not self._about(record, str(service.get("name"))):
                continue
            line = progress.component(service)
            below = causes.alike(self._objects(service))
            yield Link(f"component {line.name}", line.message or "is not healthy", "", below)

    def _about(self, record: Record | None, component: str) -> bool:
        if record is None or record.type == "deploy":
            return True
        written = (self.situation.app.workflow or {}).get("steps") or ()
        steps = [each for step in written for each in (step, *(step.get("subSteps") or ()))]
        named = [
            str((step.get("properties") or {}).get("component") or "")
            for step in steps
            if step.get("name") == record.name
        ]
        return component in (named or [record.name])

    def _objects(self, service: Mapping[str, Any]) -> list[Link]:
        """The objects of a component that are not as they should be; else its main object."""
        cluster = str(service.get("cluster") or "")
        own = [
            node
            for node in self.situation.nodes
            if node.component == service.get("name") or node.live is None
        ]
        own = [node for node in own if cluster in ("", node.place)]
        unwell = [node for node in own if not node.healthy]
        if not unwell:
            kind = (service.get("workloadDefinition") or {}).get("kind")
            unwell = [node for node in own if node.key.kind == kind]
        return [self.situation.trace(node) for node in unwell]

    def _garbage(self) -> Iterator[Link]:
        """What the application no longer declares and is still there."""
        held = [self.situation.left(node) for node in self.situation.leftovers]
        if held:
            says = f"{len(held)} object{'s' if held[1:] else ''} no longer declared"
            yield Link("garbage collection", says, "", causes.alike(held))
        yield from _conditions(self.situation.app, "Held")


def _sets(outputs: Iterable[Mapping[str, Any]] | None, variable: str) -> bool:
    return any(each.get("name") == variable for each in outputs or ())


def _reason(reason: str) -> str:
    return {"Timeout": "it took longer than its timeout"}.get(
        reason, reason or "no reason is given"
    )


_NO_MAKER = "give a step or component an output of that name, or correct the input"
