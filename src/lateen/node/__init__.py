"""The standalone node: pods become processes of this machine (containers later, same Protocol).

`run` is the way in. `pods` is one pod, `planning` and `phases` decide what to do and what to tell,
`processes` does it, each process under a `shim` that outlives the node.
"""

from __future__ import annotations

from lateen.node.node import run
from lateen.node.registration import RUNTIME_CLASS
from lateen.node.settings import Settings

__all__ = ["RUNTIME_CLASS", "Settings", "run"]
