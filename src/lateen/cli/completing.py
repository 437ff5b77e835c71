"""Names for the shell's completion. Silent: a completion that cannot be had is none."""

from __future__ import annotations

from lateen import hub
from lateen.base.problem import Problem, Problems
from lateen.cli import connecting, running

_PATIENCE = 2.0  # seconds; somebody waits at a prompt


def clusters(kubeconfig: str | None, incomplete: str) -> list[str]:
    """Names of the joined clusters that begin so."""
    # imported here: completing an application needs no clusters
    from lateen.cli import reaching

    async def ask() -> list[str]:
        async with connecting.plane(kubeconfig, timeout=_PATIENCE) as client:
            return sorted((await reaching.roster(client)).members)

    try:
        return [name for name in running.run(ask) if name.startswith(incomplete)]
    except (hub.ApiError, Problem, Problems):
        return []


def definitions(kubeconfig: str | None, namespace: str, incomplete: str) -> list[str]:
    """Names of the definitions of a namespace that begin so; none when none can be had."""
    # imported here: completing an application needs no definitions
    from lateen.cli.defs import finding

    async def ask() -> list[str]:
        async with connecting.plane(kubeconfig, timeout=_PATIENCE) as client:
            found = await finding.every(client, namespace)
        return sorted({definition.name for definition in found})

    try:
        return [name for name in running.run(ask) if name.startswith(incomplete)]
    except (hub.ApiError, Problem, Problems):
        return []


def applications(kubeconfig: str | None, namespace: str, incomplete: str) -> list[str]:
    """Names of the applications of a namespace that begin so; none when none can be had."""

    async def ask() -> list[str]:
        async with connecting.plane(kubeconfig, timeout=_PATIENCE) as client:
            return [app.name for app in await connecting.applications(client, namespace)]

    try:
        return [name for name in running.run(ask) if name.startswith(incomplete)]
    except (hub.ApiError, Problem, Problems):
        return []


def workflows(kubeconfig: str | None, namespace: str, incomplete: str) -> list[str]:
    """Names of applications and WorkflowRuns of a namespace that begin so."""
    # imported here: completing an application needs no workflows
    from lateen.cli import flows

    async def ask() -> list[str]:
        async with connecting.plane(kubeconfig, timeout=_PATIENCE) as client:
            return sorted({flow.owner.name for flow in await flows.every(client, namespace)})

    try:
        return [name for name in running.run(ask) if name.startswith(incomplete)]
    except (hub.ApiError, Problem, Problems):
        return []
