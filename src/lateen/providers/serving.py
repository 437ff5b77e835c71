"""Actions of user packages: their server is asked over HTTP (semantics E8)."""

from __future__ import annotations

import orjson

from lateen.base.problem import Problem
from lateen.providers.calls import Answer, Call
from lateen.providers.external import Package
from lateen.providers.ports import Request, need

_TIMEOUT = 10.0  # seconds


async def ask(package: Package, do: str, call: Call) -> Answer:
    """POST the inputs as JSON to `<endpoint>/<do>`; the JSON of the answer is the result.

    Certificates are not verified: package servers make their own.

    Raises:
        Problem: `package.failed`, `http.*`.
    """
    http = need(call.runtime.http, "HTTP")
    answer = await http.send(
        Request(
            "POST",
            f"{package.endpoint}/{do}",
            body=orjson.dumps(call.inputs).decode(),
            headers={"Content-Type": "application/json", **package.headers},
            timeout=_TIMEOUT,
            verify=False,
        )
    )
    if answer.status >= 400:
        message = f"{package.name} answered {answer.status}: {answer.body.strip()[:500]}"
        raise Problem("package.failed", message, call.path, retry=True)
    try:
        results = orjson.loads(answer.body)
    except orjson.JSONDecodeError as error:
        message = f"{package.name} answered something else than JSON"
        raise Problem("package.failed", message, call.path) from error
    return Answer(results)
