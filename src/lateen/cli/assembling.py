"""An application out of what is in a cluster already. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.manifest import Key, Manifest
from lateen.cli.forms import Mode
from lateen.sources.releases import Release

_WORKLOADS: Final = frozenset(
    {
        ("apps", "DaemonSet"),
        ("apps", "Deployment"),
        ("apps", "StatefulSet"),
        ("batch", "CronJob"),
        ("batch", "Job"),
        ("", "Pod"),
    }
)
_OF_OTHERS: Final = frozenset({names.KUBECTL_LAST_APPLIED, "deployment.kubernetes.io/revision"})


@dataclass(frozen=True)
class Chart:
    """Where the chart of a release is: its name in a repository, or an address."""

    source: str
    repository: str = ""
    version: str = ""

    @property
    def local(self) -> bool:
        return self.source.startswith(("/", "./", "../"))


@dataclass(frozen=True)
class Whole:
    """The application to be. `components` in their order, `cluster` empty for the control plane's
    own, `kind` what it was made of.
    """

    name: str
    namespace: str
    mode: Mode
    components: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    cluster: str = ""
    kind: str = "native"

    @property
    def manifest(self) -> Manifest:
        chosen = [str(each["name"]) for each in self.components]
        rule = {"selector": {"componentNames": chosen}}
        mode = self.mode.value
        policies = [{"name": mode, "type": mode, "properties": {"rules": [rule]}}]
        if self.cluster:
            where = {"clusters": [self.cluster]}
            policies.append({"name": "where", "type": "topology", "properties": where})
        return {
            "apiVersion": names.V1BETA1,
            "kind": "Application",
            "metadata": {
                "name": self.name,
                "namespace": self.namespace,
                "labels": {names.ADOPTED: self.kind},
            },
            "spec": {"components": list(self.components), "policies": policies},
        }


def objects(live: Sequence[Manifest], app: str, mode: Mode) -> list[dict[str, Any]]:
    """Components that hold objects as they are: one for each workload, so that traits can be added
    to it, after one for everything else.
    """
    workloads = [each for each in live if manifests.key(each).identity[:2] in _WORKLOADS]
    others = [each for each in live if each not in workloads]
    found: list[dict[str, Any]] = []
    if others:
        found.append(_component(f"{app}-resources" if workloads else app, others, mode))
    for each in workloads:
        key = manifests.key(each)
        taken = {component["name"] for component in found}
        name = key.name if key.name not in taken else f"{key.name}-{key.kind.lower()}"
        while name in taken:
            name += "-2"
        found.append(_component(name, [each], mode))
    return found


def chart(release: Release, where: Chart) -> dict[str, Any]:
    """The component that renders the chart of a release with its values."""
    source = {"source": str(Path(where.source).resolve()) if where.local else where.source}
    if where.repository:
        source["repoURL"] = where.repository
    version = where.version or ("" if where.local else release.chart[1])
    if version:
        source["version"] = version
    properties: dict[str, Any] = {
        "chart": source,
        "release": {"name": release.name, "namespace": release.namespace},
    }
    if release.values:
        properties["values"] = dict(release.values)
    return {"name": release.name, "type": "helmchart", "properties": properties}


def _component(name: str, live: Sequence[Manifest], mode: Mode) -> dict[str, Any]:
    shown = _reference if mode is Mode.READ_ONLY else _text
    return {
        "name": name,
        "type": "k8s-objects",
        "properties": {"objects": [shown(each) for each in live]},
    }


def _reference(live: Manifest) -> Manifest:
    key = manifests.key(live)
    place = {"namespace": key.namespace} if key.namespace else {}
    return {
        "apiVersion": key.api_version,
        "kind": key.kind,
        "metadata": {"name": key.name, **place},
    }


def _text(live: Manifest) -> Manifest:
    """What is declared of an object that is taken over: what it is, but the content of a Secret,
    which is no part of a text that many may read; that stays as it is in the cluster.
    """
    if _is_secret(manifests.key(live)):
        typed = {"type": live["type"]} if "type" in live else {}
        return {**_reference(live), **typed}
    meta = dict(live["metadata"])
    kept = {k: v for k, v in (meta.get("annotations") or {}).items() if k not in _OF_OTHERS}
    meta.pop("annotations", None)
    meta = {k: v for k, v in {**meta, "annotations": kept}.items() if v}
    return {**live, "metadata": meta}


def _is_secret(key: Key) -> bool:
    return (key.group, key.kind) == ("", "Secret")
