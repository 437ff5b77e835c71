"""The native steps, by type. `step-group` is not among them: the engine itself runs groups."""

from __future__ import annotations

from collections.abc import Mapping

from lateen.workflow import debugging, options
from lateen.workflow.ports import Runner
from lateen.workflow.steps import applying, deploying, suspending

NATIVE: Mapping[str, Runner] = {
    options.APPLY: debugging.shown(applying.run),
    options.DEPLOY: debugging.shown(deploying.run),
    options.SUSPEND: suspending.run,
}

TYPES = frozenset({*NATIVE, options.GROUP})
"""Every type that can be planned with the native steps alone."""
