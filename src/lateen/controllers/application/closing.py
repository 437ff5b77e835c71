"""How the workflow of a revision ended, written into its ApplicationRevision (semantics C3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lateen.api import names
from lateen.api.application import Application
from lateen.api.manifest import Key, Manifest
from lateen.api.revision import Revision
from lateen.base import merge
from lateen.hub import client, errors
from lateen.workflow.remembering import Memory

_SUCCEEDED = "succeeded"


def ended(
    revision: Revision, workflow: Mapping[str, Any], memory: Memory | None
) -> dict[str, Any] | None:
    """The status of a revision whose workflow is over; None when it says so, or is not over.

    Variables that were read from a Secret are not part of it.
    """
    if not workflow.get("finished") or revision.status.get("workflow") == workflow:
        return None
    return _status(revision, workflow, memory)


def superseded(revision: Revision, workflow: Mapping[str, Any]) -> dict[str, Any] | None:
    """The status of a revision whose workflow another one took the place of, as it had come.

    None when its end is written already, or it never began.
    """
    if not workflow.get("steps") or revision.status.get("workflow"):
        return None
    return _status(revision, {**workflow, "terminated": True, "finished": True}, None)


def _status(
    revision: Revision, workflow: Mapping[str, Any], memory: Memory | None
) -> dict[str, Any]:
    found = {"succeeded": workflow.get("status") == _SUCCEEDED, "workflow": dict(workflow)}
    context = memory.dump() if memory else {}
    if any(value.strip() for value in context.values()):
        found["workflowContext"] = context
    return found


def left_behind(app: Application, stored: list[Revision]) -> Revision | None:
    """The revision that the workflow in the application's status is of."""
    name = (app.status.get("latestRevision") or {}).get("name")
    return next((each for each in stored if each.name == name), None)


async def write(
    revision: Revision, status: Mapping[str, Any] | None, hub: client.Client
) -> Manifest | None:
    """Store what `ended` or `superseded` found; returns the object as it now is, if it is."""
    if status is None:
        return None
    meta = revision.raw["metadata"]
    key = Key(names.GROUP, "ApplicationRevision", meta["namespace"], meta["name"], "v1beta1")
    body = {"status": merge.difference(revision.status, status)}
    try:
        return await hub.patch(key, body, subresource="status")
    except errors.ApiError as error:
        if error.not_found:  # cleaned up meanwhile
            return None
        raise
