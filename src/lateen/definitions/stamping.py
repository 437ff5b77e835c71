"""Names, namespaces, labels and annotations of rendered objects (semantics B6, items 1 to 6).

Pure. What a template wrote is copied as far down as it changes and never altered in place. The
render hash (item 7) belongs to dispatch, which alone knows when an object is final.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lateen.api import names
from lateen.api.manifest import Manifest
from lateen.base import hashing
from lateen.base.problem import Problem
from lateen.definitions import contexts

MANAGE_WORKLOAD = "trait.oam.dev/manage-workload"

_PRIVATE_ANNOTATIONS = frozenset(
    {
        names.INPLACE_UPGRADE,
        names.FILTER_LABELS,
        names.FILTER_ANNOTATIONS,
        names.KUBECTL_LAST_APPLIED,
    }
)


def label_of(type_name: str) -> str:
    """A type as labels and names carry it: `scaler@v1` -> `scaler-v1`."""
    return type_name.replace("@", "-")


def workload(
    manifest: Mapping[str, Any],
    app: contexts.AppFacts,
    component: str,
    type_name: str,
    place: contexts.Place,
) -> Manifest:
    """The main object of a component as it is recorded and applied."""
    typed = {names.WORKLOAD_TYPE: label_of(type_name)}
    first = _labelled(manifest, _origin(app, component) | typed)
    if not first["metadata"].get("name"):
        first["metadata"]["name"] = component
    return _finish(first, app, component, "WORKLOAD", place)


def auxiliary(
    manifest: Mapping[str, Any],
    app: contexts.AppFacts,
    component: str,
    type_name: str,
    key: str,
    place: contexts.Place,
    *,
    manages_workload: bool = False,
) -> Manifest:
    """Another object of a component, or one of a trait; `type_name` is the trait's type."""
    typed = {names.TRAIT_TYPE: label_of(type_name), names.TRAIT_RESOURCE: key}
    if manages_workload:
        typed[MANAGE_WORKLOAD] = "true"
    first = _labelled(manifest, _origin(app, component) | typed)
    meta = first["metadata"]
    if not meta.get("name") and not meta.get("generateName"):
        meta["name"] = f"{component}-{label_of(type_name).lower()}-{_content_hash(first)}"
    return _finish(first, app, component, "TRAIT", place)


def policy(manifest: Mapping[str, Any], app: contexts.AppFacts, name: str) -> Manifest:
    """An object of a policy that is not built in; without a name it gets the policy's.

    It carries neither types nor the application's own labels and annotations.
    """
    where = {names.APP_NAMESPACE: app.namespace, names.APP_CLUSTER: ""}
    found = _labelled(manifest, _origin(app, name) | where)
    meta = found["metadata"]
    if not meta.get("name") and not meta.get("generateName"):
        meta["name"] = name
    if not _is_namespace(found):
        meta["namespace"] = meta.get("namespace") or app.namespace
    return found


def malformed(value: Any, where: str, path: str) -> list[Problem]:
    """Why what a template gives as `where` is no object; `path` is whose it is."""
    if isinstance(value, Mapping) and value.get("apiVersion") and value.get("kind"):
        return []
    message = f'"{where}" is no Kubernetes object: it needs apiVersion and kind'
    return [Problem("template.object", message, path)]


def _origin(app: contexts.AppFacts, component: str) -> dict[str, str]:
    return {
        names.APP_NAME: app.name,
        names.APP_COMPONENT: component,
        names.APP_REVISION: app.revision,
    }


def _labelled(manifest: Mapping[str, Any], labels: Mapping[str, str]) -> Manifest:
    """A copy with its own metadata and labels, free to be changed further."""
    meta = dict(manifest.get("metadata") or {})
    meta["labels"] = {**(meta.get("labels") or {}), **labels}
    return {**manifest, "metadata": meta}


def _content_hash(manifest: Manifest) -> str:
    """Changes with the content, not with the revision: an unchanged object keeps its name."""
    meta = manifest["metadata"]
    labels = {key: value for key, value in meta["labels"].items() if key != names.APP_REVISION}
    return hashing.safe_name({**manifest, "metadata": {**meta, "labels": labels}})


def _finish(
    manifest: Manifest,
    app: contexts.AppFacts,
    component: str,
    resource_type: str,
    place: contexts.Place,
) -> Manifest:
    meta = manifest["metadata"]
    if not _is_namespace(manifest):
        meta["namespace"] = place.namespace or meta.get("namespace") or app.namespace
    hidden = _listed(app.annotations.get(names.FILTER_LABELS, ""))
    meta["labels"] = {
        **meta["labels"],
        names.RESOURCE_TYPE: resource_type,
        **{key: value for key, value in app.labels.items() if key not in hidden},
        **_origin(app, component),
        names.APP_NAMESPACE: app.namespace,
        names.APP_REVISION_HASH: app.revision_hash,
        names.COMPONENT_REVISION: "",
    }
    meta["labels"].setdefault(names.APP_CLUSTER, place.cluster)
    private = _PRIVATE_ANNOTATIONS | _listed(app.annotations.get(names.FILTER_ANNOTATIONS, ""))
    merged = {**(meta.get("annotations") or {}), **app.annotations}
    annotations = {key: value for key, value in merged.items() if key not in private}
    if annotations:
        meta["annotations"] = annotations
    else:
        meta.pop("annotations", None)
    return manifest


def _is_namespace(manifest: Mapping[str, Any]) -> bool:
    return manifest.get("apiVersion") == "v1" and manifest.get("kind") == "Namespace"


def _listed(text: str) -> frozenset[str]:
    return frozenset(key.strip() for key in text.split(",") if key.strip())
