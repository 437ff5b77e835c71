"""The parameter schema of a definition as a ConfigMap, for user interfaces (semantics A2)."""

from __future__ import annotations

from typing import Any

from lateen import __version__
from lateen.api import manifest, names
from lateen.api.definition import Definition, DefinitionKind
from lateen.api.manifest import Manifest
from lateen.base import hashing
from lateen.definitions import terraforming

KEY = "openapi-v3-json-schema"
SELECTOR = f"{names.SCHEMA}=schema"
_APPLIED = "definition.oam.dev/appliedWorkloads"
# what it was made of, and what came of it: neither is computed again while both are the same
_ORIGIN = "lateen.dev/schema-of"
_FILE = "content"  # of what is kept in memory instead of the schema

_WORDS = {DefinitionKind.STEP: "workflowstep"}


def name(kind: DefinitionKind, definition: str) -> str:
    """`webservice`, a component -> `component-schema-webservice`."""
    return f"{_WORDS.get(kind, kind.word)}-schema-{definition}"


def render(definition: Definition, schema: dict[str, Any]) -> Manifest:
    """The ConfigMap of a definition, owned by it. `schema` is OpenAPI v3."""
    meta = definition.raw["metadata"]
    text = hashing.canonical(schema).decode()
    annotations = {_ORIGIN: f"{_inputs(definition)}-{hashing.digest(text)}"}
    if definition.kind is DefinitionKind.TRAIT:
        annotations[_APPLIED] = ",".join(definition.spec.get("appliesToWorkloads") or ())
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name(definition.kind, definition.name),
            "namespace": definition.namespace,
            "labels": {
                **(meta.get("labels") or {}),
                names.SCHEMA: "schema",
                names.SCHEMA_OF: definition.name,
            },
            "annotations": annotations,
            "ownerReferences": [
                manifest.controller(
                    names.V1BETA1, definition.kind.value, definition.name, meta.get("uid", "")
                )
            ],
        },
        "data": {KEY: text},
    }


def trim(found: Manifest) -> Manifest:
    """A published ConfigMap as it is kept in memory: of its content only the hash."""
    meta = {k: v for k, v in manifest.metadata(found).items() if k != "managedFields"}
    content = hashing.digest((found.get("data") or {}).get(KEY, ""))
    return {**found, "metadata": meta, "data": {_FILE: content}}


def current(definition: Definition, found: Manifest | None) -> bool:
    """Whether what is published, as `trim` left it, is what would be published now."""
    if found is None:
        return False
    expected = f"{_inputs(definition)}-{found['data'][_FILE]}"
    owners = manifest.metadata(found).get("ownerReferences") or ()
    owned = any(o.get("uid") == definition.raw["metadata"].get("uid") for o in owners)
    return owned and manifest.annotation(found, _ORIGIN) == expected


def origin(found: Manifest) -> tuple[DefinitionKind, str, str] | None:
    """Kind, namespace and name of the definition a published ConfigMap is of."""
    meta = manifest.metadata(found)
    for owner in meta.get("ownerReferences") or ():
        if owner.get("kind") in list(DefinitionKind):
            return DefinitionKind(owner["kind"]), str(meta["namespace"]), str(owner["name"])
    return None


def _inputs(definition: Definition) -> str:
    labels = definition.raw["metadata"].get("labels") or {}
    applies = definition.spec.get("appliesToWorkloads") or ()
    text = terraforming.text(definition)
    return hashing.digest([__version__, text, labels, list(applies)])
