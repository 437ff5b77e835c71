"""Which limits of CPU and memory hold for a pod, and how to tell of those that do not.

A process that takes more memory than its limit is killed by its shim, on Linux. Its use of the
processors is held back by the kernel, where cgroups can be made: see `cgroups`. A container engine
sees to both, where it may.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lateen.base import quantity
from lateen.node import planning

ALL = frozenset({"cpu", "memory"})
# what shims hold: a kernel may be built without telling who descends from whom
OF_SHIMS = frozenset({"memory"} if Path("/proc/thread-self/children").exists() else ())
_KINDS = {"cpu": "CPU", "memory": "memory"}


def memory(container: Mapping[str, Any]) -> int:
    """Bytes that a process may take, 0 for any."""
    found = quantity.parse(_limits(container).get("memory"))
    return max(1, int(found)) if found and "memory" in OF_SHIMS else 0


def unheld(held: frozenset[str]) -> str:
    """`limits of CPU and memory`, as far as they do not hold; empty when all do."""
    kinds = " and ".join(name for kind, name in _KINDS.items() if kind not in held)
    return f"limits of {kinds}" if kinds else ""


def missing(pod: Mapping[str, Any], held: frozenset[str]) -> str | None:
    """Which limits of a pod do not hold, empty when all do; None where it has none."""
    inits, mains = planning.containers(pod)
    found = [(c["name"], kind) for c in (*inits, *mains) for kind in _KINDS if kind in _limits(c)]
    if not found:
        return None
    loose = [f"{kind} of {name}" for name, kind in found if kind not in held]
    return f"nothing here holds {', '.join(loose)}: for scheduling only" if loose else ""


def _limits(container: Mapping[str, Any]) -> Mapping[str, Any]:
    return (container.get("resources") or {}).get("limits") or {}
