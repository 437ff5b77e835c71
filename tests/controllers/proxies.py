"""A proxy on loopback between the controller and the API server, which misbehaves as told."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import aiohttp
import orjson
from aiohttp import web

from lateen.hub import kubeconfig
from lateen.hub.credentials import Access

_HOP = {"host", "content-length", "transfer-encoding", "connection", "authorization"}


class Moment(Enum):
    """When a request fails."""

    BEFORE = "before"  # the API server never sees it
    AFTER = "after"  # it is done, and only the answer is lost


@dataclass(frozen=True)
class Fault:
    """What becomes of a request: an answer of the proxy's own, or none."""

    status: int = 0  # 0: no answer at all
    reason: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0  # seconds before anything is answered
    moment: Moment = Moment.BEFORE
    body: object = None  # of the answer, where it is not a Status


Judge = Callable[[web.Request], Fault | None]


class Proxy:
    """Passes on what `judge` lets pass; watches can be cut or silenced.

    `seen` counts requests by method and resource, but those that are `overlooked`; `injected`
    counts what went wrong.
    """

    def __init__(self, upstream: Access) -> None:
        self._upstream = upstream
        self.judge: Judge = lambda request: None
        self.seen: Counter[tuple[str, str]] = Counter()
        self.overlooked: Callable[[web.Request], bool] = lambda request: False
        self.injected = 0
        self.silent = False  # watches stay open, and tell nothing any more
        self.forgetful = 0  # so many watches to come are told that what they ask for is gone
        self.lag = 0.0  # seconds before every answer
        self._watches: dict[int, web.Request] = {}

    @property
    def requests(self) -> int:
        return sum(self.seen.values())

    def cut(self) -> None:
        """Close every watch, in the middle of whatever it is telling."""
        for each in list(self._watches.values()):
            if each.transport is not None:
                each.transport.abort()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        watching = "watch" in request.query
        if not self.overlooked(request):
            self.seen["WATCH" if watching else request.method, resource(request)] += 1
        body = await request.read()
        fault = self.judge(request)
        await asyncio.sleep(self.lag)
        if fault is None:
            return await (self._watched if watching else self._passed)(request, body)
        self.injected += 1
        if fault.moment is Moment.AFTER:
            await self._passed(request, body)
        await asyncio.sleep(fault.delay)
        if fault.status:
            return refused(fault)
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def _passed(self, request: web.Request, body: bytes) -> web.StreamResponse:
        async with self._send(request, body) as answer:
            content = answer.headers.get("Content-Type", "application/json")
            return web.Response(
                status=answer.status, body=await answer.read(), headers={"Content-Type": content}
            )

    async def _watched(self, request: web.Request, body: bytes) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        if self.forgetful:
            self.forgetful -= 1
            self.injected += 1
            await response.prepare(request)
            gone = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
            await response.write(orjson.dumps({"type": "ERROR", "object": gone}) + b"\n")
            return response
        self._watches[id(request)] = request
        try:
            async with self._send(request, body) as answer:
                response.set_status(answer.status)
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    if not self.silent:
                        await response.write(chunk)
        finally:
            del self._watches[id(request)]
        return response

    def _send(self, request: web.Request, body: bytes) -> aiohttp.client._RequestContextManager:
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP}
        if self._upstream.authorization:
            headers["Authorization"] = self._upstream.authorization
        return self._session.request(
            request.method,
            self._upstream.server + request.raw_path,
            data=body or None,
            headers=headers,
            ssl=self._upstream.tls or False,
            server_hostname=self._upstream.tls_name or None,
        )

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Access]:
        """How to reach it."""
        found = web.Application(client_max_size=2**24)
        found.router.add_route("*", "/{path:.*}", self.answer)
        runner = web.AppRunner(found, shutdown_timeout=0.1, handler_cancellation=True)
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(timeout=timeout, auto_decompress=True) as self._session:
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            host, port = runner.addresses[0][:2]
            try:
                yield Access(f"http://{host}:{port}", local=True)
            finally:
                await site.stop()
                await asyncio.sleep(0.05)  # who is just being let in is sent away with the others
                await runner.cleanup()


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[tuple[Proxy, Access]]:
    """A proxy before the API server of a kubeconfig, and how to reach it."""
    proxy = Proxy(await kubeconfig.load(path))
    async with proxy.open() as access:
        yield proxy, access


def resource(request: web.Request) -> str:
    """`configmaps` of `/api/v1/namespaces/ns/configmaps/a`; with its subresource, if any."""
    parts = request.path.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    if parts[:1] == ["namespaces"] and len(parts) > 2:
        parts = parts[2:]
    return "/".join(parts[:1] + parts[2:])


def refused(fault: Fault) -> web.Response:
    if fault.body is not None:
        return web.json_response(fault.body, status=fault.status)
    body = {
        "kind": "Status",
        "code": fault.status,
        "reason": fault.reason,
        "message": f"{fault.reason}, as told",
    }
    return web.json_response(body, status=fault.status, headers=fault.headers)
