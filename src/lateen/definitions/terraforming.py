"""A component that Terraform provides: its parameters, its Configuration object, its health (B7).

Pure. What becomes of a Configuration is the work of `controllers.terraform`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.definition import Definition
from lateen.api.manifest import Manifest
from lateen.base import hashing
from lateen.base.problem import Problem
from lateen.cue.reports import Field, Module
from lateen.definitions import contexts

API_VERSION: Final = "terraform.core.oam.dev/v1beta2"
KIND: Final = "Configuration"
AVAILABLE: Final = "Available"

# properties that are settings of the run, not variables of the configuration
_CONNECTION = "writeConnectionSecretToRef"
_SETTINGS: Final = (
    "backend",
    "customRegion",
    "deleteResource",
    "forceDelete",
    "gitCredentialsSecretReference",
    "inlineCredentials",
    "JobEnv",
    "providerRef",
)
_FORMS: Final = ("hcl", "remote")
_NAMED: Final = (("name", True, "Its name"), ("namespace", False, "Its namespace"))
_FIELDS: Final = (
    ("providerRef", "reference", "Provider to log in to the cloud with"),
    ("customRegion", "string", "Region of the cloud, instead of the Provider's"),
    (_CONNECTION, "reference", "Secret to write the outputs to"),
    ("deleteResource", "bool", "Destroy what it has brought when it goes; the type's, else true"),
    ("forceDelete", "bool", "Delete it whatever its state, even if cloud resources are left over"),
    ("gitCredentialsSecretReference", "reference", "Secret with the credentials of the repository"),
    ("inlineCredentials", "bool", "The module logs in to the cloud by itself"),
    ("backend", "struct", "Where the state is kept, as in a Configuration"),
    ("JobEnv", "struct", "Environment variables of the runs"),
)


def inline(definition: Definition) -> str:
    """The HCL of a definition that has it itself; empty for one whose HCL is in a repository."""
    schematic = (definition.spec.get("schematic") or {}).get("terraform") or {}
    form = schematic.get("type") or "hcl"
    return str(schematic.get("configuration") or "") if form == "hcl" else ""


def remote(definition: Definition) -> Mapping[str, Any]:
    """The schematic of a definition whose module is in a repository; empty for any other."""
    schematic = (definition.spec.get("schematic") or {}).get("terraform") or {}
    return schematic if schematic.get("type") == "remote" else {}


def text(definition: Definition) -> str:
    """What the parameters of a definition follow from: changes when they may."""
    return inline(definition) or hashing.canonical(remote(definition) or definition.text).decode()


def parameter(module: Module | None) -> Field:
    """What can be given to a component: the variables of its module, and settings of the run.

    Of a module in a repository that cannot be read (None) the variables are not known.
    """
    variables = module.parameter.fields if module else ()
    taken = {each.name for each in variables}
    settings = [_setting(*each) for each in _FIELDS if each[0] not in taken]
    return replace(
        _setting("parameter", "struct", ""),
        fields=(*variables, *settings),
        open=module is None,
        required=True,
        optional=False,
    )


def _setting(name: str, kind: str, usage: str) -> Field:
    fields = [
        replace(_setting(each, "string", said), required=needed, optional=not needed)
        for each, needed, said in (_NAMED if kind == "reference" else ())
    ]
    return Field(
        name=name,
        type="struct" if fields else kind,
        optional=True,
        required=False,
        has_default=False,
        default=None,
        usage=usage,
        marks={},
        fields=tuple(fields),
        items=None,
        values=(),
        choices=(),
        closed=False,
        ignored=False,
        open=kind == "struct",
    )


def configuration(
    definition: Definition,
    properties: Mapping[str, Any] | None,
    app: contexts.AppFacts,
    path: str = "",
) -> Manifest:
    """The Configuration of a component, before names and labels are put on it.

    `path` is the component's in the application.

    Raises:
        Problem: `terraform.configuration` where the definition has none that can be used.
    Source: semantics B7.
    """
    schematic = (definition.spec.get("schematic") or {}).get("terraform") or {}
    given = dict(properties or {})
    spec = _source(schematic, definition, path)
    secret = given.pop(_CONNECTION, None) or schematic.get(_CONNECTION)
    if secret:
        spec[_CONNECTION] = {"namespace": app.namespace, **{k: v for k, v in secret.items() if v}}
    for name in _SETTINGS:
        value = given.pop(name, None)
        value = schematic.get(name) if value is None else value
        if value is not None:
            spec[name] = value
    spec.setdefault("deleteResource", True)
    if given:
        spec["variable"] = given
    meta: dict[str, Any] = {}
    annotations = {
        name: value
        for name, value in definition.annotations.items()
        if name != names.KUBECTL_LAST_APPLIED
    }
    if annotations:
        meta["annotations"] = annotations
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": meta, "spec": spec}


def _source(schematic: Mapping[str, Any], definition: Definition, path: str) -> dict[str, Any]:
    form = schematic.get("type") or "hcl"
    text = schematic.get("configuration")
    if form not in _FORMS or not text:
        reason = "has none" if not text else f'is of the type "{form}"'
        raise Problem(
            "terraform.configuration",
            f"the Terraform configuration of {definition.source} cannot be used: it {reason}",
            path and f"{path}.type",
            hint=f"give it as one of {', '.join(_FORMS)}",
        )
    spec = {form: text}
    if form == "remote":
        spec |= {name: schematic[name] for name in ("path", "gitRef") if schematic.get(name)}
    return spec


def healthy(live: Manifest, revision: str) -> bool:
    """Whether a live Configuration has come to what this revision of the application wants.

    Source: semantics B7.
    """
    if not _observed(live):
        return False
    status = live.get("status") or {}
    label = manifests.labels(live).get(names.APP_REVISION, "")
    if label and label != revision:
        return False
    return bool((status.get("apply") or {}).get("state") == AVAILABLE)


def message(live: Manifest) -> str:
    """What a live Configuration says of itself, and whether that is about what is declared now."""
    apply = (live.get("status") or {}).get("apply") or {}
    said = str(apply.get("message") or "")
    if apply.get("state") == AVAILABLE and not _observed(live):
        return f"what is declared now has not been brought yet (last said: {said})"
    return said


def _observed(live: Manifest) -> bool:
    observed = (live.get("status") or {}).get("observedGeneration") or 0
    return not observed or observed == manifests.metadata(live).get("generation")
