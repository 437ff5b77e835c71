"""Which limits hold for a pod, and how to tell of those that do not.

Those of processes are held by the kernel, where cgroups can be made: see `cgroups`. Else who takes
more memory than its limit is killed by its shim, on Linux. A container engine sees to its own,
where it may.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lateen.base import quantity
from lateen.node import planning

ALL = frozenset({"cpu", "memory"})  # that pods may ask for
# what shims hold: a kernel may be built without telling who descends from whom
OF_SHIMS = frozenset({"memory"} if Path("/proc/thread-self/children").exists() else ())
_KINDS = {"cpu": "CPU", "memory": "memory", "pids": "pids"}


def memory(container: Mapping[str, Any]) -> int:
    """Bytes that a process may take, 0 for any."""
    found = quantity.parse(_limits(container).get("memory"))
    return max(1, int(found)) if found else 0


def listed(kinds: frozenset[str]) -> str:
    """`limits of CPU, memory and pids`; empty for none."""
    *others, last = [name for kind, name in _KINDS.items() if kind in kinds] or [""]
    rest = f"{', '.join(others)} and " if others else ""
    return f"limits of {rest}{last}" if last else ""


def missing(pod: Mapping[str, Any], held: frozenset[str]) -> str | None:
    """Which limits of a pod do not hold, empty when all do; None where it has none."""
    inits, mains = planning.containers(pod)
    found = [
        (c["name"], kind) for c in (*inits, *mains) for kind in sorted(ALL) if kind in _limits(c)
    ]
    if not found:
        return None
    loose = [f"{kind} of {name}" for name, kind in found if kind not in held]
    return f"nothing here holds {', '.join(loose)}: for scheduling only" if loose else ""


def _limits(container: Mapping[str, Any]) -> Mapping[str, Any]:
    return (container.get("resources") or {}).get("limits") or {}
