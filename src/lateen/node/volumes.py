"""Volumes: directories of this machine, which containers mount and processes are told of.

A process that is not isolated sees the machine's own files, so nothing can be mounted at
`mountPath`; every process is told where a volume is by `LATEEN_VOLUME_<NAME>`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from lateen.base.problem import Problem
from lateen.node import environment, planning
from lateen.node.drivers import Launch
from lateen.node.environment import Reference, Sources

Wish = tuple[str, int]  # for a token: an audience, empty for the API server, and seconds

_KINDS = {"secret": ("Secret", "secretName"), "configMap": ("ConfigMap", "name")}
_PROJECTED = {"secret": ("Secret", "name"), "configMap": ("ConfigMap", "name")}


@dataclass(frozen=True)
class Place:
    """Where a pod's volumes are made. `shared`: containers run as other users than the node, so
    files get the modes that the pod asks for, directories can be read, and empty ones are open to
    all. What is above the volumes is the node's alone.
    """

    directory: Path
    sources: Sources
    shared: bool = False
    claims: Mapping[str, str] = field(default_factory=dict)  # by name, where their data is
    tokens: Mapping[Wish, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Mount:
    """What a container has where. `source` is on the machine."""

    source: str
    target: str
    read_only: bool


def mounts(launch: Launch) -> Iterator[Mount]:
    """Raises `Problem` `node.config` for a subPath that leads out of its volume."""
    for mount in launch.spec.get("volumeMounts") or ():
        place = launch.places.get(mount["name"])
        if place is None:
            continue  # a token that it is not given
        within = mount.get("subPath") or ""
        if expression := mount.get("subPathExpr"):
            within = environment.expand(expression, launch.env)
        if within.startswith("/") or ".." in within.split("/"):
            raise Problem("node.config", f"subPath {within} leads out of volume {mount['name']}")
        source = f"{place}/{within}" if within else place
        yield Mount(source, mount["mountPath"], bool(mount.get("readOnly")))


def furnish(launch: Launch) -> None:
    """Make the directories that mounts with a subPath need."""
    for mount in mounts(launch):
        source = Path(mount.source)
        if not source.exists():
            missing = [source, *(each for each in source.parents if not each.exists())]
            source.mkdir(parents=True)
            for each in reversed(missing):  # who may write to the volume may write here
                each.chmod(each.parent.stat().st_mode & 0o777)


def knows_api(pod: Mapping[str, Any]) -> bool:
    """Whether a pod is told of the API server. Every pod comes with a token; a process under the
    service account `default`, which may do nothing, has not asked for it: it may see that it is in
    a cluster, and behave as if it was alone there.
    """
    spec = pod.get("spec") or {}
    own = spec.get("serviceAccountName") not in (None, "", "default")
    return not planning.is_process(pod) or own or spec.get("automountServiceAccountToken") is True


def wanted(pod: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The volumes a pod gets here."""
    for volume in (pod.get("spec") or {}).get("volumes") or ():
        sources = (volume.get("projected") or {}).get("sources") or ()
        if knows_api(pod) or not any("serviceAccountToken" in source for source in sources):
            yield volume


def tokens(pod: Mapping[str, Any]) -> set[Wish]:
    """The tokens it mounts."""
    return {
        _wish(source["serviceAccountToken"])
        for volume in wanted(pod)
        for source in (volume.get("projected") or {}).get("sources") or ()
        if "serviceAccountToken" in source
    }


def _wish(source: Mapping[str, Any]) -> Wish:
    return str(source.get("audience") or ""), int(source.get("expirationSeconds") or 3600)


def changing(pod: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The volumes whose files may change while it runs."""
    kinds = {*_KINDS, "projected", "downwardAPI"}
    return [volume for volume in wanted(pod) if not kinds.isdisjoint(volume)]


def references(pod: Mapping[str, Any]) -> set[Reference]:
    found = set()
    for volume in wanted(pod):
        for kinds, source in _sources(volume):
            for name, (kind, naming) in kinds.items():
                if name in source:
                    found.add(Reference(kind, source[name].get(naming, "")))
    return found


def claims(pod: Mapping[str, Any]) -> set[str]:
    """Names of the PersistentVolumeClaims it mounts."""
    found = (volume.get("persistentVolumeClaim") or {} for volume in wanted(pod))
    return {str(each["claimName"]) for each in found if each}


def place(pod: Mapping[str, Any], where: Place) -> dict[str, str]:
    """Make the pod's volumes; volume name -> where it is.

    Raises:
        Problem: `node.config` for a kind of volume that is not known here, or a Secret or
            ConfigMap that does not exist.
    """
    return {volume["name"]: str(_place(volume, pod, where)) for volume in wanted(pod)}


def _sources(volume: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, tuple[str, str]], Any]]:
    yield _KINDS, volume
    for source in (volume.get("projected") or {}).get("sources") or ():
        yield _PROJECTED, source


def _place(volume: Mapping[str, Any], pod: Mapping[str, Any], where: Place) -> Path:
    if "hostPath" in volume:
        return _of_host(volume["hostPath"])
    if "persistentVolumeClaim" in volume:
        return Path(where.claims[volume["persistentVolumeClaim"]["claimName"]])
    target: Path = where.directory / "volumes" / volume["name"]
    target.mkdir(parents=True, exist_ok=True)
    if "emptyDir" in volume:
        if where.shared:
            target.chmod(0o777)
        return target
    modes = [volume.get(name) or {} for name in (*_KINDS, "projected", "downwardAPI")]
    mode = next((m["defaultMode"] for m in modes if "defaultMode" in m), 0o644)
    files: dict[str, tuple[str, int]] = {}
    known = False
    for kinds, source in _sources(volume):
        for name, (kind, naming) in kinds.items():
            if name in source:
                known = True
                reference = Reference(kind, source[name].get(naming, ""))
                private = kind == "Secret" and not where.shared
                values = _chosen(source[name], reference, where.sources)
                files |= _with_mode(values, 0o600 if private else int(mode))
        if "downwardAPI" in source:
            known = True
            files |= _with_mode(_downward(source["downwardAPI"], pod), int(mode))
        if "serviceAccountToken" in source:
            known = True
            wish = source["serviceAccountToken"]
            token = {str(wish["path"]): where.tokens[_wish(wish)]}
            files |= _with_mode(token, int(mode) if where.shared else 0o600)
    if known:
        _fill(target, files)
        if where.shared:
            _open(target)
        return target
    [kind] = [key for key in volume if key != "name"] or ["unknown"]
    raise Problem(
        "node.config",
        f"volume {volume['name']} is a {kind}, which this node cannot give",
        hint="use emptyDir, hostPath, configMap, secret or persistentVolumeClaim",
    )


def _of_host(chosen: Mapping[str, Any]) -> Path:
    path, kind = Path(str(chosen["path"])), str(chosen.get("type") or "")
    if kind == "DirectoryOrCreate":
        path.mkdir(parents=True, exist_ok=True)
    elif kind == "FileOrCreate":
        path.touch(exist_ok=True)
    missing = (kind == "Directory" and not path.is_dir()) or (kind == "File" and not path.is_file())
    if missing or (kind == "Socket" and not path.is_socket()):
        raise Problem("node.config", f"hostPath {path} is no {kind.lower()}", retry=True)
    return path


def _chosen(chosen: Mapping[str, Any], reference: Reference, sources: Sources) -> dict[str, str]:
    """Path in the volume -> text."""
    values = sources.objects.get(reference)
    if values is None:
        if chosen.get("optional"):
            return {}
        raise Problem(
            "node.config", f"{reference.kind} {reference.name} does not exist", retry=True
        )
    items = chosen.get("items")
    paths = {item["key"]: item["path"] for item in items} if items else {k: k for k in values}
    missing = [key for key in paths if key not in values]
    if missing and not chosen.get("optional"):
        message = f"{reference.kind} {reference.name} has no key {missing[0]}"
        raise Problem("node.config", message, retry=True)
    return {path: values[key] for key, path in paths.items() if key in values}


def _downward(chosen: Mapping[str, Any], pod: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for item in chosen.get("items") or ():
        path = (item.get("fieldRef") or {}).get("fieldPath", "")
        if path in ("metadata.labels", "metadata.annotations"):
            values = pod["metadata"].get(path.removeprefix("metadata.")) or {}
            text = "\n".join(f'{key}="{value}"' for key, value in sorted(values.items()))
        else:
            text = environment.pod_field(pod, path)
        found[str(item["path"])] = text
    return found


def _with_mode(files: Mapping[str, str], mode: int) -> dict[str, tuple[str, int]]:
    return {path: (text, mode) for path, text in files.items()}


def _open(directory: Path) -> None:
    """Let everybody look into a directory, and those in it."""
    for each in (directory, *(path for path in directory.rglob("*") if path.is_dir())):
        each.chmod(0o755)


def _fill(target: Path, files: Mapping[str, tuple[str, int]]) -> None:
    """Make the directory hold these files, each replaced as a whole when it is another one."""
    wanted = set()
    for name, (text, mode) in files.items():
        relative = PurePosixPath(name)
        if relative.is_absolute() or ".." in relative.parts:
            raise Problem("node.config", f"{name} leads out of the volume")
        file = target / relative
        wanted.add(file)
        data = text.encode("utf-8", "surrogateescape")
        if file.is_file() and file.read_bytes() == data and file.stat().st_mode & 0o777 == mode:
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_name(f"..{file.name}.new")
        new.touch(mode=0o600)
        new.write_bytes(data)
        new.chmod(mode)
        new.replace(file)
    for file in target.rglob("*"):
        if file.is_file() and file not in wanted:
            file.unlink()
