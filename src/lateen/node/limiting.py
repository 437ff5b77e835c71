"""Which limits of processes hold, and how to tell of those that do not.

A process that takes more memory than its limit is killed by its shim, on Linux. What would hold
back its use of the processors is in the kernel, for those who may make cgroups: nothing does here.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from lateen.base import quantity
from lateen.node import planning

_WATCHED = frozenset({"memory"} if sys.platform == "linux" else ())
_KINDS = {"cpu": "CPU", "memory": "memory"}


def memory(container: Mapping[str, Any]) -> int:
    """Bytes that a process may take, 0 for any."""
    found = quantity.parse(_limits(container).get("memory"))
    return max(1, int(found)) if found and "memory" in _WATCHED else 0


def unheld() -> str:
    """What does not hold for any process of this node."""
    kinds = " and ".join(name for kind, name in _KINDS.items() if kind not in _WATCHED)
    return f"limits of {kinds} do not hold for processes: they count for scheduling only"


def missing(pod: Mapping[str, Any]) -> str | None:
    """Which limits of a pod do not hold, empty when all do; None where it has none, or an engine
    sees to them.
    """
    if not planning.is_process(pod):
        return None
    inits, mains = planning.containers(pod)
    found = [(c["name"], kind) for c in (*inits, *mains) for kind in _KINDS if kind in _limits(c)]
    if not found:
        return None
    loose = [f"{kind} of {name}" for name, kind in found if kind not in _WATCHED]
    return f"{unheld()} ({', '.join(loose)})" if loose else ""


def _limits(container: Mapping[str, Any]) -> Mapping[str, Any]:
    return (container.get("resources") or {}).get("limits") or {}
