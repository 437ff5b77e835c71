"""The environment and command line of a container. Pure.

What a pod refers to (Secrets, ConfigMaps) is read by the caller: `references` says what, `Sources`
holds it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lateen.base.problem import Problem

Values = dict[str, str]

_REFERENCE = re.compile(r"\$\$|\$\(([^()\s]+)\)")
_KINDS = {
    "secretKeyRef": "Secret",
    "secretRef": "Secret",
    "configMapKeyRef": "ConfigMap",
    "configMapRef": "ConfigMap",
}
_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")


@dataclass(frozen=True, order=True)
class Reference:
    """An object that a container's environment or a volume is taken from."""

    kind: str  # Secret or ConfigMap
    name: str


@dataclass(frozen=True)
class Sources:
    """What was read for a pod, decoded to text. A reference that is absent does not exist."""

    objects: Mapping[Reference, Values] = field(default_factory=dict)


def decode(manifest: Mapping[str, Any]) -> Values:
    """The entries of a Secret or ConfigMap as text; other bytes survive as surrogates."""
    plain = dict(manifest.get("data") or {})
    if manifest.get("kind") == "Secret":
        return {k: _text(base64.b64decode(v)) for k, v in plain.items()}
    binary = manifest.get("binaryData") or {}
    return plain | {k: _text(base64.b64decode(v)) for k, v in binary.items()}


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def references(container: Mapping[str, Any]) -> set[Reference]:
    """What the container's environment is taken from, optional or not."""
    found = set()
    chosen = [entry.get("valueFrom") or {} for entry in container.get("env") or ()]
    for source in [*chosen, *(container.get("envFrom") or ())]:
        for name, kind in _KINDS.items():
            if name in source:
                found.add(Reference(kind, source[name].get("name", "")))
    return found


def build(
    container: Mapping[str, Any], pod: Mapping[str, Any], sources: Sources, base: Mapping[str, str]
) -> Values:
    """The container's variables: `base`, then envFrom, then env; later ones win.

    Raises:
        Problem: `node.config` naming the object and key that are missing.
    """
    values = dict(base)
    for source in container.get("envFrom") or ():
        values |= _imported(source, sources)
    for entry in container.get("env") or ():
        value = _value(entry, container, pod, sources, values)
        if value is not None:
            values[entry["name"]] = value
    return values


def base(
    container: Mapping[str, Any], address: str, volumes: Mapping[str, str], host: Mapping[str, str]
) -> Values:
    """What every process is given: PATH, HOME, LANG of the host, where to listen, its volumes.

    `volumes` maps names to directories. None of the node's own variables are passed on: they may
    hold what only the control plane should know.
    """
    values = {name: host[name] for name in ("PATH", "HOME", "LANG", "TZ") if host.get(name)}
    values["HOST"] = address
    ports = container.get("ports") or ()
    if ports:
        values["PORT"] = str(ports[0]["containerPort"])
    for name, directory in volumes.items():
        values["LATEEN_VOLUME_" + re.sub(r"\W", "_", name).upper()] = directory
    return values


def command(container: Mapping[str, Any], values: Mapping[str, str]) -> list[str]:
    """The command line with `$(NAME)` replaced.

    Raises:
        Problem: `node.config` when the container names no command: a process has no image.
    """
    words = [*(container.get("command") or ()), *(container.get("args") or ())]
    if not container.get("command"):
        raise Problem(
            "node.config",
            f"container {container['name']} has no command, and a process has no image to take "
            "one from",
            hint="set `command`",
        )
    return [expand(word, values) for word in words]


def expand(text: str, values: Mapping[str, str]) -> str:
    """Replace `$(NAME)`; unknown names stay as they are, `$$` is a dollar sign."""

    def replace(found: re.Match[str]) -> str:
        if found[1] is None:
            return "$"
        return values.get(found[1], found[0])

    return _REFERENCE.sub(replace, text)


def _imported(source: Mapping[str, Any], sources: Sources) -> Values:
    [name] = [name for name in _KINDS if name in source]
    found = _object(Reference(_KINDS[name], source[name]["name"]), source[name], sources)
    prefix = source.get("prefix", "")
    return {prefix + name: value for name, value in (found or {}).items()}


def _value(
    entry: Mapping[str, Any],
    container: Mapping[str, Any],
    pod: Mapping[str, Any],
    sources: Sources,
    values: Mapping[str, str],
) -> str | None:
    chosen = entry.get("valueFrom")
    if not chosen:
        return expand(str(entry.get("value", "")), values)
    for name in ("secretKeyRef", "configMapKeyRef"):
        if name in chosen:
            reference = Reference(_KINDS[name], chosen[name].get("name", ""))
            return _entry(reference, chosen[name], sources)
    if "fieldRef" in chosen:
        return pod_field(pod, chosen["fieldRef"].get("fieldPath", ""))
    if "resourceFieldRef" in chosen:
        return _resource(container, chosen["resourceFieldRef"])
    raise _unsupported(f"env {entry['name']}: {', '.join(chosen)} cannot be read by this node")


def _object(
    reference: Reference, chosen: Mapping[str, Any], sources: Sources
) -> Mapping[str, str] | None:
    found = sources.objects.get(reference)
    if found is None and not chosen.get("optional"):
        raise Problem(
            "node.config", f"{reference.kind} {reference.name} does not exist", retry=True
        )
    return found


def _entry(reference: Reference, chosen: Mapping[str, Any], sources: Sources) -> str | None:
    found = _object(reference, chosen, sources)
    if found is not None and chosen["key"] in found:
        return found[chosen["key"]]
    if chosen.get("optional"):
        return None
    message = f"{reference.kind} {reference.name} has no key {chosen['key']}"
    raise Problem("node.config", message, retry=True)


def pod_field(pod: Mapping[str, Any], path: str) -> str:
    """A field of the pod as the downward API gives it.

    Raises:
        Problem: `node.config` for a field that is not offered.
    """
    meta = pod.get("metadata") or {}
    if found := _SUBSCRIPT.fullmatch(path):
        return str((meta.get(found[1]) or {}).get(found[2], ""))
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    fields = {
        "metadata.name": meta.get("name"),
        "metadata.namespace": meta.get("namespace"),
        "metadata.uid": meta.get("uid"),
        "spec.nodeName": spec.get("nodeName"),
        "spec.serviceAccountName": spec.get("serviceAccountName"),
        "status.hostIP": status.get("hostIP"),
        "status.hostIPs": status.get("hostIP"),
        "status.podIP": status.get("podIP"),
        "status.podIPs": status.get("podIP"),
    }
    if path not in fields:
        raise _unsupported(f"the field {path} cannot be given to a container")
    return str(fields[path] or "")


def _resource(container: Mapping[str, Any], chosen: Mapping[str, Any]) -> str:
    """A limit or request as it is written: in whole units where no divisor asks for others."""
    group, _, name = str(chosen.get("resource", "")).partition(".")
    found = ((container.get("resources") or {}).get(group) or {}).get(name)
    if found is None or chosen.get("divisor", "0") not in ("0", "1", ""):
        raise _unsupported(f"the resource field {group}.{name} cannot be given to a container")
    return str(found)


def _unsupported(message: str) -> Problem:
    return Problem("node.config", message)
