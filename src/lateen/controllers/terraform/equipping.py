"""The settings of Terraform's command line for one Configuration: mirrors, logins of registries."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from lateen.api import configuration as conf
from lateen.api.configuration import Configuration
from lateen.api.manifest import Key
from lateen.base.problem import Problem
from lateen.dispatch import writing
from lateen.hub import client

_HELPER: Final = "terraformCredentialsHelperConfigMapReference"
_FILES: Final = {conf.LOGINS: "credentials.tfrc.json", conf.RC: ".terraformrc"}


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
    if key := declared.reference(conf.RC):
        text = await _entry(hub, key, conf.RC)
    tokens: dict[str, str] = {}
    if key := declared.reference(conf.LOGINS):
        tokens = _tokens(await _entry(hub, key, conf.LOGINS))
        logins = (
            f"credentials {_quoted(host)} {{\n  token = {_quoted(token)}\n}}\n"
            for host, token in tokens.items()
        )
        text = "\n".join([text, *logins])
    helper = bool(declared.spec.get(_HELPER))
    warnings = (f"spec.{_HELPER} is not used: name tokens in {conf.LOGINS}",) if helper else ()
    return Equipment(text, tuple(tokens.values()), warnings)


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode().replace("${", "$${").replace("%{", "%%{")


async def _entry(hub: client.Client, key: Key, field: str) -> str:
    secret = key.kind == "Secret"
    code = "terraform.credentials" if secret else "terraform.settings"
    where, file = f"spec.{field}", _FILES[field]
    named = f"{key.kind} {key.namespace}/{key.name}"
    found = await writing.fetch(hub, key)
    if found is None:
        raise Problem(code, f"there is no {named}", where, retry=True)
    value = (found.get("data") or {}).get(file)
    if value is None:
        raise Problem(code, f"the {named} has no key {file}", where, retry=True)
    return base64.b64decode(value).decode(errors="replace") if secret else str(value)


def _tokens(text: str) -> dict[str, str]:
    """Host to token, as `terraform login` writes them."""
    try:
        return {
            str(host): str(entry["token"])
            for host, entry in orjson.loads(text)["credentials"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = 'the credentials are not of the form {"credentials": {HOST: {"token": TOKEN}}}'
        raise Problem(
            "terraform.credentials", message, f"spec.{conf.LOGINS}", retry=True
        ) from error
