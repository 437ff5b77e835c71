"""Logins at an OpenID issuer, as kubeconfigs hold them (`auth-provider: oidc`).

The id-token is shown to the API server as long as it is valid; then the refresh-token gets another
one. An issuer may give a new refresh-token with it, and take the old one no longer: what is got has
to be kept. Names are those of the kubeconfig: `id-token`, `refresh-token`, `idp-issuer-url`,
`client-id`, `client-secret`, `idp-certificate-authority(-data)`.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import orjson

from lateen.base.problem import Problem
from lateen.hub import credentials

Config = Mapping[str, str]
Keep = Callable[[Config], Awaitable[None]]  # keeps what a login has become

NAME: Final = "oidc"
_EARLY: Final = timedelta(seconds=10)  # before its end: clocks differ, and a request takes a while
_TIMEOUT: Final = aiohttp.ClientTimeout(total=10.0)
_DISCOVERY: Final = "/.well-known/openid-configuration"
_AGAIN: Final = "log in again, as with the plugin or program that wrote the kubeconfig"


def config_of(user: Mapping[str, Any]) -> Config | None:
    """What a user entry says of a login at an issuer, None where it has no such one."""
    provider = user.get("auth-provider") or {}
    if provider.get("name") != NAME:
        return None
    return {name: str(value) for name, value in (provider.get("config") or {}).items()}


async def fresh(config: Config, base: Path) -> Config:
    """The login with an id-token that is valid: the same one, where it still is.

    Raises:
        Problem: `hub.credentials` when no other can be had.
        OSError, ValueError: its certificate authority cannot be used.
    """
    if valid(config.get("id-token", ""), datetime.now(UTC)):
        return config
    issuer = config.get("idp-issuer-url", "").rstrip("/")
    needed = ("idp-issuer-url", "client-id", "refresh-token")
    if lacking := [name for name in needed if not config.get(name)]:
        said = f"its id-token has ended, and it has no {' and no '.join(lacking)} to get another"
        raise _refused(issuer, said, _AGAIN)
    authority = {
        name.removeprefix("idp-"): value
        for name, value in config.items()
        if name.startswith("idp-certificate-authority")
    }
    tls = credentials.trust(authority, base, credentials.Credentials())
    async with aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=True) as session:
        found = await _ask(session.get(issuer + _DISCOVERY, ssl=tls), issuer)
        endpoint = str(found.get("token_endpoint") or "")
        if not endpoint.startswith(("http://", "https://")):
            raise _refused(issuer, "it does not say where its tokens are had")
        headers, form = _shown(config, found.get("token_endpoint_auth_methods_supported"))
        request = session.post(endpoint, data=form, headers=headers, ssl=tls, allow_redirects=False)
        given = await _ask(request, issuer)
    token = str(given.get("id_token") or "")
    if not token:
        raise _refused(issuer, "it gave no id_token", "the login needs the scope openid")
    rotated = str(given.get("refresh_token") or config["refresh-token"])
    return {**config, "id-token": token, "refresh-token": rotated}


def valid(token: str, now: datetime) -> bool:
    """Whether an id-token can be shown for a while; one that nobody can read cannot."""
    parts = token.split(".")
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        end = claims.get("exp")
        return end is None or datetime.fromtimestamp(float(end), UTC) > now + _EARLY
    except (IndexError, ValueError, TypeError, AttributeError, OverflowError):
        return False


def _shown(config: Config, methods: Any) -> tuple[dict[str, str], dict[str, str]]:
    """Headers and form of the request for another token: who we are in one or the other."""
    form = {"grant_type": "refresh_token", "refresh_token": config["refresh-token"]}
    client, secret = config["client-id"], config.get("client-secret", "")
    if not secret:
        return {}, {**form, "client_id": client}
    if methods and "client_secret_basic" not in methods:
        return {}, {**form, "client_id": client, "client_secret": secret}
    pair = f"{quote(client, safe='')}:{quote(secret, safe='')}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}, form


async def _ask(request: Any, issuer: str) -> dict[str, Any]:
    """The JSON object that an issuer answers.

    Raises:
        Problem: it does not answer, refuses, or answers something else.
    """
    try:
        async with request as response:
            body = await response.read()
    except (aiohttp.ClientError, TimeoutError) as error:
        said = "it does not answer in time" if isinstance(error, TimeoutError) else str(error)
        raise _refused(issuer, said, "it may come back", retry=True) from error
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = None
    if response.status == 200 and isinstance(answer, dict):
        return answer
    said = f"it answers {response.status}"
    if isinstance(answer, dict) and answer.get("error"):
        described = answer.get("error_description")
        said = f"{answer['error']}: {described}" if described else str(answer["error"])
        if answer["error"] == "invalid_grant":
            raise _refused(issuer, said, _AGAIN)
    raise _refused(issuer, said, retry=response.status >= 500)


def _refused(issuer: str, said: str, hint: str = "", *, retry: bool = False) -> Problem:
    whom = f" at {issuer}" if issuer else ""
    message = f"the login{whom} cannot be refreshed: {said}"
    return Problem("hub.credentials", message, hint=hint, retry=retry)
