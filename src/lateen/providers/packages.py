"""The CUE texts of `vela/...`: what definitions import.

Two flavours under the same names. STEP is for workflow steps; `vela/op` and `vela/ql` are its older
form, with inputs and results side by side. TEMPLATE is for components, traits and policies.
Source: semantics E8, inventory 3.1.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from importlib import resources
from typing import Final

Packages = Mapping[str, Mapping[str, str]]
"""Import path -> file name -> CUE text, as `Engine.compile` takes it."""


class Flavour(enum.Enum):
    STEP = "step"
    TEMPLATE = "template"


_TEXTS: Final = resources.files("lateen.providers") / "cue"
_SHARED: Final = (
    "base64",
    "cue",
    "helm",
    "kustomize",
)  # the same for both; steps need them less often


def _read(folder: str) -> dict[str, str]:
    found = (_TEXTS / folder).iterdir()
    return {each.name: each.read_text() for each in sorted(found, key=lambda each: each.name)}


def _single(folder: str) -> dict[str, Mapping[str, str]]:
    """Packages of one file each, named as the file is."""
    texts = _read(folder).items()
    return {f"vela/{name.removesuffix('.cue')}": {name: t} for name, t in texts}


def _step() -> Packages:
    template, legacy = _single("template"), _read("op")
    # queries read plain objects as well, with the same actions as `op`
    queries = {**_read("ql"), "kube.cue": legacy["kube.cue"].replace("package op", "package ql", 1)}
    shared = {f"vela/{name}": template[f"vela/{name}"] for name in _SHARED}
    return {**_single("step"), **shared, "vela/op": legacy, "vela/ql": queries}


STEP: Final[Packages] = _step()
TEMPLATE: Final[Packages] = _single("template")


def of(flavour: Flavour) -> Packages:
    return STEP if flavour is Flavour.STEP else TEMPLATE
