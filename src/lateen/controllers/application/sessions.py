"""What the controller remembers of an application between passes. Losing it costs time only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio

from lateen.api.application import Application
from lateen.base import hashing
from lateen.controllers.application import scoping
from lateen.controllers.application.deliver import Delivered, Slot
from lateen.workflow.remembering import Memory
from lateen.workflow.waiting import Attempts

Versions = Sequence[tuple[str, str]]
"""Which objects, and in each case something that changes when the object does."""


@dataclass
class Journey:
    """In-memory companions of one workflow."""

    uid: str  # of whose it is
    attempts: Attempts = field(default_factory=Attempts)
    memory: Memory | None = None  # None: not read yet
    workflow: Mapping[str, Any] | None = None  # its state as this process last left it
    noted: dict[str, str] = field(default_factory=dict)  # documents that are kept, see `noting`
    scope: anyio.CancelScope | None = None  # of the pass under way

    def interrupt(self) -> None:
        """End the pass under way, if there is one: what it does is not wanted any more."""
        if self.scope is not None:
            self.scope.cancel()


@dataclass
class Session(Journey):
    """In-memory companions of one application, dropped when it is gone."""

    delivered: dict[Slot, Delivered] = field(default_factory=dict)
    complete: bool = False  # `delivered` holds all that this run of the workflow delivered
    recalled: set[tuple[str, str]] = field(default_factory=set)  # places it was found out for
    governed: bool = False  # what its policies render was applied in this run
    externals: Versions = ()  # what it may refer to, as the pass under way found it
    clusters: Versions = ()  # how the clusters were, as that pass began
    owned: Versions = ()  # its objects, as they were before that pass looked for drift
    scoped: tuple[str, scoping.Transformed] | None = None  # by what it was made of
    looked: float = 0.0  # monotonic seconds; the beginning of the last whole pass
    settled: str = ""  # fingerprint of the last pass that found nothing left to do
    run: str = ""  # the run of the workflow that all of this is of
    # identity of an object -> its resourceVersion without drift
    clean: dict[tuple[str, ...], str] = field(default_factory=dict)

    def restart(self) -> None:
        """A new run of the workflow begins: what the last one knew no longer holds."""
        self.delivered.clear()
        self.recalled.clear()
        self.attempts = Attempts()
        self.memory = None
        self.complete = True
        self.governed = False
        self.settled = ""

    def enter(self, run: str) -> None:
        """A pass over a run of the workflow begins. If the last one was over another run, and what
        it came to was never stored, nothing of what it knew holds.
        """
        if self.run not in ("", run):
            self.restart()
            self.complete = False
            self.clean.clear()
        self.run = run

    def resume(self, workflow: Mapping[str, Any], memory: Memory) -> None:
        """A run that had ended is taken up as it was; what it delivered is to be found out."""
        self.workflow, self.memory = workflow, memory
        self.complete = False
        self.clean.clear()  # what was as the other run had it is not as this one had it


class Sessions:
    """Sessions by (namespace, name); an application made anew under an old name starts afresh."""

    def __init__(self) -> None:
        self._sessions: dict[tuple[str, str], Session] = {}

    def of(self, app: Application) -> Session:
        found = self._sessions.get((app.namespace, app.name))
        if found is None or found.uid != app.uid:
            found = self._sessions[app.namespace, app.name] = Session(app.uid)
        return found

    def forget(self, namespace: str, name: str) -> None:
        self._sessions.pop((namespace, name), None)


def fingerprint(
    app: Application,
    status: Mapping[str, Any],
    owned: Versions,
    others: Versions,
) -> str:
    """Equal for two moments between which nothing changed that a pass would look at.

    Args:
        status: of the application, as stored or about to be.
        owned: the live objects of the application.
        others: whatever else it depends on.
    """
    return hashing.digest(
        [
            app.generation,
            app.labels,
            app.annotations,
            app.deleting,
            status,
            sorted(owned),
            sorted(others),
        ]
    )
