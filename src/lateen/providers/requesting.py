"""The HTTP actions (semantics E8)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

from lateen.api.manifest import Key
from lateen.base import durations
from lateen.base.problem import Problem, raise_any
from lateen.hub.errors import ApiError
from lateen.providers.calls import Answer, Call
from lateen.providers.ports import Request, need

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_TIMEOUT: Final = 3.0  # seconds


async def do(call: Call) -> Answer:
    """Send a request. Any answer is a result, a 404 too.

    Raises:
        Problem: `http.*` where no answer came, `http.secret` for a Secret that does not have what
            it is asked for, `provider.input`.
    """
    http = need(call.runtime.http, "HTTP")
    answer = await http.send(await _request(call))
    headers = {name: list(values) for name, values in answer.headers.items()}
    return Answer({"body": answer.body, "header": headers, "statusCode": answer.status})


def repeatable(call: Call) -> bool:
    """Whether sending it twice is as good as sending it once."""
    return call.text("method", default="GET") in SAFE


async def _request(call: Call) -> Request:
    method, url = call.text("method", default="GET"), call.text("url")
    body = call.text("request", "body", default="")
    timeout = _seconds(call, "timeout", default=_TIMEOUT)
    tls = await _certificates(call)
    return Request(
        method=method,
        url=url,
        body=body,
        headers=await _headers(call),
        timeout=timeout,
        limit=_limit(call),
        ca=tls.get("ca.crt", ""),
        certificate=tls.get("client.crt", ""),
        key=tls.get("client.key", ""),
    )


async def _headers(call: Call) -> dict[str, str]:
    """What follows the body in HTTP is sent before it: few servers would look for it there."""
    given = call.map("request", "header", default={})
    headers = {**given, **call.map("request", "trailer", default={})}
    if not given:
        headers["Content-Type"] = "application/json"
    for each in call.items("request", "headersFromSecret", default=[]):
        data = await _secret(call, each["secret"], call.runtime.namespace)
        if each["key"] not in data:
            raise Problem(
                "http.secret",
                f'key "{each["key"]}" not found in secret "{each["secret"]}"',
                f"{call.inputs_path}.request.headersFromSecret",
            )
        headers[each["header"]] = data[each["key"]].decode(errors="replace")
    return {str(name): str(value) for name, value in headers.items()}


async def _certificates(call: Call) -> dict[str, str]:
    """PEM texts by their key. The values are base64 text inside the Secret; plain PEM is taken."""
    if not call.given("tls_config"):
        return {}
    name = call.text("tls_config", "secret")
    namespace = call.text("tls_config", "namespace", default="") or call.runtime.namespace
    if "/" in name:
        namespace, _, name = name.partition("/")
    found = {}
    for key, value in (await _secret(call, name, namespace)).items():
        found[key] = (value if value.startswith(b"-----") else _decoded(value)).decode(
            errors="replace"
        )
    return found


def _decoded(value: bytes) -> bytes:
    try:
        return base64.b64decode(value, validate=False)
    except binascii.Error:
        return value


async def _secret(call: Call, name: str, namespace: str) -> Mapping[str, bytes]:
    objects = need(call.runtime.objects, "Secrets")
    try:
        found = await objects.get("", Key("", "Secret", namespace, name, "v1"))
    except ApiError as error:
        if error.not_found:
            message = f'secret "{name}" not found in namespace "{namespace}"'
            raise Problem("http.secret", message, retry=True) from error
        raise_any(error.problems())
        raise
    data: Mapping[str, Any] = found.get("data") or {}
    return {key: base64.b64decode(value) for key, value in data.items()}


def _limit(call: Call) -> tuple[int, float] | None:
    if not call.given("request", "ratelimiter"):
        return None
    return call.whole("request", "ratelimiter", "limit"), _seconds(call, "ratelimiter", "period")


def _seconds(call: Call, *names: str, default: float | None = None) -> float:
    text = call.given("request", *names)
    if not text and default is not None:
        return default
    try:
        return durations.seconds(str(text))
    except ValueError as error:
        where = ".".join((call.inputs_path, "request", *names))
        raise Problem("provider.input", str(error), where) from error


ACTIONS: Final = {"do": do}
