"""Whether image registries and chart repositories answer: the validations of config templates."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

import orjson

from lateen.base.problem import Problem
from lateen.providers.calls import Answer, Call
from lateen.providers.ports import Http, Request, Response, need

_CHALLENGE: Final = re.compile(r'(\w+)="([^"]*)"')
_ENTRIES: Final = re.compile(r'^entries\s*:|"entries"\s*:', re.MULTILINE)
_TIMEOUT: Final = 10.0  # seconds


async def image_registry(call: Call) -> Answer:
    """Ask `/v2/` of a registry, with a token from where it says one is to be had."""
    http = need(call.runtime.http, "HTTP")
    host = call.text("registry")
    plain = call.flag("useHTTP", default=False)
    insecure = call.flag("insecure", default=False)
    request = Request(
        "GET",
        f"{'http' if plain else 'https'}://{host.rstrip('/')}/v2/",
        headers=_basic(call.given("auth", "username"), call.given("auth", "password")),
        timeout=_TIMEOUT,
        verify=not insecure,
    )
    return await _verdict(_pinged(http, request))


async def helm_repository(call: Call) -> Answer:
    """Read the index of a chart repository, or ask the registry behind `oci://`."""
    http = need(call.runtime.http, "HTTP")
    url = call.text("url").rstrip("/")
    request = Request(
        "GET",
        f"{url}/index.yaml",
        headers=_basic(call.given("username"), call.given("password")),
        timeout=_TIMEOUT,
        ca=call.text("caFile", default=""),
    )
    if url.startswith("oci://"):
        host = url.removeprefix("oci://").partition("/")[0]
        return await _verdict(_pinged(http, replace(request, url=f"https://{host}/v2/")))
    return await _verdict(_indexed(http, request))


async def _verdict(trial: Any) -> Answer:
    """What is wrong is the result, not a failure: the template says what follows from it."""
    try:
        fault = await trial
    except Problem as problem:
        fault = problem.message
    return Answer({"result": not fault, "message": fault})


async def _indexed(http: Http, request: Request) -> str:
    answer = await http.send(request)
    if answer.status != 200:
        return f"the repository answered {answer.status}"
    # not parsed: some are tens of megabytes
    return "" if _ENTRIES.search(answer.body) else "the repository has no index of charts"


async def _pinged(http: Http, request: Request) -> str:
    answer = await http.send(request)
    if answer.status == 401:
        token = await _token(http, request, answer)
        if token:
            headers = {"Authorization": f"Bearer {token}"}
            answer = await http.send(replace(request, headers=headers))
    if answer.status == 401:
        return "the registry does not take the credentials"
    return "" if answer.status == 200 else f"the registry answered {answer.status}"


async def _token(http: Http, request: Request, answer: Response) -> str:
    """Trade the credentials for a token, as the answer asks for it; empty where there is none."""
    challenge = next(iter(answer.headers.get("Www-Authenticate", ())), "")
    asked = dict(_CHALLENGE.findall(challenge))
    if not challenge.lower().startswith("bearer") or "realm" not in asked:
        return ""
    realm = asked.pop("realm")
    given = await http.send(replace(request, url=f"{realm}?{urlencode(asked)}"))
    if given.status != 200:
        return ""
    try:
        told = orjson.loads(given.body)
    except orjson.JSONDecodeError:
        return ""
    return str(told.get("token") or told.get("access_token") or "")


def _basic(username: Any, password: Any) -> dict[str, str]:
    if not username:
        return {}
    pair = base64.b64encode(f"{username}:{password or ''}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


TEMPLATE: Final = {"image-registry": image_registry, "helm-repository": helm_repository}
