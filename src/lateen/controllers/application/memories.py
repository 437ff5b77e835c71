"""Where a workflow's memory is kept: a ConfigMap beside whose workflow it is (semantics E1).

Variables read from Secrets go into a Secret of the same name instead. Neither is made while there
is nothing to remember.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Protocol

from lateen.api.manifest import Key, Manifest
from lateen.base import hashing
from lateen.hub import client, errors
from lateen.workflow.remembering import Memory


class Owner(Protocol):
    """Whose workflow it is: an Application or a WorkflowRun."""

    @property
    def name(self) -> str: ...
    @property
    def namespace(self) -> str: ...
    @property
    def uid(self) -> str: ...
    @property
    def key(self) -> Key: ...


async def load(owner: Owner, workflow: Mapping[str, Any], hub: client.Client) -> Memory:
    """The memory that the state of a workflow refers to; an empty one where it refers to none."""
    backend = workflow.get("contextBackend") or {}
    if not backend:
        return Memory()
    name = backend["name"]
    public = await _data(hub, Key("", "ConfigMap", owner.namespace, name, "v1"))
    hidden = await _data(hub, Key("", "Secret", owner.namespace, name, "v1"))
    memory = Memory.load(public, hidden)
    memory.stored |= {"ConfigMap": public, "Secret": hidden}
    return memory


async def save(owner: Owner, memory: Memory, hub: client.Client) -> dict[str, str]:
    """Store the memory; returns what `contextBackend` of the workflow says of it."""
    name = _name(owner)
    public, hidden = memory.dump(), memory.dump_secrets()
    memory.changed = False
    if memory.stored.get("ConfigMap") != public:
        await hub.apply(_object(owner, "ConfigMap", name, public), force=True)
        memory.stored["ConfigMap"] = public
    if memory.stored.get("Secret", {}) != hidden:
        # as `data`: what was sent as `stringData` before would stay for ever
        data = {key: base64.b64encode(value.encode()).decode() for key, value in hidden.items()}
        await hub.apply(_object(owner, "Secret", name, data), force=True)
        memory.stored["Secret"] = hidden
    return {"apiVersion": "v1", "kind": "ConfigMap", "name": name, "namespace": owner.namespace}


def _name(owner: Owner) -> str:
    """A WorkflowRun may be called as an application: its memory is never called as that one's."""
    usual = f"workflow-{owner.name}-context"
    own = owner.key.kind == "Application"
    return usual if own else f"{usual}-{hashing.digest(owner.uid)[:5]}"


def secrets(kept: Manifest) -> dict[str, Any]:
    """The values in the Secret of a memory: variables by name, and others under their keys."""
    memory = Memory.load({}, _decoded(kept))
    return {**memory.variables, **memory.dump_secrets()}


def reference(owner: Owner) -> dict[str, Any]:
    """The entry in `ownerReferences` that makes an object go with its owner."""
    return {
        "apiVersion": owner.key.api_version,
        "kind": owner.key.kind,
        "name": owner.name,
        "uid": owner.uid,
        "controller": True,
    }


def _object(owner: Owner, kind: str, name: str, data: Mapping[str, str]) -> Manifest:
    where = {"name": name, "namespace": owner.namespace}
    meta = {**where, "ownerReferences": [reference(owner)]}
    return {"apiVersion": "v1", "kind": kind, "metadata": meta, "data": dict(data)}


async def _data(hub: client.Client, key: Key) -> dict[str, str]:
    try:
        found = await hub.get(key)
    except errors.ApiError as error:
        if error.not_found:
            return {}
        raise
    return _decoded(found) if key.kind == "Secret" else found.get("data") or {}


def _decoded(secret: Manifest) -> dict[str, str]:
    data = secret.get("data") or {}
    return {key: base64.b64decode(value).decode() for key, value in data.items()}
