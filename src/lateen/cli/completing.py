"""Names for the shell's completion. Silent: a completion that cannot be had is none."""

from __future__ import annotations

from lateen import hub
from lateen.api import names
from lateen.base.problem import Problem, Problems
from lateen.cli import connecting, running

_PATIENCE = 2.0  # seconds; somebody waits at a prompt


def applications(kubeconfig: str | None, namespace: str, incomplete: str) -> list[str]:
    """Names of the applications of a namespace that begin so; none when none can be had."""

    async def ask() -> list[str]:
        async with connecting.plane(kubeconfig, timeout=_PATIENCE) as client:
            found, _ = await client.list(names.GROUP, "v1beta1", "Application", namespace=namespace)
        return [str(app["metadata"]["name"]) for app in found]

    try:
        return [name for name in running.run(ask) if name.startswith(incomplete)]
    except (hub.ApiError, Problem, Problems):
        return []
