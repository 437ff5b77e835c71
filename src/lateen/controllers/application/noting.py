"""Where the documents of a workflow that is debugged are kept: a ConfigMap each (semantics E7)."""

from __future__ import annotations

from dataclasses import dataclass

from lateen.base import hashing
from lateen.controllers.application import memories
from lateen.hub import client
from lateen.workflow import remembering

KEY = "debug"


def name(owner: memories.Owner, of: str) -> str:
    """The ConfigMap for a step, by its id, or for a component."""
    fit = remembering.key(of).lower().replace("_", "-")
    return f"{owner.name}-{fit}-debug-{owner.uid[-5:]}"


def subject(owner: memories.Owner, of: str) -> str:
    """The step or component that a ConfigMap is for, empty where it is none of these."""
    start, end = f"{owner.name}-", f"-debug-{owner.uid[-5:]}"
    inside = len(of) > len(start) + len(end) and of.startswith(start) and of.endswith(end)
    return of[len(start) : -len(end)] if inside else ""


@dataclass
class Notebook:
    """Implements `workflow.ports.Notes`. `written` is what is stored as far as is known, by name;
    it outlives a pass.
    """

    owner: memories.Owner
    hub: client.Client
    written: dict[str, str]

    async def keep(self, name_: str, text: str) -> None:
        digest = hashing.digest(text)
        if self.written.get(name_) == digest:
            return
        meta = {
            "name": name(self.owner, name_),
            "namespace": self.owner.namespace,
            "ownerReferences": [memories.reference(self.owner)],
        }
        found = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {KEY: text}}
        await self.hub.apply(found, force=True)
        self.written[name_] = digest
