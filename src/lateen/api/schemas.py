"""The CustomResourceDefinitions of oam.dev, read from `crds/*.yaml`.

The files are plain manifests: `kubectl apply -f` takes them as they are.
"""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from lateen.api import names
from lateen.api.manifest import Manifest

# What an application refers to comes before it, so that a plane that stopped half-way through
# installing them never accepts an application it cannot deliver. The API version is repeated here
# for the command line, which asks it of one kind and should not read ten files to know.
KINDS = {
    "ComponentDefinition": (names.V1BETA1, "componentdefinitions"),
    "TraitDefinition": (names.V1BETA1, "traitdefinitions"),
    "PolicyDefinition": (names.V1BETA1, "policydefinitions"),
    "WorkflowStepDefinition": (names.V1BETA1, "workflowstepdefinitions"),
    "WorkloadDefinition": (names.V1BETA1, "workloaddefinitions"),
    "Package": ("cue.oam.dev/v1alpha1", "packages"),
    "Provider": ("terraform.core.oam.dev/v1beta1", "providers"),
    "Configuration": ("terraform.core.oam.dev/v1beta2", "configurations"),
    "DefinitionRevision": (names.V1BETA1, "definitionrevisions"),
    "Policy": (names.V1ALPHA1, "policies"),
    "Workflow": (names.V1ALPHA1, "workflows"),
    "WorkflowRun": (names.V1ALPHA1, "workflowruns"),
    "ResourceTracker": (names.V1BETA1, "resourcetrackers"),
    "ApplicationRevision": (names.V1BETA1, "applicationrevisions"),
    "Application": (names.V1BETA1, "applications"),
}
_FOLDER = Path(__file__).parent / "crds"


def crds() -> list[Manifest]:
    """Every definition, in the order to install them; the caller may change what it gets."""
    return [deepcopy(_read(plural)) for _, plural in KINDS.values()]


def openapi(kind: str) -> dict[str, Any]:
    """The OpenAPI schema of a kind of ours, as it is stored. Shared: not to be changed.

    Raises:
        KeyError: the kind is not in `KINDS`.
    """
    version = next(each for each in _read(KINDS[kind][1])["spec"]["versions"] if each["storage"])
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return schema


@cache
def _read(plural: str) -> Manifest:
    text = (_FOLDER / f"{plural}.yaml").read_text(encoding="utf-8")
    loaded: Manifest = YAML(typ="safe", pure=True).load(text)
    return loaded
