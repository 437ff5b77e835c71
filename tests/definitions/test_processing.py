"""A trait that asks a server before it patches (semantics B3)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import pytest
from aiohttp import web

from lateen.cue.engine import Engine
from lateen.providers import packages, ports, sending
from tests.definitions import shops

pytestmark = pytest.mark.anyio

BODY = 'output: {apiVersion: "v1", kind: "ConfigMap", data: {}}\n'
TRAIT = """
processing: {
	output: {
		token: string
		...
	}
	http: {
		method: *"POST" | string
		url:    parameter.url
		request: {
			body: "for \\(context.name)"
			if parameter.plain != _|_ {
				header: "Content-Type": "text/plain"
			}
		}
	}
}
patch: data: {
	token: processing.output.token
	type:  processing.output.type
}
parameter: {
	url:    string
	plain?: bool
}
"""


@pytest.fixture
async def site() -> AsyncIterator[str]:
    async def answer(request: web.Request) -> web.Response:
        said = {"token": f"{request.method} {await request.text()}", "type": request.content_type}
        return web.json_response(said)

    async def text(request: web.Request) -> web.Response:
        return web.Response(text="[1]", status=502)

    async def slow(request: web.Request) -> web.Response:
        await anyio.sleep(30)
        return web.Response()

    app = web.Application()
    app.router.add_route("*", "/", answer)
    app.router.add_route("*", "/text", text)
    app.router.add_route("*", "/slow", slow)
    async with shops.served(app) as url:
        yield url


@pytest.fixture
async def shop(engine: Engine) -> AsyncIterator[shops.Shop]:
    async with sending.sender() as http:
        runtime = ports.Runtime(packages.Flavour.TEMPLATE, http=http)
        yield shops.Shop(engine, BODY, {"token": TRAIT}, runtime=runtime)


async def test_the_answer_is_there_for_the_patch(shop: shops.Shop, site: str) -> None:
    rendered = await shop.render(token={"url": site})
    assert rendered.workload["data"] == {"token": "POST for web", "type": "application/json"}


async def test_headers_given_stand_instead_of_ours(shop: shops.Shop, site: str) -> None:
    rendered = await shop.render(token={"url": site, "plain": True})
    assert rendered.workload["data"]["type"] == "text/plain"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        pytest.param("/text", "processing.answer", id="no JSON object"),
        pytest.param("/slow", "http.timeout", id="no answer within three seconds"),
    ],
)
async def test_without_an_answer_the_trait_fails(
    shop: shops.Shop, site: str, path: str, code: str
) -> None:
    [problem] = await shop.problems(token={"url": site + path})
    assert (problem.code, problem.path, problem.retry) == (
        code,
        "spec.components[0].traits[0]",
        True,
    )
    assert 'trait "token": processing.http: ' in problem.message


async def test_a_request_that_lacks_a_value_is_not_sent(shop: shops.Shop) -> None:
    [problem] = await shop.problems(token={})
    assert (problem.code, problem.path) == (
        "parameter.missing",
        "spec.components[0].traits[0].properties.url",
    )


async def test_a_dry_run_says_that_it_cannot_ask(engine: Engine) -> None:
    shop = shops.Shop(engine, BODY, {"token": TRAIT})
    [problem] = await shop.problems(token={"url": "http://127.0.0.1:1"})
    assert problem.code == "provider.unavailable"
