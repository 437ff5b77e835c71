"""HTTP actions against real servers on loopback."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest
from aiohttp import web

from lateen.base.problem import Problem
from lateen.cue.engine import Engine
from lateen.providers.objects import Direct
from lateen.providers.packages import Flavour
from lateen.providers.ports import Runtime
from lateen.providers.sending import Sender
from tests.fakes.clock import StillClock
from tests.providers.worlds import run, served

pytestmark = pytest.mark.anyio

TLS = Path(__file__).parent / "tls"


async def echo(request: web.Request) -> web.Response:
    """What was asked, as JSON; a path of digits is the status."""
    status = int(request.path[1:]) if request.path[1:].isdecimal() else 200
    told = {
        "method": request.method,
        "path": request.path_qs,
        "body": await request.text(),
        "headers": {name.title(): value for name, value in request.headers.items()},
    }
    return web.json_response(told, status=status, headers={"x-answer": "yes"})


def text(inputs: str, name: str = "HTTPDo") -> str:
    return f"""
import "vela/http"
import "encoding/json"
a: http.#{name} & {{$params: {{{inputs}}}}}
out: {{
	status: a.$returns.statusCode
	header: a.$returns.header["X-Answer"][0]
	told:   json.Unmarshal(a.$returns.body)
}}
"""


async def asked(engine: Engine, http: Sender, inputs: str, **more: Any) -> Mapping[str, Any]:
    async with served(echo) as url:
        runtime = Runtime(Flavour.STEP, http=http, **more)
        found = await run(engine, text(inputs.replace("URL", url)), runtime, "out")
    answer: Mapping[str, Any] = found.values["out"]
    return answer


async def test_the_answer_is_a_result_whatever_its_status(engine: Engine, http: Sender) -> None:
    found = await asked(engine, http, 'url: "URL/404"')
    assert (found["status"], found["header"], found["told"]["method"]) == (404, "yes", "GET")


async def test_what_is_sent(engine: Engine, http: Sender) -> None:
    inputs = 'method: "PUT", url: "URL/a?b=c", request: {body: "text", header: "X-One": "1"}'
    told = (await asked(engine, http, inputs))["told"]
    assert (told["method"], told["path"], told["body"]) == ("PUT", "/a?b=c", "text")
    assert told["headers"]["X-One"] == "1"


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        pytest.param('url: "URL", request: body: "{}"', "application/json", id="unless told"),
        pytest.param(
            'url: "URL", request: header: "Content-Type": "text/plain"', "text/plain", id="told"
        ),
    ],
)
async def test_the_content_type(engine: Engine, http: Sender, inputs: str, expected: str) -> None:
    told = (await asked(engine, http, f'method: "POST", {inputs}'))["told"]
    assert told["headers"]["Content-Type"] == expected


async def test_trailers_are_sent_ahead(engine: Engine, http: Sender) -> None:
    told = (await asked(engine, http, 'url: "URL", request: trailer: "X-Sum": "9"'))["told"]
    assert told["headers"]["X-Sum"] == "9"


@pytest.mark.parametrize(
    ("name", "method"),
    [("HTTPGet", "GET"), ("HTTPPost", "POST"), ("HTTPPut", "PUT"), ("HTTPDelete", "DELETE")],
)
async def test_named_methods_in_both_forms(
    engine: Engine, http: Sender, name: str, method: str
) -> None:
    """In KubeVela the newer form sends a GET for all of them, and op.#HTTPGet fails."""
    runtime = Runtime(Flavour.STEP, http=http)
    async with served(echo) as url:
        new = await run(engine, text(f'url: "{url}"', name), runtime, "out")
        older = f"""
import "vela/op"
import "encoding/json"
a: op.#{name} & {{url: "{url}"}}
out: {{status: a.response.statusCode, told: json.Unmarshal(a.response.body)}}
"""
        old = await run(engine, older, runtime, "out")
    assert new.values["out"]["told"]["method"] == method
    assert (old.values["out"]["status"], old.values["out"]["told"]["method"]) == (200, method)


async def test_templates_send_requests_too(engine: Engine, http: Sender) -> None:
    template = """
import "vela/http"
a: http.#Get & {$params: url: "%s/x"}
out: a.$returns.statusCode
"""
    async with served(echo) as url:
        runtime = Runtime(Flavour.TEMPLATE, http=http)
        assert (await run(engine, template % url, runtime, "out")).values["out"] == 200


async def slow(request: web.Request) -> web.Response:
    await anyio.sleep(30)
    return web.Response()


async def large(request: web.Request) -> web.Response:
    return web.Response(body=b"x" * (17 * 2**20))


async def failing(engine: Engine, http: Sender, inputs: str, **more: Any) -> Problem:
    with pytest.raises(Problem) as raised:
        await run(engine, text(inputs), Runtime(Flavour.STEP, http=http, **more))
    return raised.value


async def test_no_answer_in_time(engine: Engine, http: Sender) -> None:
    async with served(slow) as url:
        found = await failing(engine, http, f'url: "{url}/a?token=t", request: timeout: "200ms"')
    assert (found.code, found.retry) == ("http.timeout", True)
    assert found.message == f"GET {url}/a got no answer within 0.2 s", "a query may hold tokens"


async def test_nobody_there(engine: Engine, http: Sender) -> None:
    async with served(echo) as url:
        pass
    found = await failing(engine, http, f'url: "{url}"')
    assert (found.code, found.retry) == ("http.unreachable", True)


@pytest.mark.parametrize("url", ["not a url", "ftp://example.org/x", ""])
async def test_what_is_no_address(engine: Engine, http: Sender, url: str) -> None:
    found = await failing(engine, http, f'url: "{url}"')
    assert found.code in ("http.url", "http.unreachable")


async def test_an_answer_too_large(engine: Engine, http: Sender) -> None:
    async with served(large) as url:
        found = await failing(engine, http, f'url: "{url}"')
    assert found.code == "http.too-large"


async def test_a_timeout_that_is_none(engine: Engine, http: Sender) -> None:
    found = await failing(engine, http, 'url: "http://u", request: timeout: "soon"')
    assert (found.code, found.path) == ("provider.input", "a.$params.request.timeout")


async def test_no_more_than_the_limit_in_a_period(
    engine: Engine, http: Sender, clock: StillClock
) -> None:
    """The limit is of method and address; the query does not count."""
    async with served(echo) as url:
        runtime = Runtime(Flavour.STEP, http=http)
        limit = 'request: ratelimiter: {limit: 2, period: "10s"}'
        for query in ("a", "b"):
            await run(engine, text(f'url: "{url}/x?{query}", {limit}'), runtime)
        with pytest.raises(Problem) as raised:
            await run(engine, text(f'url: "{url}/x?c", {limit}'), runtime)
        assert (raised.value.code, raised.value.retry) == ("http.rate-limit", True)
        await run(engine, text(f'url: "{url}/y", {limit}'), runtime)
        await run(engine, text(f'method: "POST", url: "{url}/x", {limit}'), runtime)
        clock.pass_by(11)
        await run(engine, text(f'url: "{url}/x", {limit}'), runtime)


def secret(namespace: str, name: str, data: Mapping[str, str]) -> dict[str, Any]:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": encoded}


FROM_SECRET = 'request: headersFromSecret: [{header: "X-Token", secret: "s", key: "token"}]'


async def test_headers_from_a_secret(
    engine: Engine, http: Sender, objects: Direct, namespace: str
) -> None:
    await objects.apply("", secret(namespace, "s", {"token": "hidden"}))
    inputs = f'url: "URL", {FROM_SECRET}'
    found = await asked(engine, http, inputs, objects=objects, namespace=namespace)
    assert found["told"]["headers"]["X-Token"] == "hidden"


@pytest.mark.parametrize(
    ("there", "message"),
    [
        pytest.param({}, 'secret "s" not found', id="no secret"),
        pytest.param({"other": "x"}, 'key "token" not found in secret "s"', id="no such key"),
    ],
)
async def test_a_secret_without_what_is_asked_for(
    engine: Engine,
    http: Sender,
    objects: Direct,
    namespace: str,
    there: Mapping[str, str],
    message: str,
) -> None:
    if there:
        await objects.apply("", secret(namespace, "s", there))
    inputs = f'url: "http://127.0.0.1:1", {FROM_SECRET}'
    found = await failing(engine, http, inputs, objects=objects, namespace=namespace)
    assert found.code == "http.secret"
    assert message in found.message


def mutual() -> ssl.SSLContext:
    """A server that asks for a certificate of the test authority."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=TLS / "ca.crt")
    context.load_cert_chain(TLS / "server.crt", TLS / "server.key")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


@pytest.mark.parametrize("wrapped", [True, False], ids=["base64 in the Secret", "plain PEM"])
async def test_certificates_from_a_secret(
    engine: Engine, http: Sender, objects: Direct, namespace: str, wrapped: bool
) -> None:
    pems = {
        "ca.crt": TLS / "ca.crt",
        "client.crt": TLS / "client.crt",
        "client.key": TLS / "client.key",
    }
    data = {key: path.read_text() for key, path in pems.items()}
    if wrapped:
        data = {key: base64.b64encode(pem.encode()).decode() for key, pem in data.items()}
    await objects.apply("", secret(namespace, "tls", data))
    async with served(echo, ssl_context=mutual()) as url:
        runtime = Runtime(Flavour.STEP, http=http, objects=objects, namespace=namespace)
        inputs = f'url: "{url}/", tls_config: secret: "tls"'
        found = await run(engine, text(inputs), runtime, "out")
        assert found.values["out"]["status"] == 200
        with pytest.raises(Problem) as raised:
            await run(engine, text(f'url: "{url}/"'), runtime)
        assert raised.value.code == "http.tls"


async def test_certificates_that_are_none(
    engine: Engine, http: Sender, objects: Direct, namespace: str
) -> None:
    await objects.apply("", secret(namespace, "tls", {"ca.crt": "nonsense"}))
    inputs = 'url: "https://127.0.0.1:1", tls_config: secret: "tls"'
    found = await failing(engine, http, inputs, objects=objects, namespace=namespace)
    assert found.code == "http.tls"
