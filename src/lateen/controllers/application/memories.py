"""Where a workflow's memory is kept: a ConfigMap beside the application (semantics E1).

Variables read from Secrets go into a Secret of the same name instead. Neither is made while there
is nothing to remember.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from lateen.api import names
from lateen.api.application import Application
from lateen.api.manifest import Key, Manifest
from lateen.hub import client, errors
from lateen.workflow.remembering import Memory


async def load(app: Application, status: Mapping[str, Any], hub: client.Client) -> Memory:
    """The memory that `status.workflow` refers to; an empty one where it refers to none."""
    backend = (status.get("workflow") or {}).get("contextBackend") or {}
    if not backend:
        return Memory()
    public = await _data(hub, Key("", "ConfigMap", app.namespace, backend["name"], "v1"))
    hidden = await _data(hub, Key("", "Secret", app.namespace, backend["name"], "v1"))
    memory = Memory.load(public, hidden)
    memory.stored |= {"ConfigMap": public, "Secret": hidden}
    return memory


async def save(app: Application, memory: Memory, hub: client.Client) -> dict[str, str]:
    """Store the memory; returns what `status.workflow.contextBackend` says of it."""
    name = f"workflow-{app.name}-context"
    public, hidden = memory.dump(), memory.dump_secrets()
    memory.changed = False
    if memory.stored.get("ConfigMap") != public:
        await hub.apply(_object(app, "ConfigMap", name, {"data": public}), force=True)
        memory.stored["ConfigMap"] = public
    if memory.stored.get("Secret", {}) != hidden:
        # as `data`: what was sent as `stringData` before would stay for ever
        data = {key: base64.b64encode(value.encode()).decode() for key, value in hidden.items()}
        await hub.apply(_object(app, "Secret", name, {"data": data}), force=True)
        memory.stored["Secret"] = hidden
    return {"apiVersion": "v1", "kind": "ConfigMap", "name": name, "namespace": app.namespace}


def secrets(kept: Manifest) -> dict[str, Any]:
    """The values in the Secret of a memory: variables by name, and others under their keys."""
    memory = Memory.load({}, _decoded(kept))
    return {**memory.variables, **memory.dump_secrets()}


def _object(app: Application, kind: str, name: str, body: Mapping[str, Any]) -> Manifest:
    owner = {
        "apiVersion": names.V1BETA1,
        "kind": "Application",
        "name": app.name,
        "uid": app.uid,
        "controller": True,
    }
    meta = {"name": name, "namespace": app.namespace, "ownerReferences": [owner]}
    return {"apiVersion": "v1", "kind": kind, "metadata": meta, **body}


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
