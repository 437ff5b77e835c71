"""Where the native programs are."""

from __future__ import annotations

import os
from pathlib import Path

from lateen.base.problem import Problem

_PACKAGE = Path(__file__).parent.parent


def locate(name: str) -> Path:
    """The path of a native program, `engine`, `renderer` or `kube`.

    Looks in `$LATEEN_NATIVE_DIR`, then beside the installed package, then in a checkout's
    `native/bin`.

    Raises:
        Problem: `native.missing`, with what to do.
    """
    places = [_PACKAGE / "_native", _PACKAGE.parent.parent / "native" / "bin"]
    if override := os.environ.get("LATEEN_NATIVE_DIR"):
        places = [Path(override)]
    for place in places:
        if os.access(place / name, os.X_OK):
            return place / name
    looked = ", ".join(str(place) for place in places)
    raise Problem(
        "native.missing",
        f"the native program {name} is not in {looked}",
        hint="run `make build` in a checkout, or set LATEEN_NATIVE_DIR to where it is",
    )
