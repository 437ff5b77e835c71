"""`workflow list`: one row for each workflow."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from lateen.cli import connecting, flows, printing
from lateen.cli.forms import Output
from lateen.workflow import records

HEADERS = ("NAMESPACE", "NAME", "TYPE", "PHASE", "STEPS", "START-TIME", "END-TIME")


async def workflows(namespace: str, output: Output, kubeconfig: str | None) -> None:
    """Print the workflows of a namespace, or of all when it is empty."""
    async with connecting.plane(kubeconfig) as client:
        found = await flows.every(client, namespace)
    if output is not Output.TABLE:
        printing.structured([_plain(flow) for flow in found], output)
        return
    if not found:
        where = printing.place(namespace)
        printing.stderr().print(f"There is no workflow {where}.")
        return
    skipped = 1 if namespace else 0
    printing.table(HEADERS[skipped:], [_row(flow)[skipped:] for flow in found])


def _row(flow: flows.Flow) -> list[str | Text]:
    plain = _plain(flow)
    ended = [step for step in flow.records() if step.finished]
    return [
        plain["namespace"],
        plain["name"],
        plain["type"],
        printing.state(plain["phase"]),
        f"{len(ended)}/{len(flow.records())}",
        plain.get("startTime", ""),
        plain.get("endTime", ""),
    ]


def _plain(flow: flows.Flow) -> dict[str, Any]:
    state = flow.state
    steps = [
        {"name": r.name, "type": r.type, "phase": r.phase or records.PENDING}
        for r in flow.records()
    ]
    times = {k: state[k] for k in ("startTime", "endTime") if state.get(k)}
    own = {"namespace": flow.owner.namespace, "name": flow.owner.name, "type": flow.kind}
    phase = str(state.get("status") or flow.owner.status.get("status") or "initializing")
    return {**own, "phase": phase, **times, "steps": steps}
