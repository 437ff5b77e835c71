"""What `ref-objects` components refer to: looked up when a text becomes a revision, and kept with
it, so that what is delivered again is what was delivered then (semantics B7).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.application import Application, Component
from lateen.api.manifest import Key, Manifest
from lateen.base import documents
from lateen.base.problem import Problem, Problems, every, raise_any
from lateen.gc import recycling
from lateen.hub import client, clusters, errors, resources
from lateen.providers import ports

TYPE = "ref-objects"

_OWN = frozenset({"finalizers", "ownerReferences"})  # of the object that is copied, and of no copy
_TIMEOUT = 10.0  # seconds for a URL to answer

At = Callable[[str], Awaitable[client.Client]]
"""A client of a cluster by its name, or a Problem."""


def refers(app: Application) -> list[Component]:
    """The components whose objects are somewhere already."""
    return [each for each in app.components if _refers(each)]


def expanded(component: Component, referred: Iterable[Manifest]) -> Component:
    """A component of that type with the objects it refers to in place of the references."""
    if not _refers(component):
        return component
    own = [
        manifests.annotated(each, names.REFERRED, None)
        for each in referred
        if manifests.annotation(each, names.REFERRED) == component.name
    ]
    return replace(component, properties={"objects": own})


def _refers(component: Component) -> bool:
    return component.type.partition("@")[0] == TYPE


@dataclass(frozen=True)
class Lookup:
    """Reads objects as one identity, that of the application, and files at URLs."""

    at: At
    http: ports.Http | None = None
    identity: client.Identity | None = None

    async def objects(self, app: Application) -> tuple[Manifest, ...]:
        """Everything the application refers to, each object with the component that does.

        Raises:
            Problem | Problems: `reference.missing`, `reference.refused`, `reference.invalid`,
                `reference.url`, `cluster.unknown`, `cluster.unreachable`, `hub.unknown-kind`.
        """
        found: list[Manifest] = []
        problems: list[Problem] = []
        for component in refers(app):
            try:
                found += [_marked(each, component.name) for each in await self._of(component, app)]
            except (Problem, Problems) as error:
                problems += every(error)
        raise_any(problems)
        return tuple(found)

    async def _of(self, component: Component, app: Application) -> list[Manifest]:
        path = f"{component.path}.properties"
        properties = component.properties or {}
        found: list[Manifest] = []
        for index, each in enumerate(_listed(properties, "objects", path)):
            where = f"{path}.objects[{index}]"
            reference = Reference.of(each, component.name, app.namespace, where)
            found += await self._referred(reference)
        for index, url in enumerate(_listed(properties, "urls", path)):
            found += await self._at_url(str(url), f"{path}.urls[{index}]")
        return found

    async def _referred(self, reference: Reference) -> list[Manifest]:
        try:
            there = await self.at(reference.cluster)
            resource = await reference.resource(there)
            found = await self._read(there, reference, resource)
        except Problem as problem:
            raise replace(problem, path=reference.path) from problem
        except errors.ApiError as error:
            if lost := clusters.lost(reference.cluster, error):
                raise replace(lost, path=reference.path) from error
            what = f"{reference} cannot be read: {error.message}"
            raise Problem("reference.refused", what, reference.path, retry=True) from error
        if not found:
            raise Problem(
                "reference.missing",
                f"there is no {reference}",
                reference.path,
                hint="it is looked for again: create it, or correct the reference",
                retry=True,
            )
        return sorted(map(copied, found), key=lambda each: manifests.key(each).identity)

    async def _read(
        self, there: client.Client, reference: Reference, resource: resources.Resource
    ) -> list[Manifest]:
        namespace = reference.namespace if resource.namespaced else ""
        if reference.labels is None:
            name = reference.name
            key = Key(resource.group, resource.kind, namespace, name, resource.version)
            try:
                return [await there.get(key, identity=self.identity)]
            except errors.ApiError as error:
                if error.not_found:
                    return []
                raise
        selector = manifests.selector(reference.labels)
        found, _ = await there.list(
            resource.group,
            resource.version,
            resource.kind,
            namespace=namespace,
            label_selector=selector,
            identity=self.identity,
        )
        return found

    async def _at_url(self, url: str, path: str) -> list[Manifest]:
        http = ports.need(self.http, "HTTP")
        try:
            answer = await http.send(ports.Request("GET", url, timeout=_TIMEOUT))
        except Problem as problem:
            raise replace(problem, path=path, retry=True) from problem
        if answer.status != 200:
            said = f"{url} answers {answer.status}"
            raise Problem("reference.url", said, path, retry=True)
        try:
            read = [each.data for each in documents.load(answer.body, url) if each.data]
        except Problem as problem:
            raise replace(problem, path=path) from problem
        for each in read:
            if not isinstance(each, Mapping) or not each.get("kind") or not each.get("apiVersion"):
                said = f"{url} holds something that is no Kubernetes object"
                raise Problem("reference.url", said, path)
        return [manifests.annotated(copied(each), names.RESOURCE_URL, url) for each in read]


@dataclass(frozen=True)
class Reference:
    """One entry of `objects`. `labels` is None where the object is named."""

    kind: str  # a resource, such as deployment, or a kind
    group: str
    version: str
    name: str
    namespace: str
    cluster: str
    labels: Mapping[str, str] | None
    path: str

    @classmethod
    def of(cls, raw: Any, component: str, namespace: str, path: str) -> Reference:
        """Read one; what it leaves out is that of the component, and of its application.

        Raises:
            Problem: `reference.invalid`.
        """
        if not isinstance(raw, Mapping):
            raise _invalid("a reference is a map", path)
        labels = raw.get("labelSelector")
        if labels is not None and not isinstance(labels, Mapping):
            raise _invalid("labelSelector is a map of labels", f"{path}.labelSelector")
        if labels is not None and raw.get("name"):
            raise _invalid("name and labelSelector exclude each other", path)
        group, version = manifests.split_version(str(raw.get("apiVersion") or ""))
        kind = str(raw.get("resource") or raw.get("kind") or "")
        if not kind:
            raise _invalid("it says of no `resource` what it means", path, "resource: deployment")
        return cls(
            kind,
            str(raw.get("group") or group),
            version,
            str(raw.get("name") or component),
            str(raw.get("namespace") or namespace),
            str(raw.get("cluster") or ""),
            labels,
            path,
        )

    def __str__(self) -> str:
        if self.labels is None:
            what = f"{self.kind} {self.namespace}/{self.name}"
        else:
            listed = manifests.selector(self.labels)
            what = f"{self.kind} with the labels {listed} in namespace {self.namespace}"
        place = f" in cluster {self.cluster}" if self.cluster not in ("", names.LOCAL) else ""
        return f"{what}{place}"

    async def resource(self, there: client.Client) -> resources.Resource:
        """What is meant, in one cluster.

        Raises:
            Problem: `hub.unknown-kind`.
        """
        text = f"{self.kind}.{self.group}" if self.group else self.kind
        found = await there.resources.named(text)
        if self.version in ("", found.version):
            return found
        return await there.resources.find(found.group, self.version, found.kind)


def copied(found: Manifest) -> Manifest:
    """An object as somebody would declare it: without what its cluster made of it."""
    lean = manifests.annotated(recycling.lean(found), names.KUBECTL_LAST_APPLIED, None)
    meta = {k: v for k, v in manifests.metadata(lean).items() if k not in _OWN}
    return {**lean, "metadata": meta}


def _marked(found: Manifest, component: str) -> Manifest:
    return manifests.annotated(found, names.REFERRED, component)


def _listed(properties: Mapping[str, Any], name: str, path: str) -> Sequence[Any]:
    found = properties.get(name) or []
    if not isinstance(found, Sequence) or isinstance(found, str):
        raise _invalid(f"{name} is a list", f"{path}.{name}")
    return found


def _invalid(message: str, path: str, example: str = "") -> Problem:
    hint = f"write `{example}`" if example else ""
    return Problem("reference.invalid", message, path, hint=hint)
