"""Volumes of plain processes: directories, whose places are told through the environment.

A process sees the machine's own files, so nothing can be mounted at `mountPath`; it is told where a
volume is by `LATEEN_VOLUME_<NAME>`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from lateen.base.problem import Problem
from lateen.node.environment import Reference, Sources

_KINDS = {"secret": ("Secret", "secretName"), "configMap": ("ConfigMap", "name")}


def wanted(pod: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The volumes a process can be told of; service account tokens are for API clients in a
    cluster, and left out.
    """
    for volume in (pod.get("spec") or {}).get("volumes") or ():
        sources = (volume.get("projected") or {}).get("sources") or ()
        if not any("serviceAccountToken" in source for source in sources):
            yield volume


def references(pod: Mapping[str, Any]) -> set[Reference]:
    found = set()
    for volume in wanted(pod):
        for name, (kind, field) in _KINDS.items():
            if name in volume:
                found.add(Reference(kind, volume[name].get(field, "")))
    return found


def place(pod: Mapping[str, Any], directory: Path, sources: Sources) -> dict[str, str]:
    """Make the pod's volumes under `directory`; volume name -> where it is.

    Raises:
        Problem: `node.config` for a kind of volume that a process cannot have, or a Secret or
            ConfigMap that does not exist.
    """
    return {volume["name"]: str(_place(volume, directory, sources)) for volume in wanted(pod)}


def _place(volume: Mapping[str, Any], directory: Path, sources: Sources) -> Path:
    if "hostPath" in volume:
        return Path(str(volume["hostPath"]["path"]))
    target: Path = directory / "volumes" / volume["name"]
    target.mkdir(parents=True, exist_ok=True)
    if "emptyDir" in volume:
        return target
    for name, (kind, field) in _KINDS.items():
        if name in volume:
            _fill(target, volume[name], Reference(kind, volume[name].get(field, "")), sources)
            return target
    [kind] = [key for key in volume if key != "name"] or ["unknown"]
    raise Problem(
        "node.config",
        f"volume {volume['name']} is a {kind}, which a plain process cannot have",
        hint="use emptyDir, hostPath, configMap or secret",
    )


def _fill(target: Path, chosen: Mapping[str, Any], reference: Reference, sources: Sources) -> None:
    values = sources.objects.get(reference)
    if values is None:
        if chosen.get("optional"):
            return
        raise Problem(
            "node.config", f"{reference.kind} {reference.name} does not exist", retry=True
        )
    items = chosen.get("items")
    paths = {item["key"]: item["path"] for item in items} if items else {k: k for k in values}
    mode = 0o600 if reference.kind == "Secret" else int(chosen.get("defaultMode") or 0o644)
    for key, name in paths.items():
        if key not in values:
            if chosen.get("optional"):
                continue
            message = f"{reference.kind} {reference.name} has no key {key}"
            raise Problem("node.config", message, retry=True)
        relative = PurePosixPath(name)
        if relative.is_absolute() or ".." in relative.parts:
            raise Problem("node.config", f"{name} leads out of the volume")
        file = target / relative
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_bytes(values[key].encode("utf-8", "surrogateescape"))
        file.chmod(mode)
