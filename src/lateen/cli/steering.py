"""`workflow`: one operation on the workflow of an application, written to its status."""

from __future__ import annotations

from typing import Any

from lateen import hub
from lateen.api import names
from lateen.api.application import Application
from lateen.api.manifest import Key
from lateen.api.revision import Revision
from lateen.base.problem import Problem
from lateen.cli import connecting, printing
from lateen.controllers.application import memories, running
from lateen.workflow import operations

_DONE = {
    "suspend": "is suspended",
    "resume": "goes on",
    "restart": "runs again",
    "terminate": "is terminated",
}
_ATTEMPTS = 5  # a running workflow writes its status too


async def steer(verb: str, name: str, namespace: str, step: str, kubeconfig: str | None) -> None:
    """Suspend, resume, restart or terminate; `step` is empty for the whole workflow.

    Raises:
        Problem: `hub.not-found`; `workflow.*` when the workflow is not in a state for it.
    """
    async with connecting.plane(kubeconfig) as client:
        for attempt in range(1, _ATTEMPTS + 1):
            app = await connecting.application(client, namespace, name)
            status = {**app.status, "workflow": await _changed(client, app, verb, step)}
            try:
                # replaced, not patched: what was read is what is changed, or it is a conflict
                await client.replace({**app.raw, "status": status}, subresource="status")
                break
            except hub.ApiError as error:
                if not error.conflict or attempt == _ATTEMPTS:
                    raise
    what = f"step {step} of {name}" if step else f"the workflow of {name}"
    printing.line_out(f"{what} {_DONE[verb]}")


async def _changed(client: hub.Client, app: Application, verb: str, step: str) -> dict[str, Any]:
    """`status.workflow` as the operation leaves it."""
    status = app.status.get("workflow") or {}
    match verb:
        case "suspend":
            return operations.suspend(status, step)
        case "resume":
            return operations.resume(status, step)
        case "terminate":
            return operations.terminate(status)
    return await _again(client, app, step) if step else operations.restart(status)


async def _again(client: hub.Client, app: Application, step: str) -> dict[str, Any]:
    """Run a failed step once more, and what waited for it; forgets the variables they set."""
    plan = running.itinerary(await _revision(client, app)).plan
    status = app.status.get("workflow") or {}
    memory = await memories.load(app, status, client)
    changed = operations.restart_from(status, step, plan, memory)
    if memory.changed:
        await memories.save(app, memory, client)
    return changed


async def _revision(client: hub.Client, app: Application) -> Revision:
    name = str((app.status.get("latestRevision") or {}).get("name") or "")
    if not name:
        raise Problem("workflow.not-running", "the workflow has not been started yet")
    key = Key(names.GROUP, "ApplicationRevision", app.namespace, name, "v1beta1")
    return Revision(await client.get(key))
