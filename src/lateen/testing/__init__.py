"""Tests of definitions: a pytest plugin, and what its fixture gives to work with.

`docs/testing-definitions.md` has the tour. Importing this package imports nothing of the rest:
every run of pytest does it where Lateen is installed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lateen.testing.kits import Kit
    from lateen.testing.picking import builtin, builtins, load, load_all
    from lateen.testing.refusals import Refused
    from lateen.testing.renderings import Rendering
    from lateen.testing.runs import Run
    from lateen.testing.searching import breaks_nothing
    from lateen.testing.strategies import parameters
    from lateen.testing.subjects import Subject

_HOMES = {
    "Kit": "kits",
    "Refused": "refusals",
    "Rendering": "renderings",
    "Run": "runs",
    "Subject": "subjects",
    "breaks_nothing": "searching",
    "builtin": "picking",
    "builtins": "picking",
    "load": "picking",
    "load_all": "picking",
    "parameters": "strategies",
}

__all__ = [
    "Kit",
    "Refused",
    "Rendering",
    "Run",
    "Subject",
    "breaks_nothing",
    "builtin",
    "builtins",
    "load",
    "load_all",
    "parameters",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        home = importlib.import_module(f"{__name__}.{_HOMES[name]}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "hypothesis":
            raise
        message = f"{__name__}.{name} needs Hypothesis: pip install 'lateen[testing]'"
        raise ModuleNotFoundError(message, name=error.name) from error
    return getattr(home, name)
