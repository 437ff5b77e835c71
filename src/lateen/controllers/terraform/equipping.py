"""The settings of Terraform's command line for one Configuration: mirrors, logins of registries."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from lateen.api.configuration import Configuration
from lateen.api.manifest import Key
from lateen.base.problem import Problem
from lateen.dispatch import writing
from lateen.hub import client

_LOGINS: Final = "terraformCredentialsSecretReference"
_RC: Final = "terraformRCConfigMapReference"
_HELPER: Final = "terraformCredentialsHelperConfigMapReference"
_FILES: Final = {_LOGINS: "credentials.tfrc.json", _RC: ".terraformrc"}


@dataclass(frozen=True)
class Equipment:
    """The text of the settings, the tokens in it, and what is to be said of it."""

    text: str
    tokens: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


async def equip(hub: client.Client, declared: Configuration, rc: str) -> Equipment:
    """`rc` is the file of the control plane's own settings; those of a Configuration come instead.

    Raises:
        Problem: `terraform.credentials`, `terraform.settings` for a reference to what is not there
            or has not what it should.
    """
    text = Path(rc).read_text(encoding="utf-8") if rc else ""
    if reference := declared.spec.get(_RC):
        text = await _entry(hub, declared, "ConfigMap", _RC, reference)
    tokens: dict[str, str] = {}
    if reference := declared.spec.get(_LOGINS):
        tokens = _tokens(await _entry(hub, declared, "Secret", _LOGINS, reference))
        logins = (
            f"credentials {_quoted(host)} {{\n  token = {_quoted(token)}\n}}\n"
            for host, token in tokens.items()
        )
        text = "\n".join([text, *logins])
    helper = bool(declared.spec.get(_HELPER))
    warnings = (f"spec.{_HELPER} is not used: name tokens in {_LOGINS}",) if helper else ()
    return Equipment(text, tuple(tokens.values()), warnings)


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode().replace("${", "$${").replace("%{", "%%{")


async def _entry(
    hub: client.Client, declared: Configuration, kind: str, field: str, reference: Mapping[str, Any]
) -> str:
    space = str(reference.get("namespace") or declared.namespace)
    where, key = f"spec.{field}", _FILES[field]
    named = f"{kind} {space}/{reference['name']}"
    found = await writing.fetch(hub, Key("", kind, space, str(reference["name"]), "v1"))
    if found is None:
        raise _lacking(kind, f"there is no {named}", where)
    value = (found.get("data") or {}).get(key)
    if value is None:
        raise _lacking(kind, f"the {named} has no key {key}", where)
    return base64.b64decode(value).decode(errors="replace") if kind == "Secret" else str(value)


def _lacking(kind: str, message: str, where: str) -> Problem:
    if kind == "Secret":
        return Problem("terraform.credentials", message, where, retry=True)
    return Problem("terraform.settings", message, where, retry=True)


def _tokens(text: str) -> dict[str, str]:
    """Host to token, as `terraform login` writes them."""
    try:
        return {
            str(host): str(entry["token"])
            for host, entry in orjson.loads(text)["credentials"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = 'the credentials are not of the form {"credentials": {HOST: {"token": TOKEN}}}'
        raise Problem("terraform.credentials", message, f"spec.{_LOGINS}", retry=True) from error
