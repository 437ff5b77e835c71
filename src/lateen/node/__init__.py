"""The standalone node: pods become processes of this machine, or containers in an engine on it.

`run` is the way in. `pods` is one pod, `planning` and `phases` decide what to do and what to tell,
`processes` does it, each process under a `shim` that outlives the node; `containers` and `boxes` do
it with Docker or Podman. `fabric`, `gates` and `claims` are Services, Ingresses and volumes;
`server` is the kubelet API.
"""

from __future__ import annotations

from lateen.node.node import Started, run
from lateen.node.registration import RUNTIME_CLASS
from lateen.node.settings import Settings

__all__ = ["RUNTIME_CLASS", "Settings", "Started", "run"]
