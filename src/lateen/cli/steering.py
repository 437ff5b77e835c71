"""`workflow`: one operation on the workflow of an application, written to its status."""

from __future__ import annotations

from lateen import hub
from lateen.cli import connecting, printing
from lateen.workflow import operations

_OPERATIONS = {
    "suspend": (operations.suspend, "is suspended"),
    "resume": (operations.resume, "goes on"),
    "restart": (operations.restart, "runs again"),
    "terminate": (operations.terminate, "is terminated"),
}
_ATTEMPTS = 5  # a running workflow writes its status too


async def steer(verb: str, name: str, namespace: str, step: str, kubeconfig: str | None) -> None:
    """Suspend, resume, restart or terminate; `step` is empty for the whole workflow.

    Raises:
        Problem: `hub.not-found`; `workflow.*` when the workflow is not in a state for it.
    """
    operate, done = _OPERATIONS[verb]
    async with connecting.plane(kubeconfig) as client:
        for attempt in range(1, _ATTEMPTS + 1):
            app = await connecting.application(client, namespace, name)
            status = {**app.status, "workflow": operate(app.status.get("workflow") or {}, step)}
            try:
                # replaced, not patched: what was read is what is changed, or it is a conflict
                await client.replace({**app.raw, "status": status}, subresource="status")
                break
            except hub.ApiError as error:
                if not error.conflict or attempt == _ATTEMPTS:
                    raise
    what = f"step {step} of {name}" if step else f"the workflow of {name}"
    printing.line_out(f"{what} {done}")
