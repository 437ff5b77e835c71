"""Logging in to clouds: whether a Provider can be used, and what Terraform gets of it."""

from __future__ import annotations

import base64
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from lateen.api import configuration as states
from lateen.api.configuration import GROUP, PROVIDER, PROVIDER_VERSION, Configuration, Provider
from lateen.api.manifest import Key
from lateen.base.problem import Problem, told
from lateen.controllers.terraform import clouds
from lateen.hub import client, errors

NOT_READY: Final = "ProviderNotReady"


@dataclass(frozen=True)
class Login:
    """Environment variables for a run, and the region it is in."""

    environment: dict[str, str] = field(default_factory=dict)
    region: str = ""


class Refused(Exception):  # noqa: N818 - becomes a state of the Configuration
    """There is no login: the `state` of `status.apply` and why."""

    def __init__(self, state: str, message: str) -> None:
        self.state = state
        super().__init__(message)


async def login(hub: client.Client, declared: Configuration, needed: Collection[str]) -> Login:
    """The login of a Configuration whose module uses the providers `needed`.

    None is asked for where the module needs none: it says that it has its credentials inline, or
    refers to no Provider and uses none of the clouds.

    Raises:
        Refused: the Provider is not there, or not ready.
    """
    if declared.spec.get("inlineCredentials"):
        return Login(region=declared.region)
    namespace, name = declared.provider
    provider = await _find(hub, namespace, name)
    named = bool((declared.spec.get("providerRef") or {}).get("name"))
    wanted = sorted(set(needed) & clouds.NEEDED)
    if not (named or wanted) and not (provider and provider.ready):
        return Login(region=declared.region)
    if provider is None:
        where = "spec.providerRef: " if named else ""
        why = "" if named else f", and the configuration needs one for {', '.join(wanted)}"
        raise Refused(states.NOT_FOUND, f"{where}there is no Provider {namespace}/{name}{why}")
    region = declared.region or provider.region
    try:
        return Login(await environment(hub, provider, region), region)
    except Problem as problem:
        raise Refused(NOT_READY, f"Provider {namespace}/{name}: {told(problem)}") from problem


async def environment(hub: client.Client, provider: Provider, region: str) -> dict[str, str]:
    """The environment variables of a Provider.

    Raises:
        Problem: `terraform.cloud`, `terraform.credentials`.
    """
    clouds.check(provider.cloud)
    if provider.source != "Secret":
        raise Problem(
            "terraform.credentials",
            f"credentials from {provider.source or 'nowhere'} are not supported",
            "spec.credentials.source",
            hint="put them into a Secret",
        )
    ref = provider.secret
    where = Key("", "Secret", str(ref.get("namespace")), str(ref.get("name")), "v1")
    try:
        found = await hub.get(where)
    except errors.ApiError as error:
        if not error.not_found:
            raise
        message = f"there is no Secret {where.namespace}/{where.name}"
        path = "spec.credentials.secretRef"
        raise Problem("terraform.credentials", message, path, retry=True) from error
    packed = (found.get("data") or {}).get(str(ref.get("key")))
    if packed is None:
        message = f"the Secret {where.namespace}/{where.name} has no key {ref.get('key')}"
        path = "spec.credentials.secretRef.key"
        raise Problem("terraform.credentials", message, path, retry=True)
    text = base64.b64decode(packed).decode(errors="replace")
    return clouds.environment(provider.cloud, text, region)


async def _find(hub: client.Client, namespace: str, name: str) -> Provider | None:
    try:
        return Provider(await hub.get(Key(GROUP, PROVIDER, namespace, name, PROVIDER_VERSION)))
    except errors.ApiError as error:
        if error.not_found:
            return None
        raise


async def examine(hub: client.Client, provider: Provider) -> None:
    """Say on a Provider whether it can be used."""
    try:
        await environment(hub, provider, provider.region)
        status = {"state": states.READY, "message": "Provider is ready"}
    except Problem as problem:
        status = {"state": NOT_READY, "message": told(problem)}
    if status != (provider.raw.get("status") or {}):
        await hub.patch(provider.key, {"status": status}, subresource="status")
