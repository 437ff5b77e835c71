"""What is known when the question is put: everything the answer is found from. Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lateen.api.application import Application
from lateen.api.manifest import Manifest
from lateen.api.revision import Revision
from lateen.api.tracker import Tracker
from lateen.cli import trees
from lateen.cli.chronicles import Event

Spot = tuple[str, str, str]  # namespace, pod, container


@dataclass(frozen=True)
class Evidence:
    """An application and what there is of it.

    Attributes:
        nodes: every object of its trackers, with what it made; each once.
        components: which component each of `nodes` is of, by the identity of its key.
        pods: every pod of the namespaces `nodes` are in.
        logs: the last line a container wrote before it ended.
        revision: the one the application is at.
        gone: the application is not there any more, only its trackers are.
    """

    app: Application
    now: datetime
    nodes: tuple[trees.Node, ...] = ()
    components: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    trackers: tuple[Tracker, ...] = ()
    events: tuple[Event, ...] = ()
    pods: tuple[Manifest, ...] = ()
    logs: Mapping[Spot, str] = field(default_factory=dict)
    revision: Revision | None = None
    gone: bool = False

    def component(self, node: trees.Node) -> str:
        return self.components.get(node.key.identity) or node.component

    @property
    def here(self) -> str:
        """The arguments that name the application in another command."""
        return f"{self.app.name} -n {self.app.namespace}"
