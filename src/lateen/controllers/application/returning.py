"""Back to a stored revision: which one is delivered, and taking up what it had come to (C10).

All of it follows from what is declared and stored, so a controller that is killed in the middle
goes on where it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lateen.api import manifest, names, returns
from lateen.api.application import Application
from lateen.api.manifest import Key, Manifest
from lateen.api.revision import Revision, Snapshot
from lateen.api.tracker import Tracker
from lateen.base import clock
from lateen.base.clock import Clock
from lateen.hub import client
from lateen.workflow.planning import Plan
from lateen.workflow.remembering import Memory


def sent_to(app: Application, revisions: list[Revision]) -> Revision | None:
    """The revision an application was sent back to, while that is what it says."""
    mark = returns.sent(app)
    found = next((r for r in revisions if mark and r.name == mark.revision), None)
    return found if found and found.application.spec == app.spec else None


def published_again(app: Application, then: Revision) -> Snapshot:
    """What a new revision is made of that repeats an old one under another publishVersion."""
    return Snapshot(
        app, tuple(then.definitions), then.policies, then.workflow, referred=then.referred
    )


def instead(app: Application, wanted: Revision, revisions: list[Revision]) -> Revision:
    """The revision that is delivered: while the wanted one is quarantined, the one before it."""
    aside = returns.put_aside(app, revisions)
    if aside is None or aside.name != wanted.name:
        return wanted
    held = returns.quarantine(aside)
    assert held is not None
    return next((r for r in revisions if r.name == held.instead), wanted)


def resumes(app: Application, revision: Revision, revisions: list[Revision]) -> bool:
    """Whether what the revision had delivered is put back without running its workflow again."""
    if not revision.succeeded:
        return False
    mark = returns.sent(app)
    if mark is not None and mark.revision == revision.name:
        return not mark.run
    return _stands_in(app, revision, revisions)


def goes_back(app: Application, revision: Revision, revisions: list[Revision]) -> bool:
    """Whether what is delivered is an earlier text: sent back to, or in the place of a bad one."""
    return returns.sent(app) is not None or _stands_in(app, revision, revisions)


def _stands_in(app: Application, revision: Revision, revisions: list[Revision]) -> bool:
    aside = returns.put_aside(app, revisions)
    held = returns.quarantine(aside) if aside else None
    return held is not None and held.instead == revision.name


@dataclass(frozen=True)
class Ending:
    """How the workflow of a revision had ended: `status.workflow`, and what it remembered."""

    workflow: dict[str, Any]
    memory: Memory


def ending(revision: Revision, plan: Plan, inventory: Tracker, clock_: Clock) -> Ending | None:
    """What to take up of an earlier run; None where its workflow has to run again after all.

    That is when not all of it is known: an object's manifest was not stored, or a variable was read
    from a Secret and so is not kept in the revision. Or when something is to happen on the way.
    """
    recorded = [each.raw for each in inventory.resources]
    if not recorded or any(raw is None or manifest.annotation(raw, names.ANEW) for raw in recorded):
        return None
    memory = Memory.load(revision.status.get("workflowContext") or {})
    if any(name not in memory.variables for name in plan.producers):
        return None
    workflow = {**revision.status["workflow"], "endTime": clock.stamp(clock_.now())}
    # what is stored is of the run that it takes the place of
    memory.changed = "contextBackend" in workflow
    return Ending(workflow, memory)


async def put_aside(
    app: Application, revision: Revision, mark: returns.Quarantine | None, hub: client.Client
) -> Manifest:
    """Quarantine a revision, or end that; returns the object as it then is."""
    key = Key(names.GROUP, "ApplicationRevision", app.namespace, revision.name, "v1beta1")
    text = mark.to_text() if mark else None
    return await hub.patch(key, {"metadata": {"annotations": {names.QUARANTINE: text}}})
