"""Exit codes: what a script may tell apart."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from lateen.base.problem import Problem


class Exit(IntEnum):
    """Every code a command ends with; documented in docs/reference/commands.md."""

    OK = 0
    FAILED = 1  # anything without a code of its own, a bug of ours among them
    INPUT = 2  # wrong use of a command, or a file that cannot be delivered as it is
    UNREACHABLE = 3  # no control plane to talk to, or it does not answer
    NOT_FOUND = 4  # what was named does not exist
    UNHEALTHY = 5  # delivered, but it failed or is not healthy
    TIMEOUT = 6  # still under way when the time was up
    INTERRUPTED = 130  # Ctrl-C


_UNREACHABLE = frozenset(
    {
        "hub.no-control-plane",
        "hub.not-installed",
        "hub.kubeconfig",
        "hub.credentials",
        "hub.unreachable",
        "hub.timeout",
        "hub.unserved",
        "hub.certificate",
        "hub.unauthorized",
    }
)
_MISUSED = frozenset({"cli.port", "hub.invalid", "hub.bad-request", "hub.unknown-kind"})
_AREAS = {
    "delivery": Exit.UNHEALTHY,
    **dict.fromkeys(
        (
            "adopt",
            "cluster",
            "component",
            "config",
            "cue",
            "definition",
            "deletion",
            "dispatch",
            "document",
            "field",
            "input",
            "override",
            "parameter",
            "patch",
            "plan",
            "policy",
            "processing",
            "reference",
            "rollback",
            "settings",
            "template",
            "terraform",
            "topology",
            "trait",
            "workflow",
            "yaml",
        ),
        Exit.INPUT,
    ),
}


def code(problems: Iterable[Problem]) -> Exit:
    """The code for what went wrong first; the area of a problem's code decides."""
    for problem in problems:
        if problem.code in _UNREACHABLE:
            return Exit.UNREACHABLE
        if problem.code in ("config.missing", "hub.not-found", "undelete.unknown"):
            return Exit.NOT_FOUND
        if problem.code == "delivery.timeout":
            return Exit.TIMEOUT
        if problem.code in _MISUSED:
            return Exit.INPUT
        return _AREAS.get(problem.code.partition(".")[0], Exit.FAILED)
    return Exit.FAILED
