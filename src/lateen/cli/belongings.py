"""What belongs to a workload: what its pods use, and what leads to them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lateen.api import manifest as manifests
from lateen.api.manifest import Manifest

Kind = tuple[str, str, str]  # group, version, kind

WORKLOADS: Final[tuple[Kind, ...]] = (
    ("apps", "v1", "Deployment"),
    ("apps", "v1", "StatefulSet"),
    ("apps", "v1", "DaemonSet"),
)
NEIGHBOURS: Final[tuple[Kind, ...]] = (
    ("", "v1", "ConfigMap"),
    ("", "v1", "Secret"),
    ("", "v1", "PersistentVolumeClaim"),
    ("", "v1", "Service"),
    ("networking.k8s.io", "v1", "Ingress"),
    ("autoscaling", "v2", "HorizontalPodAutoscaler"),
)
_USED: Final = {  # field of a pod -> the kind that it names
    **dict.fromkeys(("configMap", "configMapRef", "configMapKeyRef"), "ConfigMap"),
    **dict.fromkeys(("secret", "secretRef", "secretKeyRef", "imagePullSecrets"), "Secret"),
    "persistentVolumeClaim": "PersistentVolumeClaim",
}
_NAMED: Final = ("name", "secretName", "claimName")


@dataclass(frozen=True)
class Group:
    """A workload, or another object that stands alone, with what belongs to it."""

    first: Manifest
    others: Sequence[Manifest] = ()

    @property
    def objects(self) -> list[Manifest]:
        return [self.first, *self.others]


def grouped(firsts: Iterable[Manifest], around: Sequence[Manifest]) -> list[Group]:
    """Each object with those around it that belong to it."""
    return apart([Group(each, _of(each, around)) for each in firsts])


def apart(found: Sequence[Group]) -> list[Group]:
    """Groups but those of what belongs to another one."""
    held = {_identity(other) for group in found for other in group.others}
    return [group for group in found if _identity(group.first) not in held]


def shared(groups: Iterable[Group]) -> dict[tuple[str, ...], list[Group]]:
    """What belongs to several, by its identity."""
    users: dict[tuple[str, ...], list[Group]] = {}
    for group in groups:
        for other in group.others:
            users.setdefault(_identity(other), []).append(group)
    return {identity: found for identity, found in users.items() if len(found) > 1}


def leading(first: Manifest, around: Sequence[Manifest], kind: str) -> list[Manifest]:
    """The Services, or the Ingresses, that lead to the pods of an object."""
    return [each for each in _of(first, around) if manifests.key(each).kind == kind]


def _of(first: Manifest, around: Sequence[Manifest]) -> list[Manifest]:
    template = (first.get("spec") or {}).get("template") or {}
    place = manifests.key(first).namespace
    near = [each for each in around if manifests.key(each).namespace == place]
    used = set(_references(template.get("spec") or {}))
    services = {
        manifests.key(each).name for each in near if _leads(each, manifests.labels(template))
    }
    return [each for each in near if _belongs(each, first, used, services)]


def _belongs(
    each: Manifest, first: Manifest, used: set[tuple[str, str]], services: set[str]
) -> bool:
    key = manifests.key(each)
    match key.kind:
        case "Service":
            return key.name in services
        case "Ingress":
            return not services.isdisjoint(_backends(each.get("spec") or {}))
        case "HorizontalPodAutoscaler":
            target = (each.get("spec") or {}).get("scaleTargetRef") or {}
            own = manifests.key(first)
            return (target.get("kind"), target.get("name")) == (own.kind, own.name)
    return (key.kind, key.name) in used


def _leads(each: Manifest, labels: Mapping[str, str]) -> bool:
    """Whether it is a Service of pods with these labels."""
    selector = (each.get("spec") or {}).get("selector") or {}
    return bool(manifests.key(each).kind == "Service" and labels and selector) and (
        selector.items() <= labels.items()
    )


def _references(value: Any) -> Iterator[tuple[str, str]]:
    """Kind and name of what a pod uses, wherever it says so."""
    if isinstance(value, list):
        for each in value:
            yield from _references(each)
        return
    if not isinstance(value, Mapping):
        return
    for field, inner in value.items():
        if kind := _USED.get(field):
            for each in inner if isinstance(inner, list) else [inner]:
                if isinstance(each, Mapping):
                    yield from ((kind, str(each[name])) for name in _NAMED if each.get(name))
        yield from _references(inner)


def _backends(value: Any) -> Iterator[str]:
    """Names of the Services that an Ingress leads to."""
    if isinstance(value, list):
        for each in value:
            yield from _backends(each)
    elif isinstance(value, Mapping):
        for field, inner in value.items():
            if field == "service" and isinstance(inner, Mapping):
                yield str(inner.get("name") or "")
            yield from _backends(inner)


def _identity(each: Manifest) -> tuple[str, ...]:
    return manifests.key(each).identity
