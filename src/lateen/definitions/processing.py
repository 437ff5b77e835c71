"""`processing.http` of a trait: a request made before its patch and outputs are read (B3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from lateen.base.problem import Problem
from lateen.cue.templates import Fill
from lateen.providers import ports

HTTP: Final = "processing.http"
_OUTPUT: Final = "processing.output"
_TIMEOUT: Final = 3.0  # seconds
_HEADERS: Final = {"Content-Type": "application/json"}


async def answer(asked: Mapping[str, Any], runtime: ports.Runtime) -> Fill:
    """Send what a template asks for as `processing.http`; the answer belongs in the template.

    Raises:
        Problem: `http.*` when there is no answer, `processing.answer` when it is no JSON object,
            `provider.unavailable` where no requests are sent.
    Source: semantics B3.
    """
    http = ports.need(runtime.http, HTTP)
    response = await http.send(_request(asked))
    try:
        body = orjson.loads(response.body)
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        raise Problem(
            "processing.answer",
            f"{asked['url']} answered {response.status} and no JSON object",
            HTTP,
            retry=True,
        )
    return Fill(_OUTPUT, body, f"answer of {HTTP}")


def _request(asked: Mapping[str, Any]) -> ports.Request:
    given = asked.get("request") or {}
    tls = asked.get("tls_config") or {}
    return ports.Request(
        str(asked.get("method") or "GET"),
        str(asked.get("url") or ""),
        str(given.get("body") or ""),
        given.get("header") or _HEADERS,
        _TIMEOUT,
        ca=str(tls.get("ca") or ""),
        certificate=str(tls.get("client_crt") or ""),
        key=str(tls.get("client_key") or ""),
    )
