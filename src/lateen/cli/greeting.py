"""What the control plane says of itself."""

from __future__ import annotations

from lateen import hub
from lateen.base.problem import Problem
from lateen.cli import connecting

_PATIENCE = 3.0  # seconds; a version is asked for in passing


async def server(kubeconfig: str | None) -> dict[str, str | None]:
    """`{"server": version}`, None where there is no control plane or it does not answer.

    Raises:
        Problem: a kubeconfig that was given cannot be used.
    """
    try:
        async with connecting.plane(kubeconfig, timeout=_PATIENCE) as client:
            found = await client.version()
    except Problem as problem:
        if kubeconfig is None and problem.code == "hub.no-control-plane":
            return {"server": None}
        raise
    except hub.ApiError as error:
        if not error.transient:
            raise
        return {"server": f"not reachable ({error.message})"}
    return {"server": str(found.get("gitVersion"))}
