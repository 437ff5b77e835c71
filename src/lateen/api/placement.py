"""Where a component is delivered to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Placement:
    """A cluster and a namespace on it.

    An empty cluster is the control plane's own, as `apply-component` writes it; an empty namespace
    keeps the namespace each object was rendered with (semantics F2).
    """

    cluster: str
    namespace: str

    def __str__(self) -> str:
        return f"{self.cluster}/{self.namespace}" if self.namespace else self.cluster
