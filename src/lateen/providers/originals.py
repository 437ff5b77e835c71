"""What actions on sources share: who opens a source, which values are given, what was released."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from lateen.api import manifest as manifests
from lateen.api.manifest import Key, Manifest
from lateen.base import documents, durations, merge, paths
from lateen.base.problem import Problem
from lateen.hub.errors import ApiError
from lateen.providers.calls import Call
from lateen.providers.ports import Objects, Runtime, need
from lateen.sources import depending, places

_VALUES: Final = "values.yaml"


@dataclass(frozen=True)
class Whose:
    """Whose source it is, and where what comes of it goes; `$params.context` of the action."""

    app: str
    app_namespace: str
    component: str
    cluster: str
    namespace: str  # of the release

    @classmethod
    def of(cls, call: Call, namespace: str) -> Whose:
        given = call.map("context", default={})

        def text(name: str) -> str:
            return str(given.get(name) or "")

        home = text("appNamespace") or call.runtime.namespace
        return cls(text("appName"), home, text("name"), text("cluster"), namespace)

    @property
    def slot(self) -> str:
        """The component in one place."""
        return f"{self.component} {self.cluster} {self.namespace}"

    @property
    def owner(self) -> tuple[str, str]:
        return self.app_namespace, self.app


async def find(objects: Objects | None, cluster: str, key: Key) -> Manifest | None:
    """The object, None where there is none, or none can be looked at: in a dry run.

    Raises:
        ApiError: the server refuses, or does not answer.
    """
    if objects is None:
        return None
    try:
        return await objects.get(cluster, key)
    except ApiError as error:
        if error.not_found:
            return None
        raise
    except Problem as problem:
        if problem.code in ("provider.unavailable", "hub.unknown-kind"):
            return None
        raise


async def access(call: Call, whose: Whose, *names: str) -> places.Credentials:
    """The credentials that the Secret named at `names` holds; nobody's where none is named.

    Raises:
        Problem: `source.secret`.
    """
    given = call.given(*names)
    if not given:
        return places.NOBODY
    reference = {"name": given} if isinstance(given, str) else given
    namespace = str(reference.get("namespace") or whose.namespace)
    where = ".".join((call.inputs_path, *names))
    _insist_near(namespace, whose, where)
    key = Key("", "Secret", namespace, str(reference["name"]), "v1")
    objects = need(call.runtime.objects, "Secrets")
    found = await _read(objects, key, where)
    if found is None and namespace != whose.app_namespace and "namespace" not in reference:
        key = Key("", "Secret", whose.app_namespace, str(reference["name"]), "v1")
        found = await _read(objects, key, where)
    if found is None:
        raise Problem("source.secret", f"there is no {key}", where, retry=True)
    return places.credentials(found)


async def values(call: Call, whose: Whose) -> dict[str, Any]:
    """`valuesFrom` in order, then `values`: later ones win, maps merge, lists replace.

    Raises:
        Problem, Problems: `source.values` for one that is not there or is no map, `yaml.*`.
    """
    merged: dict[str, Any] = {}
    for index, reference in enumerate(call.items("valuesFrom", default=[])):
        where = f"{call.inputs_path}.valuesFrom[{index}]"
        merged = merge.deep(merged, await _referred(call, reference, whose, where))
    return dict(merge.deep(merged, call.map("values", default={})))


async def _referred(
    call: Call, reference: Mapping[str, Any], whose: Whose, where: str
) -> dict[str, Any]:
    namespace = str(reference.get("namespace") or whose.namespace)
    _insist_near(namespace, whose, where)
    key = Key("", str(reference["kind"]), namespace, str(reference["name"]), "v1")
    name = str(reference.get("key") or reference.get("valuesKey") or _VALUES)
    found = await _read(need(call.runtime.objects, f"{key.kind}s"), key, where)
    text = _entry(found, name) if found else None
    if text is None:
        if reference.get("optional"):
            return {}
        lacks = f"there is no {key}" if found is None else f"{key} has no key {name}"
        raise Problem("source.values", lacks, where, retry=True)
    if target := reference.get("targetPath"):
        return dict(paths.assign({}, paths.parse(str(target)), text.strip()))
    return _map(text, f"{name} of {key}", where)


def _map(text: str, said: str, where: str) -> dict[str, Any]:
    try:
        loaded = documents.load(text, said)
    except Problem as problem:  # its excerpt may be a secret
        at = f" (line {problem.positions[0].line})" if problem.positions else ""
        raise Problem("source.values", f"{said} is not YAML{at}", where, retry=True) from problem
    data = loaded[0].data if loaded else {}
    if len(loaded) > 1 or not isinstance(data, Mapping):
        raise Problem("source.values", f"{said} is not a map of values", where, retry=True)
    return dict(data)


def _entry(found: Manifest, name: str) -> str | None:
    if name in (found.get("stringData") or {}):
        return str(found["stringData"][name])
    value = (found.get("data") or {}).get(name)
    if value is None or found.get("kind") != "Secret":
        return value
    return base64.b64decode(value).decode(errors="replace")


async def _read(objects: Objects, key: Key, where: str) -> Manifest | None:
    try:
        found = await objects.get("", key)
    except ApiError as error:
        if error.not_found:
            return None
        message = f"{key} cannot be read: {error.message}"
        raise Problem("source.secret", message, where, retry=True) from error
    return {"kind": key.kind, **found}


def _insist_near(namespace: str, whose: Whose, where: str) -> None:
    """A reference to another namespace would read what the author may not."""
    if namespace not in (whose.namespace, whose.app_namespace):
        allowed = " or ".join(dict.fromkeys((whose.namespace, whose.app_namespace)))
        message = f"namespace {namespace} is not that of the release or of the application"
        raise Problem("source.secret", message, where, hint=f"use {allowed}")


@dataclass(frozen=True)
class Record:
    """What a component released last, as its record says: a ConfigMap, its main object.

    Attributes:
        request: a digest of what was asked for.
        identity: a digest of what that came to; equal ones are the same release.
    """

    data: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    async def read(cls, runtime: Runtime, whose: Whose, name: str) -> Record:
        """The record of that name if it is the application's own; an empty one where not."""
        key = Key("", "ConfigMap", whose.namespace, name, "v1")
        found = await find(runtime.objects, whose.cluster, key)
        if found is None or manifests.owner(found) != whose.owner:
            return cls()
        return cls(found.get("data") or {})

    def pin(self, request: str) -> places.Pin | None:
        """What the source came to, when the same was asked for."""
        if not self._answers(request):
            return None
        return places.Pin(self.data["revision"], self.data["digest"], self.data["address"])

    def parts(self, request: str) -> list[depending.Part] | None:
        """What it depends on, as it was found, when the same was asked for."""
        if not self._answers(request):
            return None
        try:
            return depending.loaded(self.data.get("dependencies", ""))
        except (ValueError, LookupError, TypeError):  # somebody wrote into it
            return None

    def _answers(self, request: str) -> bool:
        return self.data.get("request") == request and "digest" in self.data


def seconds(call: Call, *names: str, default: str) -> float:
    """A duration among the inputs, in seconds.

    Raises:
        Problem: `provider.input`.
    """
    try:
        return durations.seconds(call.text(*names, default=default))
    except ValueError as error:
        where = ".".join((call.inputs_path, *names))
        raise Problem("provider.input", str(error), where) from error


def told_apart(objects: Sequence[Manifest], path: str) -> None:
    """Raises: Problem: `source.twice` where two manifests are of one object."""
    seen: set[Key] = set()
    for each in objects:
        key = manifests.key(each)
        if key in seen:
            raise Problem("source.twice", f"{key} is rendered twice", path)
        seen.add(key)
