"""Actions for env-binding policies, which topology and override policies have replaced.

An environment is a placement, a selection of components and patches to them, all written in the
properties of one policy of the application. Source: inventory 2.4, 3.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.manifest import Key, Manifest
from lateen.api.placement import Placement
from lateen.base.problem import Problem, Problems, every, raise_any
from lateen.hub import clusters
from lateen.hub.errors import ApiError
from lateen.providers.calls import Answer, Call
from lateen.providers.ports import Signal, Wanted, need

_TYPE: Final = "env-binding"
_REFERENCE: Final = "writeConnectionSecretToRef"
_ENV: Final = "app.oam.dev/env-name"
_ALIAS: Final = "app.oam.dev/sync-alias"
_WAIT: Final = "wait healthy"


async def apply_app(call: Call) -> Answer:
    """Deliver the components of an environment, and wait for all of them.

    Raises:
        Problem: `policy.environment` for an environment or a policy that is not there.
    """
    delivery = need(call.runtime.delivery, "the application")
    environment = await _environment(call)
    healthy = True
    for component in await delivery.components("", environment.override):
        place = environment.placement
        wanted = Wanted(component, place.cluster, place.namespace, None, "")
        healthy = (await delivery.apply(wanted)).healthy and healthy
    return Answer(signal=None if healthy else Signal("wait", _WAIT))


async def deploy_cloud_resource(call: Call) -> Answer:
    """Provision the Terraform components of an environment; then copy their connection Secrets.

    Each goes under its name with the environment's behind it, so that environments share nothing.
    """
    delivery = need(call.runtime.delivery, "the application")
    environment = await _environment(call)
    lacking: list[str] = []
    for component in await _terraform(call, environment):
        link = _Link.of(component, environment.name, call.text("namespace"))
        properties = {**(component.get("properties") or {}), _REFERENCE: link.reference}
        own = {**component, "name": link.component, "properties": properties}
        await delivery.apply(Wanted(own, "", "", None, ""))
        secret = await _connection(call, link)
        if secret is None:
            lacking.append(f"{_WAIT}: {link.component}")
            continue
        lacking += await _copy(call, link, secret, [environment.placement])
        await _mark(call, link, component)
    return _until(lacking)


async def share_cloud_resource(call: Call) -> Answer:
    """Copy the connection Secrets of an environment's Terraform components to placements."""
    environment = await _environment(call)
    home = call.text("namespace")
    places = [
        Placement(each.get("cluster") or names.LOCAL, each.get("namespace") or home)
        for each in call.items("placements")
    ]
    lacking: list[str] = []
    for component in await _terraform(call, environment):
        link = _Link.of(component, environment.name, home)
        secret = await _connection(call, link)
        if secret is None:
            lacking.append(f"{_WAIT}: {link.component}")
        else:
            lacking += await _copy(call, link, secret, places)
    return _until(lacking)


def _until(lacking: Sequence[str]) -> Answer:
    return Answer(signal=Signal("wait", "\n".join(lacking)) if lacking else None)


@dataclass(frozen=True)
class _Environment:
    name: str
    placement: Placement
    override: Mapping[str, Any]  # the properties of an override policy that does the same


@dataclass(frozen=True)
class _Link:
    """Where the connection Secret of a component is, and what copies of it are called."""

    component: str
    name: str
    stored: str
    namespace: str
    environment: str

    @classmethod
    def of(cls, component: Mapping[str, Any], environment: str, home: str) -> _Link:
        name = str(component["name"])
        reference = (component.get("properties") or {}).get(_REFERENCE) or {}
        alias = str(reference.get("name") or name)
        place = str(reference.get("namespace") or home)
        suffix = f"-{environment}"
        return cls(name + suffix, alias, alias + suffix, place, environment)

    @property
    def source(self) -> str:
        return f"{self.namespace}/{self.stored}"

    @property
    def reference(self) -> dict[str, str]:
        return {"name": self.stored, "namespace": self.namespace}


async def _environment(call: Call) -> _Environment:
    delivery = need(call.runtime.delivery, "the application")
    wanted, policy = call.text("env"), call.text("policy", default="")
    bindings = [each for each in await delivery.policies("") if each.get("type") == _TYPE]
    named = [each for each in bindings if policy in ("", each.get("name"))]
    if not named:
        said = f"no env-binding policy {policy}".rstrip()
        raise Problem("policy.environment", f"the application has {said}", call.inputs_path)
    for each in (named[0].get("properties") or {}).get("envs") or ():
        if each.get("name") == wanted:
            placement = each.get("placement") or {}
            cluster = (placement.get("clusterSelector") or {}).get("name") or names.LOCAL
            place = (placement.get("namespaceSelector") or {}).get("name")
            override = {"components": (each.get("patch") or {}).get("components") or []}
            if (selected := (each.get("selector") or {}).get("components")) is not None:
                override["selector"] = selected
            there = Placement(cluster, place or call.text("namespace"))
            return _Environment(wanted, there, override)
    where = f"{call.inputs_path}.env"
    message = f'policy {named[0].get("name")} has no environment "{wanted}"'
    raise Problem("policy.environment", message, where)


async def _terraform(call: Call, environment: _Environment) -> list[Mapping[str, Any]]:
    cloud = need(call.runtime.cloud, "Terraform components")
    delivery = need(call.runtime.delivery, "the application")
    theirs = {each["name"] for each in await cloud.components()}
    chosen = await delivery.components("", environment.override)
    return [each for each in chosen if each["name"] in theirs]


async def _connection(call: Call, link: _Link) -> Manifest | None:
    """The connection Secret, once the component is available."""
    if not await need(call.runtime.cloud, "Terraform components").healthy(link.component):
        return None
    objects = need(call.runtime.objects, "objects")
    try:
        return await objects.get("", Key("", "Secret", link.namespace, link.stored, "v1"))
    except ApiError as error:
        if not error.not_found:
            raise_any(error.problems())
        return None


async def _copy(
    call: Call, link: _Link, secret: Manifest, places: Iterable[Placement]
) -> list[str]:
    """Returns what is said of clusters that are away: they are waited for, the others go on."""
    away: list[str] = []
    for place in places:
        metadata = {
            "name": link.name,
            "namespace": place.namespace or link.namespace,
            "labels": {**call.runtime.labels, names.APP_REVISION: call.runtime.revision},
            "annotations": {names.COPY_OF: link.source},
        }
        copy = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque"}
        try:
            await _sent(call, place.cluster, {**copy, "data": secret.get("data") or {}})
        except (Problem, Problems) as error:
            if not all(each.code in clusters.AWAY for each in every(error)):
                raise
            away.append(str(error))
    return away


async def _mark(call: Call, link: _Link, component: Mapping[str, Any]) -> None:
    """Say on the Secret whose it is, for those who look for the connections of an application.

    A patch: what is in it stays whoever's it is.
    """
    labels = {
        **call.runtime.labels,
        names.APP_COMPONENT: str(component["name"]),
        _ENV: link.environment,
        _ALIAS: link.name,
    }
    objects = need(call.runtime.objects, "objects")
    key = Key("", "Secret", link.namespace, link.stored, "v1")
    try:
        await objects.patch("", key, {"metadata": {"labels": labels}})
    except ApiError as error:
        raise_any(error.problems())


async def _sent(call: Call, cluster: str, copy: Manifest) -> None:
    objects = need(call.runtime.objects, "objects")
    try:
        await objects.apply(cluster, copy, lambda there: _refuse_another(there, copy))
    except ApiError as error:
        raise_any(error.problems())


def _refuse_another(there: Manifest, copy: Manifest) -> None:
    """A copy of another Secret stays, unless an earlier revision made it: that one is to go.

    Raises:
        Problem: `policy.copy`.
    """
    theirs, ours = (manifests.annotation(each, names.COPY_OF) for each in (there, copy))
    then, now = (manifests.labels(each).get(names.APP_REVISION) for each in (there, copy))
    same = manifests.owner(there) == manifests.owner(copy)  # others are refused wherever we write
    if same and theirs and theirs != ours and then == now:
        key = manifests.key(copy)
        raise Problem(
            "policy.copy",
            f"{key} is a copy of Secret {theirs} already, and cannot be one of {ours} too",
            hint="have one of the environments call its Secret otherwise: patch "
            f"{_REFERENCE}.name of the component",
        )


ACTIONS: Final = {
    "apply-env-bind-app": apply_app,
    "deploy-cloud-resource": deploy_cloud_resource,
    "share-cloud-resource": share_cloud_resource,
}
