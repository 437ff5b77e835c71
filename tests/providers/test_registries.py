"""Whether registries and chart repositories answer, against servers that behave as they do."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from aiohttp import web

from lateen.cue.engine import Engine
from lateen.providers.packages import Flavour
from lateen.providers.ports import Runtime
from lateen.providers.sending import Sender
from tests.providers.worlds import run, served

pytestmark = pytest.mark.anyio

BASIC = "Basic " + base64.b64encode(b"user:right").decode()


async def registry(request: web.Request) -> web.Response:
    """Wants a token, which it hands out for the right password."""
    given = request.headers.get("Authorization", "")
    if request.path == "/token":
        assert request.query["service"] == "registry"
        return web.json_response({"token": "t"}, status=200 if given == BASIC else 401)
    if given == "Bearer t":
        return web.Response(text="{}")
    challenge = f'Bearer realm="http://{request.host}/token",service="registry"'
    return web.Response(status=401, headers={"WWW-Authenticate": challenge})


async def simple(request: web.Request) -> web.Response:
    """Takes the password itself."""
    right = request.headers.get("Authorization") == BASIC
    return web.Response(status=200 if right else 401, headers={"WWW-Authenticate": "Basic"})


async def away(request: web.Request) -> web.Response:
    return web.Response(status=503)


REGISTRY = """
import "vela/config"
a: config.#ImageRegistry & {{$params: {{
	registry: "{host}", useHTTP: true, auth: {{username: "user", password: "{password}"}}
}}}}
out: a.$returns
"""


@pytest.mark.parametrize(
    ("server", "password", "expected"),
    [
        pytest.param(registry, "right", (True, ""), id="a token for the password"),
        pytest.param(registry, "wrong", (False, "does not take the credentials"), id="no token"),
        pytest.param(simple, "right", (True, ""), id="the password"),
        pytest.param(simple, "wrong", (False, "does not take the credentials"), id="another"),
        pytest.param(away, "right", (False, "answered 503"), id="not in service"),
    ],
)
async def test_image_registries(
    engine: Engine, http: Sender, server: Any, password: str, expected: tuple[bool, str]
) -> None:
    async with served(server) as url:
        text = REGISTRY.format(host=url.removeprefix("http://"), password=password)
        found = await run(engine, text, Runtime(Flavour.TEMPLATE, http=http), "out")
    out = found.values["out"]
    assert out["result"] is expected[0]
    assert expected[1] in out["message"]
    assert bool(out["message"]) is not expected[0]


async def charts(request: web.Request) -> web.Response:
    if request.headers.get("Authorization") != BASIC:
        return web.Response(status=401)
    texts = {
        "/index.yaml": "apiVersion: v1\nentries:\n  nginx: []\n",
        "/quoted/index.yaml": '{"apiVersion": "v1", "entries": {}}',
        "/page/index.yaml": "<html>welcome</html>",
    }
    text = texts.get(request.path)
    return web.Response(text=text) if text else web.Response(status=404)


@pytest.mark.parametrize(
    ("path", "password", "expected"),
    [
        pytest.param("", "right", (True, ""), id="an index"),
        pytest.param("/quoted/", "right", (True, ""), id="an index in JSON"),
        pytest.param("", "wrong", (False, "answered 401"), id="the wrong password"),
        pytest.param("/gone", "right", (False, "answered 404"), id="no index"),
        pytest.param("/page", "right", (False, "no index of charts"), id="something else"),
    ],
)
async def test_chart_repositories(
    engine: Engine, http: Sender, path: str, password: str, expected: tuple[bool, str]
) -> None:
    async with served(charts) as url:
        text = f"""
import "vela/config"
a: config.#HelmRepository & {{$params: {{
	url: "{url}{path}", username: "user", password: "{password}"
}}}}
out: a.$returns
"""
        found = await run(engine, text, Runtime(Flavour.TEMPLATE, http=http), "out")
    assert found.values["out"]["result"] is expected[0]
    assert expected[1] in found.values["out"]["message"]


async def test_nobody_there_is_a_result(engine: Engine, http: Sender) -> None:
    async with served(charts) as url:
        pass
    text = f"""
import "vela/config"
a: config.#HelmRepository & {{$params: url: "{url}"}}
out: a.$returns.result
"""
    found = await run(engine, text, Runtime(Flavour.TEMPLATE, http=http), "out")
    assert found.values["out"] is False
