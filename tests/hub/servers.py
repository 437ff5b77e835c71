"""A small HTTP server that misbehaves as told. What talks to it is the real client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
from aiohttp import web

from lateen import hub
from lateen.hub.client import Client
from lateen.hub.connection import Connection, Reload
from lateen.hub.credentials import Access

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

DISCOVERY = {
    "/api": {
        "kind": "APIGroupDiscoveryList",
        "items": [
            {
                "versions": [
                    {
                        "version": "v1",
                        "resources": [
                            {
                                "resource": "configmaps",
                                "responseKind": {"kind": "ConfigMap"},
                                "scope": "Namespaced",
                                "verbs": ["get", "list", "watch"],
                            }
                        ],
                    }
                ]
            }
        ],
    },
    "/apis": {"kind": "APIGroupDiscoveryList", "items": []},
}


class Script:
    """Answers requests one after the other as scripted, and remembers them.

    Discovery is answered apart. After its last answer the server repeats it.
    """

    def __init__(self, *answers: Answer, discovery: dict[str, object] | None = None) -> None:
        self.answers = list(answers)
        self.requests: list[web.Request] = []
        self.ended = 0  # answers whose client went away
        self.discovery = DISCOVERY if discovery is None else discovery
        self.discovered: list[str] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path in self.discovery:
            self.discovered.append(request.path)
            return web.json_response(self.discovery[request.path])
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        try:
            return await answer(request)
        except (asyncio.CancelledError, ConnectionResetError):
            self.ended += 1
            raise


@asynccontextmanager
async def serve(script: Script) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", script.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def client_of(
    script: Script, *, timeout: float = 30.0, reload: Reload | None = None, token: str = ""
) -> AsyncIterator[hub.Client]:
    async with (
        serve(script) as url,
        Connection(Access(url, token, local=True), reload, timeout) as link,
    ):
        yield Client(link)


def says(status: int, body: object, **headers: str) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.json_response(body, status=status, headers=named)

    return answer


def refuses(code: int, reason: str = "", message: str = "no", **details: object) -> Answer:
    return says(
        code,
        {"kind": "Status", "code": code, "reason": reason, "message": message, "details": details},
    )


async def drops(request: web.Request) -> web.StreamResponse:
    """Close the connection without an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def truncates(request: web.Request) -> web.StreamResponse:
    """Promise more than is sent."""
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"kind": "ConfigMap", "meta')
    assert request.transport is not None
    request.transport.abort()
    return response


async def babbles(_: web.Request) -> web.StreamResponse:
    """A whole answer that is half of a JSON text."""
    return web.Response(text='{"kind": "ConfigMap", "meta', content_type="application/json")


async def sleeps(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(30)
    return web.Response()


def streams(*events: object, then: str = "end") -> Answer:
    """A watch with these events; then it ends, is `cut` within the next event, or is `open`."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for event in events:
            await response.write(orjson.dumps(event) + b"\n")
        if then == "cut":
            await response.write(b'{"type": "ADDED", "obj')
            await asyncio.sleep(0.05)
            assert request.transport is not None
            request.transport.abort()
        elif then == "open":
            await asyncio.sleep(30)
        return response

    return answer


def event(kind: str, name: str, version: int, **data: str) -> dict[str, object]:
    return {"type": kind, "object": config_map(name, version, **data)}


def config_map(name: str, version: int, **data: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "ns", "resourceVersion": str(version)},
        "data": data,
    }


def listing(version: int, *items: object, more: str = "") -> Answer:
    metadata = {"resourceVersion": str(version), "continue": more}
    return says(200, {"kind": "ConfigMapList", "metadata": metadata, "items": list(items)})
