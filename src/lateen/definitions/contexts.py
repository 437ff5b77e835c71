"""The `context` a template sees, built from plain facts about the application (semantics B2).

Pure. A template is sent only the fields it reads: `components` and `output` can be large, and most
templates read neither.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

from lateen.api import names
from lateen.api.application import Application, Component
from lateen.base import hashing

UNKNOWN_VERSION: Mapping[str, Any] = {"major": "", "minor": 0, "gitVersion": "", "platform": ""}

_WORD = re.compile(r"\bcontext\b(?:\.([A-Za-z_]\w*))?")
_OUTPUT = re.compile(r"""\.output\b|\["output"\]""")


class Place(Protocol):
    """Where a component goes; `policies.Placement` is one. Both empty: where the application is."""

    @property
    def cluster(self) -> str: ...
    @property
    def namespace(self) -> str: ...


@dataclass(frozen=True)
class AppFacts:
    """What rendering needs to know of an application and its revision."""

    name: str
    namespace: str
    revision: str = ""  # shop-v3
    revision_hash: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    components: Sequence[Mapping[str, Any]] = ()  # spec.components as written
    workflow_name: str = ""
    publish_version: str = ""
    cluster_version: Mapping[str, Any] = field(default_factory=lambda: UNKNOWN_VERSION)
    custom: Mapping[str, Any] | None = None  # what policies of the application as a whole gave

    @classmethod
    def of(
        cls,
        app: Application,
        *,
        controller_version: str,
        revision: str = "",
        revision_hash: str = "",
        cluster_version: Mapping[str, Any] = UNKNOWN_VERSION,
    ) -> AppFacts:
        """The facts of one application object. `cluster_version` is what `/version` answers."""
        annotations = {names.CONTROLLER_VERSION: controller_version, **app.annotations}
        return cls(
            name=app.name,
            namespace=app.namespace,
            revision=revision,
            revision_hash=revision_hash,
            labels=app.labels,
            annotations=annotations,
            components=app.spec.get("components") or (),
            workflow_name=annotations.get(names.WORKFLOW_NAME, ""),
            publish_version=app.publish_version,
            cluster_version=cluster_version,
        )

    @property
    def revision_number(self) -> int:
        """The number a revision's name ends in; 0 where it ends in none."""
        _, dash, number = self.revision.rpartition("-v")
        return int(number) if dash and number.isascii() and number.isdigit() else 0


@lru_cache(maxsize=1024)
def reads(text: str) -> frozenset[str] | None:
    """The fields of `context` a template names, or None when it takes the context as a whole.

    Reads words, not syntax: a comment may add a field, never hide one.
    """
    found = [match[1] for match in _WORD.finditer(text)]
    return None if None in found else frozenset(found)


def reads_live(text: str, *, trait: bool) -> bool:
    """Whether a template looks at the object in the cluster, and changes as that does.

    A component sees all of it, a trait only its status.
    Source: semantics B2.
    """
    if trait:
        return "status" in text and (reads(text) is None or "context.output." in text)
    found = reads(text)
    return "output" in found if found is not None else bool(_OUTPUT.search(text))


def is_read(component: Component, app: AppFacts) -> bool:
    """Whether another component takes in one of its auxiliary objects, of whichever stage.

    Source: semantics B5.
    """
    given = {
        output.get("name")
        for output in component.outputs
        if str(output.get("valueFrom") or "").startswith("outputs.")
    }
    return bool(given) and any(
        wanted.get("from") in given
        for other in app.components
        if other.get("name") != component.name
        for wanted in other.get("inputs") or ()
    )


def build(
    app: AppFacts,
    component: Component,
    place: Place,
    *,
    wanted: frozenset[str] | None = None,
    replica_key: str = "",
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The context of a component or trait template, only its `wanted` fields when given.

    `extra` holds what rendering adds as it goes: `output`, `outputs`, `componentType`.
    Source: semantics B2.
    """
    makers = _common(app) | {
        "name": lambda: component.name,
        "namespace": lambda: place.namespace or app.namespace,
        "revision": lambda: hashing.digest(component.raw),
        "replicaKey": lambda: replica_key,
        "cluster": lambda: place.cluster or names.LOCAL,
    }
    if component.properties is not None:
        makers["parameter"] = lambda: component.properties
    return _chosen(makers, extra or {}, wanted)


def of_policy(
    app: AppFacts,
    policy: str,
    *,
    wanted: frozenset[str] | None = None,
    artifacts: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The context of a policy of a type that is not built in.

    `artifacts` are the rendered components by name, where all were rendered before the policy:
    `workload`, and `traits.<type>.<resource>`.
    Source: semantics B2.
    """
    makers = _common(app) | {
        "name": lambda: policy,
        "namespace": lambda: app.namespace,
        "revision": lambda: "",
        "replicaKey": lambda: "",
        "cluster": lambda: "",
        "artifacts": lambda: artifacts or {},
    }
    return _chosen(makers, {}, wanted)


@dataclass(frozen=True)
class Scope:
    """What a policy sees of the application it may change. `revision` is that of its definition."""

    policy: str
    type: str
    components: Sequence[Any] = ()
    workflow: Mapping[str, Any] | None = None
    policies: Sequence[Any] = ()
    revision: Mapping[str, Any] = field(default_factory=dict)


def of_scope(
    app: AppFacts, scope: Scope, *, wanted: frozenset[str] | None = None
) -> dict[str, Any]:
    """The context of a policy that changes the application, before that is understood.

    Labels and annotations that belong to the machinery are not shown to it.
    Source: semantics F12, inventory 3.
    """
    makers = _common(app) | {
        "name": lambda: app.name,
        "namespace": lambda: app.namespace,
        "appLabels": lambda: outside(app.labels),
        "appAnnotations": lambda: outside(app.annotations),
        "appComponents": lambda: scope.components,
        "appWorkflow": lambda: scope.workflow,
        "appPolicies": lambda: scope.policies,
        "policyName": lambda: scope.policy,
        "policyType": lambda: scope.type,
        "policyRevisionName": lambda: scope.revision.get("name", ""),
        "policyRevision": lambda: scope.revision.get("revision", 0),
        "policyRevisionHash": lambda: scope.revision.get("revisionHash", ""),
    }
    return _chosen(makers, {}, wanted)


def outside(given: Mapping[str, str]) -> dict[str, str]:
    """The labels or annotations that are not the machinery's own."""
    return {name: value for name, value in given.items() if not internal(name)}


def internal(name: str) -> bool:
    """Whether a label or annotation belongs to the machinery (semantics F12)."""
    return name.startswith(_INTERNAL)


_INTERNAL = (
    "app.oam.dev/",
    "oam.dev/",
    "kubectl.kubernetes.io/",
    "kubernetes.io/",
    "k8s.io/",
    "helm.sh/",
    "app.kubernetes.io/",
)


Makers = dict[str, Callable[[], Any]]


def _common(app: AppFacts) -> Makers:
    makers: Makers = {
        "appName": lambda: app.name,
        "appRevision": lambda: app.revision,
        "appRevisionNum": lambda: app.revision_number,
        "appLabels": lambda: app.labels,
        "appAnnotations": lambda: app.annotations,
        "components": lambda: app.components,
        "clusterVersion": lambda: _cluster_version(app.cluster_version),
        "workflowName": lambda: app.workflow_name,
        "publishVersion": lambda: app.publish_version,
    }
    if app.custom is not None:
        makers["custom"] = lambda: app.custom
    return makers


def _chosen(
    makers: Makers, extra: Mapping[str, Any], wanted: frozenset[str] | None
) -> dict[str, Any]:
    context = {name: make() for name, make in makers.items() if wanted is None or name in wanted}
    return context | {n: v for n, v in extra.items() if wanted is None or n in wanted}


def _cluster_version(version: Mapping[str, Any]) -> dict[str, Any]:
    """Managed clusters say `27+`; templates compare the minor version as a number."""
    minor = str(version.get("minor", "")).rstrip(".+-/?!")
    return {
        "major": str(version.get("major", "")),
        "minor": int(minor) if minor.isascii() and minor.isdigit() else 0,
        "gitVersion": str(version.get("gitVersion", "")),
        "platform": str(version.get("platform", "")),
    }
