"""`workflow`: one operation on a workflow, written to the status of whose it is."""

from __future__ import annotations

from typing import Any

from lateen import hub
from lateen.cli import connecting, flows, printing
from lateen.cli.forms import Workflows
from lateen.controllers.application import memories
from lateen.workflow import operations

_DONE = {
    "suspend": "is suspended",
    "resume": "goes on",
    "restart": "runs again",
    "terminate": "is terminated",
}
_ATTEMPTS = 5  # a running workflow writes its status too


async def steer(
    verb: str,
    name: str,
    namespace: str,
    step: str,
    kubeconfig: str | None,
    kind: Workflows | None = None,
) -> None:
    """Suspend, resume, restart or terminate; `step` is empty for the whole workflow.

    Raises:
        Problem: `hub.not-found`; `workflow.*` when the workflow is not in a state for it.
    """
    async with connecting.plane(kubeconfig) as client:
        for attempt in range(1, _ATTEMPTS + 1):
            flow = await flows.find(client, namespace, name, kind)
            wanted = flow.with_state(await _changed(client, flow, verb, step))
            try:
                # replaced, not patched: what was read is what is changed, or it is a conflict
                await client.replace(wanted, subresource="status")
                break
            except hub.ApiError as error:
                if not error.conflict or attempt == _ATTEMPTS:
                    raise
    what = f"step {step} of {name}" if step else f"the workflow of {name}"
    printing.line_out(f"{what} {_DONE[verb]}")


async def _changed(client: hub.Client, flow: flows.Flow, verb: str, step: str) -> dict[str, Any]:
    """The state of the workflow as the operation leaves it."""
    match verb:
        case "suspend":
            return operations.suspend(flow.state, step)
        case "resume":
            return operations.resume(flow.state, step)
        case "terminate":
            return operations.terminate(flow.state)
    return await _again(client, flow, step) if step else operations.restart(flow.state)


async def _again(client: hub.Client, flow: flows.Flow, step: str) -> dict[str, Any]:
    """Run a failed step once more, and what waited for it; forgets the variables they set."""
    plan = await flows.plan(client, flow)
    memory = await memories.load(flow.owner, flow.state, client)
    changed = operations.restart_from(flow.state, step, plan, memory)
    if memory.changed:
        await memories.save(flow.owner, memory, client)
    return changed
