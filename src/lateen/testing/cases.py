"""What a test has rendered: a component, its traits, and where they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from lateen.api import names
from lateen.api.application import Component
from lateen.api.definition import Definition, DefinitionKind
from lateen.api.placement import Placement
from lateen.base import merge, suggest
from lateen.definitions import contexts, loading

Parameters = Mapping[str, Any] | None

_CLUSTER = {"major": "1", "minor": 37, "gitVersion": "v1.37.2", "platform": "linux/amd64"}
# the fields of `context` a test may set, with what they are when it does not
_CONTEXT: Mapping[str, Any] = {
    "name": "web",
    "appName": "shop",
    "namespace": "default",
    "cluster": "",
    "clusterVersion": _CLUSTER,
    "appRevision": "shop-v1",
    "appLabels": {},
    "appAnnotations": {},
    "components": None,
    "publishVersion": "",
    "workflowName": "",
    "replicaKey": "",
    "stepName": "step",
    "stepSessionID": "session",
    "stepGroupName": "",
    "spanID": "span",
}
_OF_STEPS = ("stepName", "stepSessionID", "stepGroupName", "spanID")
_ANYTHING = """\
output: parameter.output
if parameter.outputs != _|_ {
	outputs: parameter.outputs
}
parameter: {
	output: {...}
	outputs?: {...}
}
"""
_BASE = Definition(
    {
        "apiVersion": names.V1BETA1,
        "kind": DefinitionKind.COMPONENT.value,
        "metadata": {"name": "base"},
        "spec": {"workload": {"type": names.AUTODETECTS}},
    },
    "the object under the trait",
    _ANYTHING,
)
_POD = {"spec": {"containers": [{"name": "web", "image": "nginx"}]}}
_LABELS = {"app.oam.dev/component": "web"}
_TEMPLATE = {"metadata": {"labels": _LABELS}, **_POD}
_SELECTED = {"selector": {"matchLabels": _LABELS}, "template": _TEMPLATE}
# workload types, as `appliesToWorkloads` names them, with the least object of each
_WORKLOADS: Mapping[str, dict[str, Any]] = {
    "deployments.apps": {"apiVersion": "apps/v1", "kind": "Deployment", "spec": _SELECTED},
    "statefulsets.apps": {"apiVersion": "apps/v1", "kind": "StatefulSet", "spec": _SELECTED},
    "daemonsets.apps": {"apiVersion": "apps/v1", "kind": "DaemonSet", "spec": _SELECTED},
    "jobs.batch": {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": _TEMPLATE}},
    "cronjobs.batch": {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "spec": {"jobTemplate": {"spec": {"template": _TEMPLATE}}},
    },
}


@dataclass(frozen=True)
class Case:
    """A component with its traits, each a definition and its parameters, in a context."""

    component: Definition
    parameters: Parameters
    traits: tuple[tuple[Definition, Parameters], ...] = ()
    context: Mapping[str, Any] = field(default_factory=dict)
    live: Mapping[str, Any] | None = None  # the main object in the cluster, or what differs there

    def adding(self, trait: Definition, parameters: Parameters) -> Case:
        """The same with one more trait."""
        return replace(self, traits=(*self.traits, (trait, parameters)))

    def where(self, context: Mapping[str, Any] | None, live: Mapping[str, Any] | None) -> Case:
        """The same with more said of what is around it.

        Raises:
            LookupError: a field of the context that no test can set.
        """
        around = {**self.context, **_checked(context or {})}
        return replace(self, context=around, live=self.live if live is None else live)

    @property
    def definition(self) -> Definition:
        """The definition it is about: the last trait, or else the component."""
        return self.traits[-1][0] if self.traits else self.component

    @property
    def given(self) -> Parameters:
        """The parameters of that definition."""
        return self.traits[-1][1] if self.traits else self.parameters

    @property
    def path(self) -> str:
        """Where those parameters stand in an application with nothing else in it."""
        part = f".traits[{len(self.traits) - 1}]" if self.traits else ""
        return f"spec.components[0]{part}.properties"

    @property
    def definitions(self) -> list[Definition]:
        return [self.component, *(trait for trait, _ in self.traits)]

    @property
    def catalogue(self) -> loading.Catalogue:
        return loading.Static(_visible(each) for each in self.definitions)

    @cached_property
    def written(self) -> Component:
        """The component as an application would have it."""
        raw = {
            "name": self._set("name"),
            **_typed(self.component, self.parameters),
            "traits": [_typed(*trait) for trait in self.traits],
        }
        return Component.of(raw, "spec.components[0]")

    @property
    def facts(self) -> contexts.AppFacts:
        return contexts.AppFacts(
            name=self._set("appName"),
            namespace=self._set("namespace"),
            revision=self._set("appRevision"),
            labels=self._set("appLabels"),
            annotations=self._set("appAnnotations"),
            components=self._set("components") or [self.written.raw],
            workflow_name=self._set("workflowName"),
            publish_version=self._set("publishVersion"),
            cluster_version=merge.deep(_CLUSTER, self._set("clusterVersion")),
        )

    @property
    def placement(self) -> Placement:
        return Placement(self._set("cluster"), "")

    @property
    def replica_key(self) -> str:
        return str(self._set("replicaKey"))

    @property
    def step_context(self) -> dict[str, Any]:
        """The `context` of a workflow step or policy."""
        own = {name: self._set(name) for name in _OF_STEPS}
        return contexts.build(self.facts, self.written, self.placement, extra=own)

    def _set(self, name: str) -> Any:
        return self.context.get(name, _CONTEXT[name])


def of(definition: Definition, parameters: Parameters) -> Case:
    """A component alone, or a trait on the least object it applies to."""
    if definition.kind is not DefinitionKind.TRAIT:
        return Case(definition, parameters)
    return on(_workload(definition)).adding(definition, parameters)


def on(base: Mapping[str, Any]) -> Case:
    """A component that is just this object."""
    return Case(_BASE, {"output": base})


def _checked(context: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in context:
        if name not in _CONTEXT:
            hint = suggest.nearest(name, _CONTEXT) or f"there are: {', '.join(_CONTEXT)}"
            raise LookupError(f"a test cannot set context.{name}: {hint}")
    return context


def _workload(trait: Definition) -> Mapping[str, Any]:
    wanted = trait.spec.get("appliesToWorkloads") or ()
    return (
        next((_WORKLOADS[name] for name in wanted if name in _WORKLOADS), None)
        or (_WORKLOADS["deployments.apps"])
    )


def _typed(definition: Definition, parameters: Parameters) -> dict[str, Any]:
    if parameters is None:
        return {"type": definition.name}
    return {"type": definition.name, "properties": dict(parameters)}


def _visible(definition: Definition) -> Definition:
    """The definition as one of `vela-system`, whose definitions every application sees."""
    meta = {k: v for k, v in definition.raw["metadata"].items() if k != "namespace"}
    return replace(definition, raw={**definition.raw, "metadata": meta})
